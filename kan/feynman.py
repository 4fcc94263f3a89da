"""Door: pykan's import path of the Feynman equations, with torch, which a star import gives there."""

import torch

from kan.datasets.feynman import get_feynman_dataset as get_feynman_dataset

__all__ = ["get_feynman_dataset", "torch"]
