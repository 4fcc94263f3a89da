"""The models that users make: every public method, each a short call into the packages below."""

from kan.models.mlp import MLP
from kan.models.multkan import KAN, MultKAN

__all__ = ["KAN", "MLP", "MultKAN"]
