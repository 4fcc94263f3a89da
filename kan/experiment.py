"""Door: pykan's import path of whole runs, with what a star import of `kan.MultKAN` gives, as there."""

from typing import TYPE_CHECKING

from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.MultKAN import (  # noqa: F401 - what is not lazy among the names that are handed on
    KAN,
    LBFGS,
    SYMBOLIC_LIB,
    KANLayer,
    MultKAN,
    Symbolic_KANLayer,
    curve2coef,
    plot_tree,
)
from kan.MultKAN import __all__ as _of_multkan
from kan.recipes import pareto_frontier, plot_pareto_frontier, runner1

if TYPE_CHECKING:
    from kan.MultKAN import *  # noqa: F403 - its names are added to `__all__`

__all__ = ["pareto_frontier", "plot_pareto_frontier", "runner1", *_of_multkan]  # noqa: PLE0604 - strings
