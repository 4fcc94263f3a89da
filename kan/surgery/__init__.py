"""Changing the structure of a network: prune, refine, move grids, switch edges on and off.

`prune`, `prune_node`, `prune_input` and `refine` give a new network of the caller's own class and leave the old one as
it was; the two share no parameter. The others change the network in place, as in pykan.
"""

from kan.surgery.grids import initialize_from_another_model, initialize_grid_from_another_model, update_grid
from kan.surgery.masks import remove_edge, remove_node, set_mode, unfix
from kan.surgery.prune import prune, prune_edge, prune_input, prune_node
from kan.surgery.refine import refine
from kan.surgery.transplant import select_nodes

__all__ = [
    "initialize_from_another_model",
    "initialize_grid_from_another_model",
    "prune",
    "prune_edge",
    "prune_input",
    "prune_node",
    "refine",
    "remove_edge",
    "remove_node",
    "select_nodes",
    "set_mode",
    "unfix",
    "update_grid",
]
