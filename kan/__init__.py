"""Kolmogorov-Arnold networks for PyTorch: fit, prune, plot and read the formula.

>>> from kan import KAN, create_dataset
>>> model = KAN(width=[2, 5, 1], grid=3, k=3, seed=42)
>>> model.width
[[2, 0], [5, 0], [1, 0]]

``from kan import *`` also gives the names that scripts rely on: `torch`, `nn`, `np`, `plt`, `pd`, `tqdm`, `copy`, `os`,
`glob`, `random`, `re`, `yaml`, `sympy`, and of the latter what one writes formulas with (`kan/common/algebra.py`). They
are loaded when first used; ``import kan`` itself loads torch and little else.
"""

from typing import TYPE_CHECKING

from kan.common import algebra
from kan.common.errors import ArgumentError, CheckpointError, FormulaError, KANError, StateError
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.hypothesis import plot_tree

# Each class comes through the module that bears its name: imported later, that module would take the class's place.
from kan.KANLayer import KANLayer as KANLayer
from kan.layers import KANLinear
from kan.LBFGS import LBFGS as LBFGS
from kan.MultKAN import KAN as KAN
from kan.MultKAN import MultKAN as MultKAN
from kan.plotting import make_video
from kan.spline import B_batch, coef2curve, curve2coef, extend_grid
from kan.Symbolic_KANLayer import Symbolic_KANLayer as Symbolic_KANLayer
from kan.training import LevenbergMarquardt
from kan.utils import (
    SYMBOLIC_LIB,
    add_symbolic,
    augment_input,
    batch_hessian,
    batch_jacobian,
    create_dataset,
    create_dataset_from_data,
    ex_round,
    f_arccos,
    f_arcsin,
    f_arctanh,
    f_exp,
    f_inv,
    f_inv2,
    f_inv3,
    f_inv4,
    f_inv5,
    f_invsqrt,
    f_log,
    f_power1d5,
    f_sqrt,
    f_tan,
    fit_params,
    get_derivative,
    model2param,
    sparse_mask,
)

if TYPE_CHECKING:
    # What `__getattr__` loads, for type checkers and editors.
    import copy as copy
    import glob as glob
    import os as os
    import random as random
    import re as re

    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    import sympy as sympy
    import torch as torch
    import yaml as yaml
    from torch import nn as nn
    from tqdm import tqdm as tqdm

    from kan.common.algebra import *  # noqa: F403 - its names are added to `__all__`

__version__ = "1.0.0.dev0"

# The other libraries among these come from `__getattr__`.
__all__ = [
    "KAN",
    "LBFGS",
    "SYMBOLIC_LIB",
    "ArgumentError",
    "B_batch",
    "CheckpointError",
    "FormulaError",
    "KANError",
    "KANLayer",
    "KANLinear",
    "LevenbergMarquardt",
    "MultKAN",
    "StateError",
    "Symbolic_KANLayer",
    "add_symbolic",
    "augment_input",
    "batch_hessian",
    "batch_jacobian",
    "coef2curve",
    "copy",
    "create_dataset",
    "create_dataset_from_data",
    "curve2coef",
    "ex_round",
    "extend_grid",
    "f_arccos",
    "f_arcsin",
    "f_arctanh",
    "f_exp",
    "f_inv",
    "f_inv2",
    "f_inv3",
    "f_inv4",
    "f_inv5",
    "f_invsqrt",
    "f_log",
    "f_power1d5",
    "f_sqrt",
    "f_tan",
    "fit_params",
    "get_derivative",
    "glob",
    "make_video",
    "model2param",
    "nn",
    "np",
    "os",
    "pd",
    "plot_tree",
    "plt",
    "random",
    "re",
    "sparse_mask",
    "sympy",
    "torch",
    "tqdm",
    "yaml",
]
__all__ += algebra.__all__
