"""The Feynman symbolic regression database: equations of physics, as expressions and as functions to sample."""

from __future__ import annotations

from kan.datasets.feynman.equation import Equation
from kan.datasets.feynman.table import EQUATIONS, get_feynman_dataset

__all__ = ["EQUATIONS", "Equation", "get_feynman_dataset"]
