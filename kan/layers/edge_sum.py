"""The numerical edges of one layer as one differentiable operation.

An edge computes ``mask * (scale_base * b(x) + scale_sp * spline(x))``. It is linear in the B bases and the base value
of its input, so with these B + 1 features of every input as rows the whole layer is one matrix product,

    y (O, N) = weights (O, I (B + 1)) @ features (I (B + 1), N),

and the variance of an edge over the samples is ``w' C w``, with `C` the covariance of the features of its input. No
tensor of size N * O * I appears, neither forward nor backward.

The operation is one autograd node with an analytic backward. Asked for a differentiable backward (``create_graph``),
it writes the same gradients with differentiable operations, so that derivatives of any order come out exactly.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kan.common.transforms import full_precision, is_batched, is_compiled_plainly, is_recorded, is_transformed
from kan.layers.edge_blocks import EdgeBlocks
from kan.layers.edge_gather import EdgeGather
from kan.layers.edge_kernel import (
    TORCH,
    Evaluation,
    covariance,
    evaluate,
    fold,
    library_for,
    multiply_out,
    pull_back,
)
from kan.layers.edge_operator import gathered_sums
from kan.layers.edge_tensors import EdgeTensors
from kan.spline.basis import basis, basis_values, pointwise_basis

# From these numbers of knot intervals on, gathering weights is cheaper than products with all bases (measured on CPU
# for 10 to 784 inputs, 10 to 256 outputs): in single precision; else and where features are at hand; where variances
# are made of their covariance. There has to be enough work to make up for its overhead: numbers in one step of the
# recursion.
_MANY_INTERVALS_IN_SINGLE = 26
_MANY_INTERVALS = 36
_MANY_INTERVALS_WITH_COVARIANCE = 80
_MUCH_WORK = 2**18
# The variance of an edge takes B^2 multiplications by the covariance, by its values some 16 for each sample.
_WORK_OF_A_SAMPLE = 16


class Features(NamedTuple):
    """What the edges of a layer are linear in, for inputs that stay the same over many evaluations.

    Attributes
    ----------
    values : Tensor (I, B + 1, N)
        The bases and the base function of every input.
    covariance : Tensor (I, B + 1, B + 1)
        Their covariance over the samples.
    """

    values: Tensor
    covariance: Tensor


def is_gathered(x: Tensor, knots: Tensor, *, with_features: bool = False, with_variances: bool = False) -> bool:
    """Whether the weights that count are gathered, instead of multiplied with the features of all bases.

    The features may be known, with their covariance, and the variances of edges may be needed. On a GPU products are
    faster by far for up to 200 intervals, at least (`benchmarks/gpu.py`).
    """
    if with_features and with_variances:
        many = _MANY_INTERVALS_WITH_COVARIANCE
    elif with_features or x.dtype == torch.float64:
        many = _MANY_INTERVALS
    else:
        many = _MANY_INTERVALS_IN_SINGLE
    return x.device.type == "cpu" and knots.shape[1] > many and x.numel() * knots.shape[1] > _MUCH_WORK


def make_features(x: Tensor, base: Tensor, knots: Tensor, *, degree: int) -> Features:
    """Compute the features of inputs x (I, N) that nothing is differentiated with respect to."""
    values = torch.cat([basis_values(x, knots, degree=degree), base[:, None]], dim=1)
    return Features(values, covariance(TORCH, values))


def _cheap_covariance(known: Features | None) -> Tensor | None:
    """Return the covariance of the features, if it is known and spares more than products with it take."""
    if known is None or known.values.shape[1] ** 2 > _WORK_OF_A_SAMPLE * known.values.shape[2]:
        return None
    return known.covariance


class EdgeSums(NamedTuple):
    """What `edge_sums` returns: node sums (O, N) and the variance of every edge (I, O), or None."""

    sums: Tensor
    variances: Tensor | None


def edge_sums(
    x: Tensor,
    base: Tensor,
    coefficients: Tensor,
    scale_base: Tensor,
    scale_spline: Tensor,
    mask: Tensor,
    knots: Tensor,
    *,
    degree: int,
    with_variances: bool = False,
    features: Features | None = None,
) -> EdgeSums:
    """Sum the numerical edges into every output.

    Parameters
    ----------
    x : Tensor (I, N)
        Inputs, samples last.
    base : Tensor (I, N)
        The base function of the inputs.
    coefficients : Tensor (I, O, B)
    scale_base, scale_spline, mask : Tensor (I, O)
    knots : Tensor (I, G + 2k + 1)
    degree : int
    with_variances : bool
        Also return the variance over the samples (divisor N - 1) of every edge.
    features : Features, optional
        The features of `x`, where they are known; `x` and `base` are then not differentiated.

    Returns
    -------
    EdgeSums
        Differentiable with respect to all tensors but the knots.
    """
    if is_compiled_plainly() and not with_variances and is_gathered(x, knots):
        tensors = EdgeTensors(x, base, coefficients, scale_base, scale_spline, mask, knots)
        return EdgeSums(gathered_sums(tensors, degree=degree), None)
    if is_transformed():
        # torch.func and torch.compile bring their own derivatives and fusion: give them the bare operations.
        evaluate_bases = pointwise_basis if is_recorded() else basis
        values = torch.cat([evaluate_bases(x, knots, degree=degree), base[:, None]], dim=1)
        weights = fold(TORCH, coefficients, scale_base, scale_spline, mask)
        found = multiply_out(TORCH, values, weights, covariance(TORCH, values) if with_variances else None)
        return EdgeSums(found.sums, found.variances)
    sums, variances = _EdgeSums.apply(
        x,
        base,
        coefficients,
        scale_base,
        scale_spline,
        mask,
        knots,
        degree,
        with_variances,
        features,
        torch.is_grad_enabled(),  # inside of the operation gradients are always disabled
    )
    return EdgeSums(sums, variances)


class _EdgeSums(torch.autograd.Function):
    """The operation of this module."""

    # Numbers that overflow are no reason for numpy to warn: torch does not.
    @staticmethod
    @np.errstate(all="ignore")
    def forward(
        ctx: Any,
        x: Tensor,
        base: Tensor,
        coefficients: Tensor,
        scale_base: Tensor,
        scale_spline: Tensor,
        mask: Tensor,
        knots: Tensor,
        degree: int,
        with_variances: bool,
        known: Features | None,
        for_gradients: bool,
    ) -> tuple[Tensor, Tensor | None]:
        if known is not None:
            base = known.values[:, -1]
        tensors = EdgeTensors(x, base, coefficients, scale_base, scale_spline, mask, knots)
        ctx.save_for_backward(*tensors)
        ctx.degree, ctx.with_variances, ctx.known = degree, with_variances, known
        ctx.lib = lib = library_for(x, knots, for_gradients=for_gradients)
        gathered = lib is TORCH and is_gathered(
            x, knots, with_features=known is not None, with_variances=with_variances
        )
        ctx.is_large = gathered or (known is None and lib is TORCH)
        if ctx.is_large:
            if gathered:
                make = partial(EdgeGather, degree=degree, covariance=_cheap_covariance(known))
                gather = make(tensors)
                ctx.again = partial(make, local=gather.local)
                return gather.forward(with_variances=with_variances)
            blocks = EdgeBlocks(tensors, degree=degree)
            result = blocks.forward(with_variances=with_variances)
            ctx.again = partial(EdgeBlocks, degree=degree, moments=blocks.moments)
            return result
        read = lib.from_tensor
        spread = None
        if known is None:
            at = evaluate(lib, read(x), read(base), read(knots), degree=degree)
            if with_variances:
                spread = covariance(lib, at.features)
        else:
            at = Evaluation(read(known.values), None)
            spread = read(known.covariance) if with_variances else None
        weights = fold(lib, read(coefficients), read(scale_base), read(scale_spline), read(mask))
        sums, variances, covariances = multiply_out(lib, at.features, weights, spread)
        ctx.kept = (at if ctx.needs_input_grad[0] else at._replace(slopes=None), weights, covariances)
        return lib.to_tensor(sums), None if variances is None else lib.to_tensor(variances)

    @staticmethod
    def backward(ctx: Any, grad_sums: Tensor, grad_variances: Tensor | None) -> tuple[Tensor | None, ...]:
        with full_precision(grad_sums.device.type):
            return (*_gradients(ctx, grad_sums, grad_variances), None, None, None, None, None)


@np.errstate(all="ignore")
def _gradients(ctx: Any, grad_sums: Tensor, grad_variances: Tensor | None) -> tuple[Tensor | None, ...]:
    """Return the gradients of x, base, coefficients, scale_base, scale_spline and mask, those that are wanted."""
    saved = EdgeTensors(*ctx.saved_tensors)
    needs_x, needs_base = ctx.needs_input_grad[:2]
    if torch.is_grad_enabled() or is_batched(grad_sums):
        # What the forward kept knows nothing of the graph: a differentiable backward starts from the inputs again.
        lib, at, weights, covariances = TORCH, *_differentiable(ctx, needs_x=needs_x)
    elif ctx.is_large:
        found: tuple[Tensor | None, ...]
        found = ctx.again(saved).backward(grad_sums, grad_variances, wanted=ctx.needs_input_grad[:6])
        return found
    else:
        lib, (at, weights, covariances) = ctx.lib, ctx.kept
    _, _, coefficients, scale_base, scale_spline, mask, _ = (lib.from_tensor(tensor) for tensor in saved)
    grad_weights, grad_features = pull_back(
        lib,
        at.features,
        weights,
        covariances,
        lib.from_tensor(grad_sums),
        None if covariances is None or grad_variances is None else lib.from_tensor(grad_variances),
        for_inputs=needs_x or needs_base,
    )
    grad_x = (grad_features[:, :-1] * at.slopes).sum(axis=1) if needs_x else None
    grad_base = grad_features[:, -1] if needs_base else None
    grad_spline, grad_constant = grad_weights[:, :, :-1], grad_weights[:, :, -1]
    along = (grad_spline * coefficients).sum(axis=2)  # the gradient of scale_spline * mask
    gradients = (
        grad_x,
        grad_base,
        grad_spline * (scale_spline * mask)[:, :, None],
        grad_constant * mask,
        along * mask,
        along * scale_spline + grad_constant * scale_base if ctx.needs_input_grad[5] else None,
    )
    return tuple(None if gradient is None else lib.to_tensor(gradient) for gradient in gradients)


def _differentiable(ctx: Any, *, needs_x: bool) -> tuple[Evaluation, Tensor, Tensor | None]:
    """Compute again what the forward kept, as functions of the inputs; features that were given are constants."""
    x, base, coefficients, scale_base, scale_spline, mask, knots = ctx.saved_tensors
    weights = fold(TORCH, coefficients, scale_base, scale_spline, mask)
    spread: Tensor | None = None
    if ctx.known is not None:
        at, spread = Evaluation(ctx.known.values, None), ctx.known.covariance
    else:
        features = torch.cat([basis(x, knots, degree=ctx.degree), base[:, None]], dim=1)
        at = Evaluation(features, basis(x, knots, degree=ctx.degree, order=1) if needs_x else None)
        spread = covariance(TORCH, features) if ctx.with_variances else None
    return at, weights, TORCH.multiply(weights, spread) if ctx.with_variances else None
