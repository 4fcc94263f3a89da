"""Door: pykan's import path of the layer of splines, with what a star import gives there."""

import numpy as np
import torch
from torch import nn

from kan.layers import KANLayer as KANLayer
from kan.layers import sparse_mask
from kan.spline import B_batch, coef2curve, curve2coef, extend_grid

__all__ = ["B_batch", "KANLayer", "coef2curve", "curve2coef", "extend_grid", "nn", "np", "sparse_mask", "torch"]
