"""The order of the hidden nodes of a perceptron; its function stays. See `order` and `wiring`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from kan.network import Perceptron
from kan.surgery.order import checked_hidden_layer, checked_pair
from kan.surgery.wiring import HiddenLayer, shortest_orders


def swap_units(perceptron: Perceptron, l: Any, i1: Any, i2: Any) -> None:  # noqa: E741
    """Exchange two nodes of hidden layer l, 1 … depth - 1, in place.

    Raises
    ------
    ArgumentError
        If there are no such nodes.
    """
    layer, first, second = checked_pair(perceptron.width, l, i1, i2)
    order = list(range(perceptron.width[layer]))
    order[first], order[second] = second, first
    _reorder(perceptron, layer, order)


def auto_swap_units(perceptron: Perceptron, *, layer: Any = None) -> None:
    """Put hidden nodes, of one layer or of all, into an order in which large weights run short ways, in place.

    Raises
    ------
    ArgumentError
        If there is no such layer.
    """
    chosen = None if layer is None else [checked_hidden_layer(perceptron.depth, layer) - 1]
    hidden = [HiddenLayer([[node] for node in range(count)], ["sum"] * count) for count in perceptron.width[1:-1]]
    for number, order in enumerate(shortest_orders(perceptron.w, hidden, chosen), start=1):
        _reorder(perceptron, number, order)


@torch.no_grad()
def _reorder(perceptron: Perceptron, layer: int, order: Sequence[int]) -> None:
    """Put the nodes of a hidden layer into another order: first the node that is now at `order[0]`."""
    order = list(order)
    before, after = perceptron.linears[layer - 1], perceptron.linears[layer]
    before.weight.copy_(before.weight[order])
    before.bias.copy_(before.bias[order])
    after.weight.copy_(after.weight[:, order])
