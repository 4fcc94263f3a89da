"""Door: pykan's import path of the network."""

from kan.models import KAN as KAN
from kan.models import MultKAN as MultKAN

__all__ = ["KAN", "MultKAN"]
