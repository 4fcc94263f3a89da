"""Carrying the parts of one network over to a new one, which shares none of them.

pykan's children forget some of their parent's settings and hold some of its tensors; here one place carries everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch

from kan.network import Network
from kan.surgery.indices import subnodes_of

Net = TypeVar("Net", bound=Network)


def select_nodes(network: Net, nodes: Sequence[Sequence[int]]) -> Net:
    """Return a new network that consists of some nodes of `network` and the edges between them.

    It takes the same data as `network`, inputs that are left out included.

    Parameters
    ----------
    network : Network
    nodes : list of list of int
        For every node layer, inputs and outputs included, the nodes to keep: at least one, sum nodes before
        multiplication nodes.
    """
    shape = network.graph_shape
    subnodes = [subnodes_of(shape, layer, kept) for layer, kept in enumerate(nodes)]
    arities = [
        [shape.arities[layer][node - shape.sums[layer]] for node in kept if node >= shape.sums[layer]]
        for layer, kept in enumerate(nodes)
    ]
    width = [[len(kept) - len(arities[layer]), len(arities[layer])] for layer, kept in enumerate(nodes)]
    homogeneous = isinstance(network.mult_arity, int)
    child = network.rebuild(width=width, mult_arity=network.mult_arity if homogeneous else arities)
    child.n_columns, child.input_id = network.n_columns, network.input_id[list(nodes[0])].clone()
    for layer in range(network.depth):
        ends = (nodes[layer], subnodes[layer + 1])
        edges = network.act_fun[layer].get_subset(*ends)
        edges.set_base_function(child.act_fun[layer].base_fun)  # which several layers may share
        child.act_fun[layer] = edges
        child.symbolic_fun[layer] = network.symbolic_fun[layer].get_subset(*ends)
        copy_affine(network, child, layer, nodes=nodes[layer + 1], subnodes=subnodes[layer + 1])
    copy_flags(network, child)
    return child


@torch.no_grad()
def copy_affine(source: Network, target: Network, layer: int, *, nodes: Sequence[int], subnodes: Sequence[int]) -> None:
    """Copy the affine parameters of some nodes and sub-nodes after an edge layer."""
    for what, chosen in (("node", nodes), ("subnode", subnodes)):
        for own, theirs in zip(target.affine_map(what, layer), source.affine_map(what, layer)):
            own.copy_(theirs[list(chosen)])


def copy_flags(source: Network, target: Network) -> None:
    """Train in `target` what is trained in `source`."""
    flags = {name: parameter.requires_grad for name, parameter in source.named_parameters()}
    for name, parameter in target.named_parameters():
        parameter.requires_grad_(flags[name])
