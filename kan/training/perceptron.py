"""The penalties of a perceptron, for the training that networks of splines and perceptrons share.

Deviation from pykan: 'fa' is computed for every evaluation by all optimisers, there Adam penalises old scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from kan.attribution import perceptron_scores
from kan.common.errors import check_choice
from kan.network import Perceptron, PerceptronTrace
from kan.training.objective import Objective
from kan.training.sparsity import SparsityWeights, sparsity

REG_METRICS: dict[str, Callable[[PerceptronTrace], list[Tensor]]] = {
    "w": lambda trace: trace.weights,
    "act": lambda trace: trace.carried(),
    "fa": lambda trace: perceptron_scores(trace).edge,
    "a": lambda trace: trace.spreads()[1:],
}


def perceptron_penalty(
    _: Perceptron, trace: PerceptronTrace, *, reg_metric: str = "w", lamb_l1: float = 1.0, lamb_entropy: float = 2.0
) -> Tensor:
    """Return the size and the entropy of what `reg_metric` measures, a differentiable scalar.

    Parameters
    ----------
    _ : Perceptron
    trace : PerceptronTrace
    reg_metric : str
        'w' the weights, 'act' what they carry, 'fa' their scores, 'a' the nodes.
    lamb_l1, lamb_entropy : float
        Weights of the two terms.

    Raises
    ------
    ArgumentError
        For an unknown `reg_metric`.
    """
    check_choice("reg_metric", reg_metric, REG_METRICS)
    weights = SparsityWeights(lamb_l1, lamb_entropy)
    measured = [scales.abs() for scales in REG_METRICS[reg_metric](trace)]
    terms = [sparsity(scales, weights) if scales.ndim == 2 else _of_nodes(scales, weights) for scales in measured]
    return torch.stack(terms).sum()


@dataclass(frozen=True)
class PerceptronObjective(Objective):
    """Loss plus `lamb` times penalty, as a function of the parameters of a perceptron."""

    reg_metrics: ClassVar[Any] = REG_METRICS
    penalty: ClassVar[Callable[..., Tensor]] = staticmethod(perceptron_penalty)


def _of_nodes(scales: Tensor, weights: SparsityWeights) -> Tensor:
    """Return the sparsity of the nodes of one layer."""
    share = scales / (scales.sum() + 1)
    entropy = -(share * torch.log2(share + weights.entropy_offset)).sum()
    return weights.lamb_l1 * scales.sum() + weights.lamb_entropy * entropy
