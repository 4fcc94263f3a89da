"""The order of the hidden nodes: exchanged by hand, or such that connections stay short. The function stays.

Deviations from pykan: affine parameters move with their nodes and sub-nodes, product nodes with all their factors, in
layers of any width; a layer takes its best order instead of some better one, see `wiring`.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2, and 2023, arXiv 2305.08746, for the swaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from kan.common.errors import ArgumentError, as_whole
from kan.network import Network, Shape
from kan.surgery.indices import checked_index, subnodes_of
from kan.surgery.prune import finite_scores
from kan.surgery.wiring import HiddenLayer, shortest_orders


def swap(network: Network, l: Any, i1: Any, i2: Any) -> None:  # noqa: E741
    """Exchange two nodes of a hidden layer, with all their edges.

    Parameters
    ----------
    network : Network
        Changed in place; its function stays.
    l : int
        Hidden layer, 1 … depth - 1.
    i1, i2 : int
        Two sum nodes or two product nodes of it.

    Raises
    ------
    ArgumentError
        If there are no such nodes, or one is a sum and the other a product.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import swap
    >>> network, x = Network([2, 5, 1]), torch.rand(10, 2)
    >>> y, first = network(x), network.act_fun[0].coef[:, 0].clone()
    >>> swap(network, 1, 0, 3)
    >>> bool(torch.allclose(network(x), y, atol=1e-6)), torch.equal(network.act_fun[0].coef[:, 3], first)
    (True, True)
    """
    layer, first, second = checked_pair(network.width_in, l, i1, i2)
    count, n_sum = network.width_in[layer], network.width[layer][0]
    if (first < n_sum) != (second < n_sum):
        raise ArgumentError(
            f"`i1` and `i2` must both be sums (0 … {n_sum - 1}) or both products ({n_sum} … {count - 1}) of hidden "
            f"layer {layer}, since sums come first; got {i1!r} and {i2!r}."
        )
    order = list(range(count))
    order[first], order[second] = second, first
    _reorder(network, layer, order)


def auto_swap(network: Network, *, layer: Any = None) -> None:
    """Put hidden nodes into an order with short connections, weighted by the scores of the edges.

    Parameters
    ----------
    network : Network
        Changed in place; its function stays.
    layer : int, optional
        The only hidden layer, 1 … depth - 1, that may change; it gets its best order.

    Raises
    ------
    StateError
        If the model has seen no data, or gives NaN on it.
    ArgumentError
        If there is no such layer.
    """
    chosen = None if layer is None else [checked_hidden_layer(network.depth, layer) - 1]
    if network.depth < 2:
        return
    hidden = [_hidden_layer(network.graph_shape, number) for number in range(1, network.depth)]
    for number, order in enumerate(shortest_orders(finite_scores(network).edge, hidden, chosen), start=1):
        if order != sorted(order):
            _reorder(network, number, order)


def checked_hidden_layer(depth: int, l: Any) -> int:  # noqa: E741
    """Return `l` as the number of a hidden layer."""
    layer = as_whole(l)
    if layer is None or not 1 <= layer < depth:
        hidden = f"one of 1 … {depth - 1}, the hidden layers" if depth > 1 else "a hidden layer, of which there is none"
        raise ArgumentError(f"`l` must be {hidden}: inputs and outputs have the order of the data; got {l!r}.")
    return layer


def checked_pair(width: Sequence[int], l: Any, i1: Any, i2: Any) -> tuple[int, int, int]:  # noqa: E741
    """Return the numbers of a hidden layer and of two of its nodes."""
    layer = checked_hidden_layer(len(width) - 1, l)
    count, of = width[layer], f"nodes of hidden layer {layer}"
    return layer, checked_index("i1", i1, count=count, of=of), checked_index("i2", i2, count=count, of=of)


def _hidden_layer(shape: Shape, layer: int) -> HiddenLayer:
    """Describe a hidden layer; products of one arity are one kind."""
    subnodes = [subnodes_of(shape, layer, [node]) for node in range(shape.nodes[layer])]
    return HiddenLayer(subnodes, ["sum"] * shape.sums[layer] + [*shape.arities[layer]])


@torch.no_grad()
def _reorder(network: Network, layer: int, order: Sequence[int]) -> None:
    """Put the nodes of a hidden layer into another order: first the node that is now at `order[0]`; sums stay first."""
    subnodes = subnodes_of(network.graph_shape, layer, order)
    for edges in (network.act_fun[layer - 1], network.symbolic_fun[layer - 1]):
        edges.reorder(subnodes, mode="out")
    for edges in (network.act_fun[layer], network.symbolic_fun[layer]):
        edges.reorder(order, mode="in")
    for what, chosen in (("node", list(order)), ("subnode", subnodes)):
        for parameter in network.affine_map(what, layer - 1):
            parameter.copy_(parameter[chosen])
    sums, arities = network.graph_shape.sums, list(network.graph_shape.arities)
    arities[layer] = tuple(arities[layer][node - sums[layer]] for node in order if node >= sums[layer])
    network.take_shape(Shape(sums, tuple(arities)))
