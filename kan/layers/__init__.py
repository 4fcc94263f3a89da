"""One layer of edges, numerical or symbolic, and the products on multiplication nodes."""

from kan.layers.kan_layer import KANLayer
from kan.layers.kan_linear import KANLinear
from kan.layers.multiplication import multiply_nodes, nodes_to_subnodes, pull_back_products
from kan.layers.sparse import sparse_mask
from kan.layers.symbolic_layer import Symbolic_KANLayer

__all__ = [
    "KANLayer",
    "KANLinear",
    "Symbolic_KANLayer",
    "multiply_nodes",
    "nodes_to_subnodes",
    "pull_back_products",
    "sparse_mask",
]
