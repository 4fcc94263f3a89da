"""Door: pykan's import path of data sets, derivatives and the symbolic library, with what a star import gives there."""

from typing import TYPE_CHECKING

from kan.calculus import batch_hessian, batch_jacobian, get_derivative, model2param
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.datasets import augment_input, create_dataset, create_dataset_from_data
from kan.layers import sparse_mask
from kan.symbolic import (
    SYMBOLIC_LIB,
    add_symbolic,
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
)

if TYPE_CHECKING:
    import re as re

    import numpy as np
    import sympy as sympy
    import torch as torch
    import yaml as yaml
    from sympy import lambdify as lambdify

__all__ = [
    "SYMBOLIC_LIB",
    "add_symbolic",
    "augment_input",
    "batch_hessian",
    "batch_jacobian",
    "create_dataset",
    "create_dataset_from_data",
    "ex_round",
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
    "lambdify",
    "model2param",
    "np",
    "re",
    "sparse_mask",
    "sympy",
    "torch",
    "yaml",
]
