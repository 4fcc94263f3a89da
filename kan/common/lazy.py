"""What is loaded when it is first asked for: names that ``from kan import *`` gives, and some modules of `kan`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# The name, the module it comes from, and what it is called there; None for the module itself.
_LAZY_NAMES: dict[str, tuple[str, str | None]] = {
    "copy": ("copy", None),
    "nn": ("torch.nn", None),
    "np": ("numpy", None),
    "nsimplify": ("sympy", "nsimplify"),
    "plt": ("matplotlib.pyplot", None),
    "sympy": ("sympy", None),
    "torch": ("torch", None),
    "tqdm": ("tqdm", "tqdm"),
    # So that `kan.compiler` and others can be used, and looked at, without an import of their own.
    "MLP": ("kan.MLP", None),
    "compiler": ("kan.compiler", None),
    "experiment": ("kan.experiment", None),
    "feynman": ("kan.feynman", None),
}


def lazy_name(name: str) -> Any:
    """Return what `name` stands for; serves as a package's ``__getattr__``."""
    if name not in _LAZY_NAMES:
        raise AttributeError(f"module 'kan' has no attribute {name!r}")
    module, attribute = _LAZY_NAMES[name]
    loaded = import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)
