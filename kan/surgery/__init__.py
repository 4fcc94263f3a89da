"""Changing the structure of a network: prune, refine, expand, reorder, move grids, switch edges on and off.

`prune`, `prune_node`, `prune_input` and `refine` give a new network of the caller's own class and leave the old one as
it was; the two share no parameter. The others change the network in place, as in pykan.
"""

from kan.surgery.expand import expand_depth, expand_width
from kan.surgery.grids import initialize_from_another_model, initialize_grid_from_another_model, update_grid
from kan.surgery.masks import remove_edge, remove_node, set_mode, unfix
from kan.surgery.modules import cut_module
from kan.surgery.order import auto_swap, swap
from kan.surgery.perceptron import auto_swap_units, swap_units
from kan.surgery.perturb import perturb
from kan.surgery.prune import prune, prune_edge, prune_input, prune_node
from kan.surgery.refine import refine, refine_in_place
from kan.surgery.transplant import select_nodes

__all__ = [
    "auto_swap",
    "auto_swap_units",
    "cut_module",
    "expand_depth",
    "expand_width",
    "initialize_from_another_model",
    "initialize_grid_from_another_model",
    "perturb",
    "prune",
    "prune_edge",
    "prune_input",
    "prune_node",
    "refine",
    "refine_in_place",
    "remove_edge",
    "remove_node",
    "select_nodes",
    "set_mode",
    "swap",
    "swap_units",
    "unfix",
    "update_grid",
]
