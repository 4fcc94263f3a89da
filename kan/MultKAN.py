"""Door: pykan's import path of the network, with what a star import gives there."""

from typing import TYPE_CHECKING

from kan.common import algebra
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.hypothesis import plot_tree
from kan.layers import KANLayer, Symbolic_KANLayer
from kan.models import KAN as KAN
from kan.models import MultKAN as MultKAN
from kan.spline import curve2coef
from kan.symbolic import SYMBOLIC_LIB
from kan.training import LBFGS

if TYPE_CHECKING:
    import copy as copy
    import glob as glob
    import os as os
    import random as random

    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    import sympy as sympy
    import torch as torch
    import yaml as yaml
    from torch import nn as nn
    from tqdm import tqdm as tqdm

    from kan.common.algebra import *  # noqa: F403 - its names are added to `__all__`

__all__ = [
    "KAN",
    "LBFGS",
    "SYMBOLIC_LIB",
    "KANLayer",
    "MultKAN",
    "Symbolic_KANLayer",
    "copy",
    "curve2coef",
    "glob",
    "nn",
    "np",
    "os",
    "pd",
    "plot_tree",
    "plt",
    "random",
    "sympy",
    "torch",
    "tqdm",
    "yaml",
]
__all__ += algebra.__all__
