"""Door: pykan's import path of whole runs, with what a star import gives there."""

from typing import TYPE_CHECKING

from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.models import KAN, MultKAN
from kan.recipes import pareto_frontier, plot_pareto_frontier, runner1

if TYPE_CHECKING:
    import copy as copy
    import os as os

    import matplotlib.pyplot as plt
    import numpy as np
    import torch as torch

__all__ = [
    "KAN",
    "MultKAN",
    "copy",
    "np",
    "os",
    "pareto_frontier",
    "plot_pareto_frontier",
    "plt",
    "runner1",
    "torch",
]
