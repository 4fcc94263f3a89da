"""Names that are loaded when they are first used: those that ``from kan import *`` gives, and some modules of `kan`."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from kan.common import algebra

# The name, the module it comes from, and what it is called there; None for the module itself.
_STAR_NAMES: dict[str, tuple[str, str | None]] = {
    "copy": ("copy", None),
    "glob": ("glob", None),
    "nn": ("torch.nn", None),
    "np": ("numpy", None),
    "os": ("os", None),
    "plt": ("matplotlib.pyplot", None),
    "random": ("random", None),
    "re": ("re", None),
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
    if name in algebra.__all__:
        return getattr(algebra, name)
    if name == "pd":
        return sys.modules.get("pandas") or _Pandas("pandas")
    if name not in _STAR_NAMES:
        raise AttributeError(f"module 'kan' has no attribute {name!r}")
    module, attribute = _STAR_NAMES[name]
    loaded = import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)


class _Pandas(ModuleType):
    """pandas, loaded when something of it is used: this library needs none, and a star import must do without it."""

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(import_module("pandas"), name)
        except ModuleNotFoundError as error:
            if name.startswith("__"):  # asked for by what looks at every name, not by a script that wants pandas
                raise AttributeError(str(error)) from error
            raise
