"""Size and entropy of the edges of a layer, with gradients computed beside the values.

The matrices are small and the operations many: with a graph of their own they would cost as much as the network. Like
`kan.layers.edge_kernel`, the arithmetic is written in what tensors and numpy arrays have in common, and small layers on
the CPU go through numpy, whose calls cost a fraction of torch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kan.common.transforms import is_transformed

# Up to this many numbers an operation costs more for being called than for what it computes.
_SMALL = 100_000


class SparsityWeights(NamedTuple):
    """Weights of the size and the entropy of the edges, and what keeps the logarithm of a vanishing share finite."""

    lamb_l1: float
    lamb_entropy: float
    offset: float


def sparsity(scales: Tensor, weights: SparsityWeights) -> Tensor:
    """Return ``lamb_l1 * sum + lamb_entropy * (row entropy + column entropy)`` of a matrix of scales (O, I)."""
    if is_transformed():
        return _sparsity(scales, weights, torch.log2)[0]
    return _Sparsity.apply(scales, weights)


def spline_sparsity(
    variances: Tensor, inputs: Tensor, weights: SparsityWeights, *, floor: float, for_inputs: bool
) -> tuple[float, tuple[Tensor, Tensor | None]]:
    """Return the sparsity of a layer whose scales are the spreads of its edges over those of their inputs.

    Parameters
    ----------
    variances : Tensor (I, O)
        The variance of every edge.
    inputs : Tensor (I, N)
    weights : SparsityWeights
    floor : float
        Added to the spreads of the inputs.
    for_inputs : bool
        Whether the gradient with respect to the inputs is wanted.

    Returns
    -------
    value : float
    gradients : pair of Tensor
        With respect to `variances` and `inputs`; nothing here has a graph.
    """
    (variance, x), log2, to_tensor = _arrays(variances, inputs)
    value, (of_variances, of_inputs) = _spline_sparsity(variance, x, weights, floor, log2, for_inputs=for_inputs)
    gradients = (to_tensor(of_variances), None if of_inputs is None else to_tensor(of_inputs))
    return float(value), gradients


class _Sparsity(torch.autograd.Function):
    """`sparsity`."""

    @staticmethod
    def forward(ctx: Any, scales: Tensor, weights: SparsityWeights) -> Tensor:
        ctx.weights = weights
        (array,), log2, to_tensor = _arrays(scales)
        value, gradient = _sparsity(array, weights, log2)
        ctx.save_for_backward(scales, to_tensor(gradient))
        return torch.as_tensor(value, dtype=scales.dtype, device=scales.device)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        scales, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # asked for a differentiable gradient
            gradient = _sparsity(scales, ctx.weights, torch.log2)[1]
        return grad * gradient, None


def _arrays(*tensors: Tensor) -> tuple[list[Any], Callable[[Any], Any], Callable[[Any], Tensor]]:
    """Return small tensors on the CPU as numpy arrays, others as they are; the logarithm; and the way back."""
    small = sum(tensor.numel() for tensor in tensors) <= _SMALL
    if not small or not all(_is_readable(tensor) for tensor in tensors):
        return [tensor.detach() for tensor in tensors], torch.log2, lambda tensor: tensor
    import numpy as np

    return [tensor.detach().numpy() for tensor in tensors], np.log2, torch.from_numpy


def _is_readable(tensor: Tensor) -> bool:
    """Whether numpy can read the tensor's memory."""
    return type(tensor) is Tensor and tensor.device.type == "cpu" and tensor.dtype in (torch.float32, torch.float64)


def _sparsity(scales: Any, weights: SparsityWeights, log2: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Return the sparsity of scales (O, I) and its gradient."""
    value, gradient = weights.lamb_l1 * scales.sum(), weights.lamb_l1 + 0 * scales
    if not weights.lamb_entropy:
        return value, gradient
    for axis in (0, 1):
        weight = weights.lamb_entropy / scales.shape[1 - axis]
        total = scales.sum(axis=axis, keepdims=True) + 1
        share = scales / total
        raised = share + weights.offset
        bits = log2(raised)
        value = value - weight * (share * bits).sum()
        slope = bits + share / (math.log(2) * raised)
        gradient = gradient + (weight / total) * ((slope * share).sum(axis=axis, keepdims=True) - slope)
    return value, gradient


def _spline_sparsity(
    variances: Any, x: Any, weights: SparsityWeights, floor: float, log2: Callable[[Any], Any], *, for_inputs: bool
) -> tuple[Any, tuple[Any, Any]]:
    """Return the sparsity and its gradients with respect to variances (I, O) and, `for_inputs`, to inputs (I, N)."""
    freedom = max(x.shape[1] - 1, 1)
    spread = variances.clip(min=0) ** 0.5  # (I, O); rounding can make a variance negative
    centred = x - x.sum(axis=1, keepdims=True) / x.shape[1]
    width = ((centred * centred).sum(axis=1, keepdims=True) / freedom) ** 0.5  # (I, 1)
    unit = width + floor
    value, slope = _sparsity((spread / unit).swapaxes(0, 1), weights, log2)
    slope = slope.swapaxes(0, 1) / unit  # with respect to the spreads
    # Where a spread is zero its root has no slope; the gradient is zero there, as everywhere in this library.
    gradient = slope * (spread > 0) / (2 * (spread + (spread <= 0)))
    if not for_inputs:
        return value, (gradient, None)
    along = -(slope * spread).sum(axis=1, keepdims=True) / unit
    return value, (gradient, centred * (along / (freedom * (width + (width <= 0)))))
