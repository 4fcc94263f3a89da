"""The penalties that make a network sparse: size and entropy of the edges, size and roughness of the coefficients.

With v the matrix of edge scales of a layer, p its rows (or columns) divided by (their sum + 1),

    penalty = lamb_l1 * sum(v) + lamb_entropy * (mean row entropy + mean column entropy)
              + lamb_coef * sum |coefficients| + lamb_coefdiff * sum |differences of neighbouring coefficients|,

the last two averaged over the outputs. Deviation from pykan: 'edge_forward_sum' is differentiated; there it is a
number.

Source: Liu et al. 2024, arXiv 2404.19756, eqs. 2.17 to 2.20.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from kan.attribution import node_attributes, scores_from_trace
from kan.common.errors import check_choice
from kan.network import LayerTrace, Network, Trace
from kan.training.sparsity import SparsityWeights, sparsity

Metric = Callable[[Network, Trace], list[Tensor]]


def _of_layers(measure: Callable[[LayerTrace], Tensor]) -> Metric:
    return lambda _, trace: [measure(layer) for layer in trace.layers]


DEFAULT_METRIC = "edge_forward_spline_n"
REG_METRICS: dict[str, Metric] = {
    DEFAULT_METRIC: _of_layers(LayerTrace.relative_spline_spread),
    "edge_forward_spline_u": _of_layers(LayerTrace.edge_spread),
    "edge_forward_sum": _of_layers(LayerTrace.relative_edge_spread),
    "edge_backward": lambda network, trace: scores_from_trace(network, trace).edge,
    "node_backward": node_attributes,
}


def penalty(
    network: Network,
    trace: Trace,
    *,
    reg_metric: str = DEFAULT_METRIC,
    lamb_l1: float = 1.0,
    lamb_entropy: float = 2.0,
    lamb_coef: float = 0.0,
    lamb_coefdiff: float = 0.0,
    entropy_offset: float = 1e-4,
) -> Tensor:
    """Return the penalty of one recorded forward pass, a differentiable scalar.

    Parameters
    ----------
    network : Network
    trace : Trace
        What ``network.trace(x)`` returned.
    reg_metric : str
        How edges are measured: a key of `REG_METRICS`.
    lamb_l1, lamb_entropy, lamb_coef, lamb_coefdiff : float
        Weights of the four terms.
    entropy_offset : float
        Keeps the logarithm of a vanishing share finite.

    Raises
    ------
    ArgumentError
        For an unknown `reg_metric`.
    """
    check_choice("reg_metric", reg_metric, REG_METRICS)
    total = network.node_scale[0].new_zeros(())
    weights = SparsityWeights(lamb_l1, lamb_entropy, entropy_offset)
    for scales in REG_METRICS[reg_metric](network, trace):
        total = total + sparsity(scales, weights)
    if lamb_coef or lamb_coefdiff:
        total = total + coefficient_penalty(network, lamb_coef=lamb_coef, lamb_coefdiff=lamb_coefdiff)
    return total


def coefficient_penalty(network: Network, *, lamb_coef: float, lamb_coefdiff: float) -> Tensor:
    """Return the terms of the size and the roughness of the coefficients, a differentiable scalar."""
    total = network.node_scale[0].new_zeros(())
    for numeric in network.act_fun:
        coefficients = numeric.coef  # (I, O, B)
        if lamb_coef:
            total = total + lamb_coef * coefficients.abs().mean(dim=1).sum()
        if lamb_coefdiff:
            total = total + lamb_coefdiff * coefficients.diff().abs().mean(dim=1).sum()
    return total
