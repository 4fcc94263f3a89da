"""Size and entropy of the edges of a layer, with gradients computed beside the values.

The matrices are small and the operations many: with a graph of their own they would cost as much as the network. Like
`kan.layers.edge_kernel`, the arithmetic is written in what tensors and numpy arrays have in common, and small layers on
the CPU go through numpy, whose calls cost a fraction of torch's. Of overflows it says nothing, as torch.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kan.common.arrays import is_readable
from kan.common.transforms import is_transformed
from kan.network.trace import ROUNDING

# Up to this many numbers an operation costs more for being called than for what it computes.
_SMALL = 100_000


class SparsityWeights(NamedTuple):
    """Weights of the size and the entropy of the edges, and what keeps the logarithm of a vanishing share finite."""

    lamb_l1: float = 1.0
    lamb_entropy: float = 2.0
    entropy_offset: float = 1e-4

    def times(self, factor: float) -> SparsityWeights:
        """Return both weights times a factor."""
        return self._replace(lamb_l1=factor * self.lamb_l1, lamb_entropy=factor * self.lamb_entropy)


def sparsity(scales: Tensor, weights: SparsityWeights) -> Tensor:
    """Return ``lamb_l1 * sum + lamb_entropy * (row entropy + column entropy)`` of a matrix of scales (O, I)."""
    if is_transformed():
        return _sparsity(scales, weights)[0]
    return _Sparsity.apply(scales, weights)


@np.errstate(all="ignore")
def spline_sparsity(
    variances: Tensor, inputs: InputSpread, weights: SparsityWeights, *, for_inputs: bool
) -> tuple[float, tuple[Tensor, Tensor | None]]:
    """Return the sparsity of a layer whose scales are the spreads of its edges over those of their inputs.

    Parameters
    ----------
    variances : Tensor (I, O)
        The variance of every edge.
    inputs : InputSpread
    weights : SparsityWeights
    for_inputs : bool
        Whether the gradient with respect to the inputs is wanted.

    Returns
    -------
    value : float
    gradients : pair of Tensor
        With respect to `variances` and the inputs; nothing here has a graph.
    """
    variance: Any = variances.detach()
    if not isinstance(inputs.width, Tensor):
        variance = variance.numpy()
    value, (of_variances, of_inputs) = _spline_sparsity(variance, inputs, weights, for_inputs=for_inputs)
    return float(value), (_to_tensor(of_variances), _to_tensor(of_inputs) if for_inputs else None)


class InputSpread(NamedTuple):
    """The inputs of a layer around their means (I, N), their spreads (I, 1), and what is added to these.

    Two numpy arrays, or two tensors where the layer is large or not on the CPU.
    """

    centred: Any
    width: Any
    floor: float

    @staticmethod
    @np.errstate(all="ignore")
    def of(inputs: Tensor, *, edges: int, floor: float) -> InputSpread:
        """Measure inputs (I, N) of a layer with so many edges; what varies by rounding alone has no width."""
        x = _as_array(inputs, beside=edges)
        samples = x.shape[1]
        mean = x.sum(axis=1, keepdims=True) / samples
        centred = x - mean
        width = ((centred * centred).sum(axis=1, keepdims=True) / max(samples - 1, 1)) ** 0.5
        width *= width > ROUNDING * torch.finfo(inputs.dtype).eps * abs(mean)
        return InputSpread(centred, width, floor)


class _Sparsity(torch.autograd.Function):
    """`sparsity`."""

    @staticmethod
    @np.errstate(all="ignore")
    def forward(ctx: Any, scales: Tensor, weights: SparsityWeights) -> Tensor:
        ctx.weights = weights
        value, gradient = _sparsity(_as_array(scales), weights)
        ctx.save_for_backward(scales, _to_tensor(gradient))
        return torch.as_tensor(value, dtype=scales.dtype, device=scales.device)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        scales, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # asked for a differentiable gradient
            gradient = _sparsity(scales, ctx.weights)[1]
        return grad * gradient, None


def _as_array(tensor: Tensor, *, beside: int = 0) -> Any:
    """Return a tensor that has, with the numbers `beside` it, few numbers as a numpy array, and others as they are."""
    small = tensor.numel() + beside <= _SMALL and is_readable(tensor)
    return tensor.detach().numpy() if small else tensor.detach()


def _to_tensor(values: Any) -> Tensor:
    """Return an array as a tensor of the same memory."""
    return values if isinstance(values, Tensor) else torch.from_numpy(values)


def _log(values: Any) -> Any:
    """Return the natural logarithm of a tensor or an array."""
    return torch.log(values) if isinstance(values, Tensor) else np.log(values)


def _sparsity(scales: Any, weights: SparsityWeights) -> tuple[Any, Any]:
    """Return the sparsity of scales (O, I) and its gradient."""
    value, gradient = weights.lamb_l1 * scales.sum(), weights.lamb_l1
    if not weights.lamb_entropy:
        return value, gradient + 0 * scales
    for axis in (0, 1):
        weight = weights.lamb_entropy / (math.log(2) * scales.shape[1 - axis])  # entropies count bits
        total = scales.sum(axis=axis, keepdims=True) + 1
        share = scales / total
        raised = share + weights.entropy_offset
        logarithm = _log(raised)
        value = value - weight * (share * logarithm).sum()
        slope = logarithm + share / raised
        gradient = gradient + (weight / total) * ((slope * share).sum(axis=axis, keepdims=True) - slope)
    return value, gradient


def _spline_sparsity(
    variances: Any, inputs: InputSpread, weights: SparsityWeights, *, for_inputs: bool
) -> tuple[Any, tuple[Any, Any]]:
    """Return the sparsity and its gradients with respect to variances (I, O) and, `for_inputs`, to inputs (I, N)."""
    centred, width, floor = inputs
    counts = (variances > 0) & (width > 0)  # rounding can make a variance negative, or one of what does not vary
    spread = (variances * counts) ** 0.5  # (I, O)
    unit = width + floor
    value, slope = _sparsity((spread / unit).swapaxes(0, 1), weights)
    slope = slope.swapaxes(0, 1) / unit  # with respect to the spreads
    # Where a spread is zero its root has no slope; the gradient is zero there, as everywhere in this library.
    gradient = slope * counts / (2 * (spread + ~counts))
    if not for_inputs:
        return value, (gradient, None)
    along = (slope * spread).sum(axis=1, keepdims=True) / unit
    freedom = max(centred.shape[1] - 1, 1)
    return value, (gradient, centred * (along / (-freedom * (width + (width <= 0)))))
