"""Door: pykan's import path of whole runs, with what a star import gives there."""

from typing import TYPE_CHECKING

from kan.common import algebra
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.layers import KANLayer, Symbolic_KANLayer
from kan.models import KAN, MultKAN
from kan.recipes import pareto_frontier, plot_pareto_frontier, runner1
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
    "glob",
    "nn",
    "np",
    "os",
    "pareto_frontier",
    "pd",
    "plot_pareto_frontier",
    "plt",
    "random",
    "runner1",
    "sympy",
    "torch",
    "tqdm",
    "yaml",
]
__all__ += algebra.__all__
