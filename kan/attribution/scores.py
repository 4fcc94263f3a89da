"""Attribution scores, from the outputs back to the inputs.

A node passes its score on to the edges that end in it, each in proportion to the standard deviation of the edge over
that of the sum; an edge's score counts for the node it starts from. The standard deviations come from one forward pass,
without a value per edge and sample.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kan.common.arrays import as_tensor
from kan.common.errors import ArgumentError
from kan.layers import nodes_to_subnodes

if TYPE_CHECKING:
    from kan.network import Network, Trace

# pykan's guard against a division by zero; kept, since thresholds of users' scripts were chosen with it.
FLOOR = 1e-4


@dataclass(frozen=True)
class Scores:
    """Scores with respect to the nodes of one layer.

    Attributes
    ----------
    node_all : list of Tensor (queried nodes, nodes)
        For every node layer up to the queried one, inputs first.
    subnode_all : list of Tensor (queried nodes, O)
        For every edge layer.
    edge_all : list of Tensor (queried nodes, O, I)
        For every edge layer.
    """

    node_all: list[Tensor]
    subnode_all: list[Tensor]
    edge_all: list[Tensor]

    @property
    def node(self) -> list[Tensor]:
        """Node scores, the mean over the queried nodes."""
        return [scores.mean(dim=0) for scores in self.node_all]

    @property
    def subnode(self) -> list[Tensor]:
        """Sub-node scores, the mean over the queried nodes."""
        return [scores.mean(dim=0) for scores in self.subnode_all]

    @property
    def edge(self) -> list[Tensor]:
        """Edge scores (O, I), the mean over the queried nodes."""
        return [scores.mean(dim=0) for scores in self.edge_all]


def attribute(network: Network, x: Any = None, *, layer: int | None = None, out_score: Tensor | None = None) -> Scores:
    """Compute scores on `x`, by default the model's reference data; differentiable, as far as pykan's are.

    Parameters
    ----------
    network : Network
    x : Tensor (N, inputs), optional
    layer : int, optional
        The node layer whose nodes are attributed; by default the outputs.
    out_score : Tensor (nodes of that layer,), optional
        Their weights, by default 1.
    """
    return scores_from_trace(network, network.trace(network.reference_data(x)), layer=layer, out_score=out_score)


def scores_from_trace(
    network: Network, trace: Trace, *, layer: int | None = None, out_score: Tensor | None = None
) -> Scores:
    """Compute scores from a recorded forward pass; differentiable, as far as pykan's are."""
    last = network.depth if layer is None else range(network.depth + 1)[layer]
    spreads = [step.edge_spread() for step in trace.layers[:last]]
    totals = [step.subnode_spread().detach() for step in trace.layers[:last]]
    return _propagate(network, spreads, totals, last=last, out_score=out_score)


def node_attributes(network: Network, trace: Trace) -> list[Tensor]:
    """Return, for every node layer after the inputs, the scores of the inputs for each of its nodes (nodes, inputs).

    As in pykan, a layer's nodes are weighted by their own scores.
    """
    spreads = [step.edge_spread() for step in trace.layers]
    totals = [step.subnode_spread().detach() for step in trace.layers]
    overall = _propagate(network, spreads, totals, last=network.depth, out_score=None).node
    return [
        _propagate(network, spreads, totals, last=layer, out_score=overall[layer]).node_all[0]
        for layer in range(1, network.depth + 1)
    ]


def _propagate(
    network: Network, spreads: Sequence[Tensor], totals: Sequence[Tensor], *, last: int, out_score: Tensor | None
) -> Scores:
    """Go back from node layer `last`, with the spreads of edges (O, I) and sub-nodes (O,) of every edge layer."""
    count = network.width_in[last]
    like = network.node_scale[0]
    weights = (
        torch.ones(count, dtype=like.dtype, device=like.device)
        if out_score is None
        else as_tensor(out_score, like=like)
    )
    if weights.shape != (count,):
        raise ArgumentError(f"`out_score` must hold one weight for each of {count} nodes; got {tuple(weights.shape)}.")
    nodes, subnodes, edges = [torch.diag(weights)], [], []
    for step in reversed(range(last)):
        subnode = nodes_to_subnodes(nodes[-1], **network.graph_shape.node_kinds(step + 1))
        share = spreads[step] / (totals[step] + FLOOR)[:, None]  # (O, I)
        edge = subnode[:, :, None] * share
        subnodes.append(subnode)
        edges.append(edge)
        nodes.append(edge.sum(dim=1))
    return Scores(nodes[::-1], subnodes[::-1], edges[::-1])
