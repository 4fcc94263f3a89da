"""Hypotheses about a function's structure: separability, symmetry, and the tree of both.

They hold for anything that maps samples (N, I) to outputs, of which the first is looked at: plain functions, any
``torch.nn.Module``, a KAN. All are judged by derivatives at the samples, so the function must be smooth there: twice
differentiable, and three times for general separability of two groups.

The names are pykan's, some of them ``test_...``; pytest does not take them for tests. A star import gives what it gives
there for scripts to go on with.
"""

from typing import TYPE_CHECKING

from kan.calculus import batch_hessian, batch_jacobian
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.hypothesis.drawing import plot_tree
from kan.hypothesis.general import test_general_separability
from kan.hypothesis.separability import detect_separability, test_separability
from kan.hypothesis.symmetry import batch_grad_normgrad, get_dependence, test_symmetry
from kan.hypothesis.symmetry_variable import test_symmetry_var
from kan.hypothesis.tree import get_molecule, get_tree_node

if TYPE_CHECKING:
    import copy as copy

    import matplotlib.pyplot as plt
    import numpy as np
    import sympy as sympy
    import torch as torch
    from sympy import lambdify as lambdify
    from sympy import latex as latex

__all__ = [
    "batch_grad_normgrad",
    "batch_hessian",
    "batch_jacobian",
    "copy",
    "detect_separability",
    "get_dependence",
    "get_molecule",
    "get_tree_node",
    "lambdify",
    "latex",
    "np",
    "plot_tree",
    "plt",
    "sympy",
    "test_general_separability",
    "test_separability",
    "test_symmetry",
    "test_symmetry_var",
    "torch",
]
