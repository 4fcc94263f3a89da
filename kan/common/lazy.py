"""What is loaded when it is first asked for: names that ``from kan import *`` gives, and some modules of `kan`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# The name, the module it comes from, and what it is called there; None for the module itself.
_STAR_NAMES: dict[str, tuple[str, str | None]] = {
    "copy": ("copy", None),
    "glob": ("glob", None),
    "latex": ("sympy", "latex"),
    "nn": ("torch.nn", None),
    "np": ("numpy", None),
    "nsimplify": ("sympy", "nsimplify"),
    "os": ("os", None),
    "plt": ("matplotlib.pyplot", None),
    "random": ("random", None),
    "symbols": ("sympy", "symbols"),
    "sympy": ("sympy", None),
    "torch": ("torch", None),
    "tqdm": ("tqdm", "tqdm"),
    "yaml": ("yaml", None),
}
# Modules that need no import of their own.
_MODULES = ("MLP", "compiler", "experiment", "feynman")


def lazy_name(name: str) -> Any:
    """Return what `name` stands for; serves as a package's ``__getattr__``."""
    if name in _MODULES:
        return import_module(f"kan.{name}")
    if name not in _STAR_NAMES:
        raise AttributeError(f"module 'kan' has no attribute {name!r}")
    module, attribute = _STAR_NAMES[name]
    loaded = import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)
