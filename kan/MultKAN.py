"""Door: pykan's import path of the network, with what a star import gives there."""

from typing import TYPE_CHECKING

from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.layers import KANLayer, Symbolic_KANLayer
from kan.models import KAN as KAN
from kan.models import MultKAN as MultKAN
from kan.training import LBFGS

if TYPE_CHECKING:
    import copy as copy
    import glob as glob
    import os as os
    import random as random

    import matplotlib.pyplot as plt
    import numpy as np
    import sympy as sympy
    import torch as torch
    import yaml as yaml
    from sympy import latex as latex
    from torch import nn as nn
    from tqdm import tqdm as tqdm

__all__ = [
    "KAN",
    "LBFGS",
    "KANLayer",
    "MultKAN",
    "Symbolic_KANLayer",
    "copy",
    "glob",
    "latex",
    "nn",
    "np",
    "os",
    "plt",
    "random",
    "sympy",
    "torch",
    "tqdm",
    "yaml",
]
