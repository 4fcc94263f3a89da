"""Door: pykan's import path of the multilayer perceptron, with what a star import gives there."""

from typing import TYPE_CHECKING

from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.models import MLP as MLP
from kan.training import LBFGS

if TYPE_CHECKING:
    import matplotlib.pyplot as plt
    import numpy as np
    import torch as torch
    from torch import nn as nn
    from tqdm import tqdm as tqdm

__all__ = ["LBFGS", "MLP", "nn", "np", "plt", "torch", "tqdm"]
