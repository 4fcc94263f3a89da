"""Door: pykan's import path of the layer of symbolic functions."""

from kan.layers import Symbolic_KANLayer as Symbolic_KANLayer

__all__ = ["Symbolic_KANLayer"]
