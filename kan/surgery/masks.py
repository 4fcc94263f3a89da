"""Switching edges and nodes on and off, in place.

An edge has a numerical and a symbolic part, each with a mask. Deviations from pykan: a removed edge is gone, its
symbolic function included, which pykan leaves behind, where the product of its mask 0 and its value, if NaN, is NaN;
removing a multiplication node removes the edges into all its factors.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kan.common.errors import ArgumentError, as_whole, check_choice
from kan.surgery.indices import checked_edge, checked_index, subnodes_of

if TYPE_CHECKING:
    from kan.network import Network


@torch.no_grad()
def set_mode(network: Network, l: Any, i: Any, j: Any, mode: str, mask_n: float | None = None) -> None:  # noqa: E741
    """Choose which parts of an edge count.

    Parameters
    ----------
    network : Network
        Changed in place.
    l, i, j : int
        Edge layer, input node and output sub-node of the edge.
    mode : str
        's' symbolic, 'n' numerical, 'sn' or 'ns' both; anything else removes the edge. In mode 'n' the edge keeps its
        symbolic function for a later 's'; `unfix` drops it.
    mask_n : float, optional
        The weight of the numerical part for 'sn' and 'ns', by default 1.

    Raises
    ------
    ArgumentError
        If there is no such edge.
    """
    layer, i, j = checked_edge(network, layer=l, i=i, j=j)
    if mode not in ("s", "n", "sn", "ns"):
        _remove_edge(network, layer, i, j)
        return
    numeric_weight = 1.0 if mask_n is None or mode == "n" else float(mask_n)
    network.act_fun[layer].mask[i, j] = 0.0 if mode == "s" else numeric_weight
    network.symbolic_fun[layer].mask[j, i] = 0.0 if mode == "n" else 1.0


@torch.no_grad()
def remove_edge(network: Network, l: Any, i: Any, j: Any) -> None:  # noqa: E741
    """Remove an edge, its symbolic part included.

    Parameters
    ----------
    network : Network
        Changed in place.
    l, i, j : int
        Edge layer, input node and output sub-node of the edge.

    Raises
    ------
    ArgumentError
        If there is no such edge.
    """
    _remove_edge(network, *checked_edge(network, layer=l, i=i, j=j))


@torch.no_grad()
def remove_node(network: Network, l: Any, i: Any, mode: str = "all") -> None:  # noqa: E741
    """Remove the edges of a node.

    Parameters
    ----------
    network : Network
        Changed in place; the node stays, without edges.
    l : int
        Node layer; 0 are the inputs.
    i : int
        The node; for `mode='down'` the sub-node (they differ after a multiplication node).
    mode : str
        'up' removes the edges that start from the node, 'down' those that end in the sub-node, 'all' both, with the
        edges into every factor of a multiplication node.

    Raises
    ------
    ArgumentError
        If there is no such node, or an unknown `mode`.
    """
    check_choice("mode", mode, ("all", "up", "down"))
    first, last = (1 if mode == "down" else 0), (network.depth - 1 if mode == "up" else network.depth)
    layer = as_whole(l)
    if layer is None or not first <= layer <= last:
        edges = {"up": "outgoing", "down": "incoming", "all": "any"}[mode]
        raise ArgumentError(f"`l` must be one of {first} … {last}, the node layers with {edges} edges; got {l!r}.")
    if mode == "down":
        factor = checked_index("i", i, count=network.width_out[layer], of=f"sub-nodes of layer {layer}")
        starts, ends = [], [factor]
    else:
        node = checked_index("i", i, count=network.width_in[layer], of=f"nodes of layer {layer}")
        starts = [node] if layer < network.depth else []
        ends = subnodes_of(network.graph_shape, layer, [node]) if mode == "all" and layer > 0 else []
    if starts:
        gone = torch.zeros_like(network.symbolic_fun[layer].mask, dtype=torch.bool)
        gone[:, starts] = True
        remove_edges(network, layer, gone)
    if ends:
        gone = torch.zeros_like(network.symbolic_fun[layer - 1].mask, dtype=torch.bool)
        gone[ends] = True
        remove_edges(network, layer - 1, gone)


@torch.no_grad()
def unfix(network: Network, l: Any, i: Any, j: Any) -> None:  # noqa: E741
    """Make an edge numerical again and forget its symbolic function.

    Raises
    ------
    ArgumentError
        If there is no such edge.
    """
    layer, i, j = checked_edge(network, layer=l, i=i, j=j)
    set_mode(network, layer, i, j, "n")
    network.symbolic_fun[layer].clear_edge(i, j)


@torch.no_grad()
def remove_edges(network: Network, layer: int, gone: Tensor) -> None:
    """Remove the edges of one layer where `gone` (O, I) is True.

    The masks become zero and functions are dropped: they would still be evaluated, and zero times NaN is NaN.
    """
    symbolic = network.symbolic_fun[layer]
    network.act_fun[layer].mask.masked_fill_(gone.T, 0.0)
    symbolic.mask.masked_fill_(gone, 0.0)
    if symbolic.is_idle:
        return
    for j, i in gone.nonzero().tolist():
        symbolic.clear_edge(i, j)


def _remove_edge(network: Network, layer: int, i: int, j: int) -> None:
    """Remove one edge."""
    gone = torch.zeros_like(network.symbolic_fun[layer].mask, dtype=torch.bool)
    gone[j, i] = True
    remove_edges(network, layer, gone)
