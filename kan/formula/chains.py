"""Chains of two curves that are one function.

A node with a single edge in makes a function of a function of one variable. Where one would do, training shares it out
between the two edges in some way, x^2 as sqrt(b + cos(a*x)) for instance, and names for each of the curves are names
for an accident. So the curve of both together is named too. If one function fits it as well as two fit the parts, the
first edge passes on its input, and the edges after the node take over. pykan has nothing like it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from kan.formula.choosing import Choice, Edge, Search
from kan.formula.fix import is_removed
from kan.formula.ranking import SPLINE_ERROR

if TYPE_CHECKING:
    from kan.network import Network, Trace

_STRAIGHT = ("x", "0")


def straightened(
    network: Network, trace: Trace, choices: Mapping[Edge, Choice], search: Search, *, least_r2: float
) -> dict[Edge, Choice]:
    """Return the choices, with one function for each chain that needs no more.

    Parameters
    ----------
    network : Network
    trace : Trace
        Of the network with its splines.
    choices : mapping from edges to choices
        For every edge that is a spline.
    search : Search
        Of a library that has 'x'.
    least_r2 : float
        Below this, edges stay splines.
    """
    result = dict(choices)
    inputs = [step.inputs for step in trace.layers]
    for layer in range(network.depth - 1):
        for node in range(network.graph_shape.sums[layer + 1]):
            before, after = _edges_of(network, layer, node)
            if len(before) != 1 or not after:
                continue
            if not all(edge in result and _bends(result[edge]) for edge in before + after):
                continue
            (first,) = before
            others = inputs[layer + 1].clone()
            others[node] = _passed_on(network, layer, node, inputs[layer][first[1]])
            merged = search.choose(trace.layers[layer + 1], after, inputs=others)
            least = [1 - SPLINE_ERROR - _missed(result[first]) - _missed(result[one.edge]) for one in merged]
            if all(one.best.r2 >= max(r2, least_r2) for one, r2 in zip(merged, least)):
                inputs[layer + 1] = others
                result.update({first: search.pass_on(first), **{one.edge: one for one in merged}})
    return result


def _edges_of(network: Network, layer: int, node: int) -> tuple[list[Edge], list[Edge]]:
    """Return the edges into a sum node and out of it that count."""
    before = [(layer, i, node) for i in range(network.width_in[layer])]
    after = [(layer + 1, node, j) for j in range(network.width_out[layer + 2])]
    before, after = ([edge for edge in side if not is_removed(network, *edge)] for side in (before, after))
    return before, after


def _bends(choice: Choice) -> bool:
    """Tell whether an edge is more than a line."""
    return choice.best.name not in _STRAIGHT or _missed(choice) > SPLINE_ERROR


def _missed(choice: Choice) -> float:
    """Return the share of the variance that the chosen function does not explain."""
    return 1 - choice.best.r2


def _passed_on(network: Network, layer: int, node: int, x: Tensor) -> Tensor:
    """Return what a sum node is if its one edge passes on x."""
    for what in ("subnode", "node"):
        scale, bias = network.affine_map(what, layer)
        x = scale[node] * x + bias[node]
    return x
