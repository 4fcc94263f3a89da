"""Door: pykan's import path of the layer of splines."""

from kan.layers import KANLayer as KANLayer

__all__ = ["KANLayer"]
