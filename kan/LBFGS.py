"""Door: pykan's import path of the optimiser."""

from kan.training.lbfgs import LBFGS as LBFGS

__all__ = ["LBFGS"]
