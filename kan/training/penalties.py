"""The penalties that make a network sparse: size and entropy of the edges, size and roughness of the coefficients.

With v the matrix of edge scales of a layer, p its rows (or columns) divided by (their sum + 1),

    penalty = lamb_l1 * sum(v) + lamb_entropy * (mean row entropy + mean column entropy)
              + lamb_coef * sum |coefficients| + lamb_coefdiff * sum |differences of neighbouring coefficients|,

the last two averaged over the outputs. Deviation from pykan: 'edge_forward_sum' is differentiated; there it is a
number.

Source: Liu et al. 2024, arXiv 2404.19756, eqs. 2.17 to 2.20.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable

import torch
from torch import Tensor

from kan.attribution import node_attributes, scores_from_trace
from kan.common.errors import check_choice
from kan.common.transforms import is_transformed

if TYPE_CHECKING:
    from kan.network import Network, Trace

# Keeps the scale of an edge finite when its input does not vary; pykan's value.
_INPUT_FLOOR = 0.1
# Up to this many edges a layer's penalty is computed by numpy.
_SMALL = 4096
_NUMPY_TYPES = (torch.float32, torch.float64)


def _normalised_splines(_: Network, trace: Trace) -> list[Tensor]:
    return [layer.spline_spread() / (layer.input_spread() + _INPUT_FLOOR) for layer in trace.layers]


def _edges(_: Network, trace: Trace) -> list[Tensor]:
    return [layer.edge_spread() for layer in trace.layers]


def _normalised_edges(_: Network, trace: Trace) -> list[Tensor]:
    return [layer.edge_spread() / (layer.input_spread() + _INPUT_FLOOR) for layer in trace.layers]


def _edge_scores(network: Network, trace: Trace) -> list[Tensor]:
    return scores_from_trace(network, trace).edge


REG_METRICS: dict[str, Callable[[Network, Trace], list[Tensor]]] = {
    "edge_forward_spline_n": _normalised_splines,
    "edge_forward_spline_u": _edges,
    "edge_forward_sum": _normalised_edges,
    "edge_backward": _edge_scores,
    "node_backward": node_attributes,
}


def penalty(
    network: Network,
    trace: Trace,
    *,
    reg_metric: str = "edge_forward_spline_n",
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
    for scales in REG_METRICS[reg_metric](network, trace):
        weights = (lamb_l1, lamb_entropy, entropy_offset)
        total = total + (
            _sparsity(scales, *weights, torch.log2)[0] if is_transformed() else _Sparsity.apply(scales, *weights)
        )
    for layer in network.act_fun:
        coefficients: Tensor = layer.coef  # type: ignore[assignment]  # (I, O, B)
        if lamb_coef:
            total = total + lamb_coef * coefficients.abs().mean(dim=1).sum()
        if lamb_coefdiff:
            total = total + lamb_coefdiff * coefficients.diff().abs().mean(dim=1).sum()
    return total


class _Sparsity(torch.autograd.Function):
    """Size and entropy of one matrix of scales, with the gradient computed beside the value.

    These matrices are small: some thirty operations with a graph of their own would cost as much as the network.
    """

    @staticmethod
    def forward(ctx: Any, scales: Tensor, lamb_l1: float, lamb_entropy: float, offset: float) -> Tensor:
        ctx.weights = (lamb_l1, lamb_entropy, offset)
        if scales.device.type == "cpu" and scales.numel() <= _SMALL and scales.dtype in _NUMPY_TYPES:
            # The same formula through numpy, whose calls cost a third of torch's.
            import numpy as np

            value, gradient = _sparsity(scales.numpy(), *ctx.weights, np.log2)
            gradient = torch.from_numpy(gradient)
            value = scales.new_tensor(value)
        else:
            value, gradient = _sparsity(scales, *ctx.weights, torch.log2)
        ctx.save_for_backward(scales, gradient)
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scales, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # asked for a differentiable gradient
            gradient = _sparsity(scales, *ctx.weights, torch.log2)[1]
        return grad * gradient, None, None, None


def _sparsity(scales: Any, lamb_l1: float, lamb_entropy: float, offset: float, log2: Callable[[Any], Any]) -> Any:
    """Return ``lamb_l1 * sum + lamb_entropy * (row + column entropy)`` and its gradient.

    For tensors, which it keeps differentiable, and for numpy arrays: both know the names `axis` and `keepdims`.
    """
    value, gradient = lamb_l1 * scales.sum(), lamb_l1
    if not lamb_entropy:
        return value, gradient + 0 * scales
    for axis in (0, 1):
        weight = lamb_entropy / scales.shape[1 - axis]
        total = scales.sum(axis=axis, keepdims=True) + 1
        share = scales / total
        raised = share + offset
        bits = log2(raised)
        value = value - weight * (share * bits).sum()
        slope = bits + share / (math.log(2) * raised)
        gradient = gradient + (weight / total) * ((slope * share).sum(axis=axis, keepdims=True) - slope)
    return value, gradient
