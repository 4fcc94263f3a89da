"""Names of other libraries that ``from kan import *`` gives, loaded when they are first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# The name, the module it comes from, and what it is called there; None for the module itself.
_STAR_NAMES: dict[str, tuple[str, str | None]] = {
    "copy": ("copy", None),
    "nn": ("torch.nn", None),
    "np": ("numpy", None),
    "nsimplify": ("sympy", "nsimplify"),
    "plt": ("matplotlib.pyplot", None),
    "sympy": ("sympy", None),
    "torch": ("torch", None),
    "tqdm": ("tqdm", "tqdm"),
}


def star_name(name: str) -> Any:
    """Return what `name` stands for; serves as a package's ``__getattr__``."""
    if name not in _STAR_NAMES:
        raise AttributeError(f"module 'kan' has no attribute {name!r}")
    module, attribute = _STAR_NAMES[name]
    loaded = import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)
