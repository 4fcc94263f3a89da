"""Door: pykan's import path of the multilayer perceptron."""

from kan.models import MLP as MLP

__all__ = ["MLP"]
