"""Attribution scores of a perceptron, from the outputs back to the inputs, as `scores` does it for splines.

A node passes its score on to the weights that end in it, each in proportion to what it carries over the standard
deviation of the node. Activation functions mix what they get, so these are rougher than those of splines.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.1, transferred as in pykan.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kan.attribution.scores import FLOOR
from kan.network import PerceptronTrace


@dataclass(frozen=True)
class PerceptronScores:
    """Scores with respect to the outputs.

    Attributes
    ----------
    node : list of Tensor (nodes,)
        For every node layer, inputs first.
    edge : list of Tensor (O, I)
        For every layer of weights.
    """

    node: list[Tensor]
    edge: list[Tensor]


def perceptron_scores(trace: PerceptronTrace) -> PerceptronScores:
    """Compute scores from a recorded forward pass, differentiable; every output has the score 1."""
    nodes, edges = [torch.ones_like(trace.output[0])], []
    for carried, ends in zip(reversed(trace.carried()), reversed(trace.spreads())):
        edge = carried.abs() * (nodes[-1] / (ends + FLOOR))[:, None]
        edges.append(edge)
        nodes.append(edge.sum(dim=0) / edge.shape[1] ** 0.5)
    return PerceptronScores(nodes[::-1], edges[::-1])
