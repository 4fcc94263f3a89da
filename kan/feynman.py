"""Door: pykan's import path of the Feynman equations, with what a star import gives there."""

from typing import TYPE_CHECKING

import torch

from kan.common import algebra
from kan.common.lazy import lazy_name as __getattr__  # noqa: F401 - Python calls it
from kan.datasets.feynman import get_feynman_dataset as get_feynman_dataset

if TYPE_CHECKING:
    from kan.common.algebra import *  # noqa: F403 - its names are added to `__all__`

__all__ = ["get_feynman_dataset", "torch"]
__all__ += algebra.__all__
