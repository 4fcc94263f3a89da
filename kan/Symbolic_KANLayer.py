"""Door: pykan's import path of the layer of symbolic functions, with what a star import gives there."""

from typing import TYPE_CHECKING

from kan.calculus import batch_hessian, batch_jacobian, get_derivative, model2param
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.datasets import augment_input, create_dataset, create_dataset_from_data
from kan.layers import Symbolic_KANLayer as Symbolic_KANLayer
from kan.layers import sparse_mask
from kan.symbolic import SYMBOLIC_LIB, add_symbolic, ex_round, fit_params

if TYPE_CHECKING:
    import numpy as np
    import sympy as sympy
    import torch as torch
    import yaml as yaml
    from torch import nn as nn

__all__ = [
    "SYMBOLIC_LIB",
    "Symbolic_KANLayer",
    "add_symbolic",
    "augment_input",
    "batch_hessian",
    "batch_jacobian",
    "create_dataset",
    "create_dataset_from_data",
    "ex_round",
    "fit_params",
    "get_derivative",
    "model2param",
    "nn",
    "np",
    "sparse_mask",
    "sympy",
    "torch",
    "yaml",
]
