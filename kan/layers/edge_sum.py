"""The numerical edges of one layer as one differentiable operation.

An edge computes ``mask * (scale_base * b(x) + scale_sp * spline(x))``. It is linear in the B bases and the base value of
its input, so with these B + 1 features of every input as rows the whole layer is one matrix product,

    y (O, N) = weights (O, I (B + 1)) @ features (I (B + 1), N),

and the variance of an edge over the samples is ``w' C w``, with `C` the covariance of the features of its input. No
tensor of size N * O * I appears, neither forward nor backward.

The operation is one autograd node with an analytic backward. Asked for a differentiable backward (``create_graph``),
it writes the same gradients with differentiable operations, so that derivatives of any order come out exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor

from kan.common.transforms import is_transformed
from kan.spline.basis import basis, basis_values, dense_basis_with_slopes, is_dense


class EdgeSums(NamedTuple):
    """What `edge_sums` returns: node sums (O, N) and the variance of every edge (I, O), or None."""

    sums: Tensor
    variances: Optional[Tensor]


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

    Returns
    -------
    EdgeSums
        Differentiable with respect to all tensors but the knots.
    """
    if is_transformed():
        # torch.func and torch.compile bring their own derivatives and fusion: give them the bare operations.
        features = torch.cat([basis(x, knots, degree=degree), base[:, None]], dim=1)
        return _sums_and_variances(
            features, fold_weights(coefficients, scale_base, scale_spline, mask), with_variances=with_variances
        )
    sums, variances = _EdgeSums.apply(  # type: ignore[no-untyped-call]
        x, base, coefficients, scale_base, scale_spline, mask, knots, degree, with_variances
    )
    return EdgeSums(sums, variances)


def _sums_and_variances(features: Tensor, weights: Tensor, *, with_variances: bool) -> EdgeSums:
    """Multiply features (I, B + 1, N) by weights (I, O, B + 1)."""
    sums = weights.transpose(0, 1).flatten(1) @ features.flatten(0, 1)
    return EdgeSums(sums, _edge_variances(weights, _covariance(_centred(features))) if with_variances else None)


class _EdgeSums(torch.autograd.Function):
    """The operation of this module."""

    @staticmethod
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
    ) -> EdgeSums:
        ctx.degree, ctx.with_variances = degree, with_variances
        ctx.save_for_backward(x, base, coefficients, scale_base, scale_spline, mask, knots)
        features = torch.cat([basis_values(x, knots, degree=degree), base[:, None]], dim=1)  # (I, B + 1, N)
        weights = fold_weights(coefficients, scale_base, scale_spline, mask)
        return _sums_and_variances(features, weights, with_variances=with_variances)

    @staticmethod
    def backward(ctx: Any, grad_sums: Tensor, grad_variances: Tensor) -> tuple[Optional[Tensor], ...]:
        x, base, coefficients, scale_base, scale_spline, mask, knots = ctx.saved_tensors
        needs_x, needs_base = ctx.needs_input_grad[:2]
        differentiable = torch.is_grad_enabled()
        evaluate = basis if differentiable else basis_values
        slopes = None
        if needs_x and not differentiable and is_dense(knots):
            values, scaled = dense_basis_with_slopes(x, knots, degree=ctx.degree)
            slopes = ctx.degree * scaled
        else:
            values = evaluate(x, knots, degree=ctx.degree)
        features = torch.cat([values, base[:, None]], dim=1)  # (I, B + 1, N)
        weights = fold_weights(coefficients, scale_base, scale_spline, mask)  # (I, O, B + 1)
        flat_weights = weights.transpose(0, 1).flatten(1)  # (O, I (B + 1))
        grad_weights = (grad_sums @ features.flatten(0, 1).T).unflatten(1, features.shape[:2]).transpose(0, 1)
        grad_features = None
        if needs_x or needs_base:
            grad_features = (flat_weights.T @ grad_sums).unflatten(0, features.shape[:2])  # (I, B + 1, N)
        if ctx.with_variances:
            centred = _centred(features)
            covariance = _covariance(centred)
            # d(w' C w) = 2 C w dw + w' dC w, with dC from the centred features of the input.
            grad_variances_t = grad_variances[:, :, None]  # (I, O, 1)
            grad_weights = grad_weights + 2 * grad_variances_t * torch.bmm(weights, covariance)
            if grad_features is not None:
                outer = torch.bmm(weights.mT, grad_variances_t * weights)  # (I, B + 1, B + 1)
                grad_features = grad_features + torch.bmm(outer, centred) * (2 / max(x.shape[1] - 1, 1))
        grad_x = None
        if needs_x and grad_features is not None:
            grad_values = grad_features[:, :-1]
            if slopes is not None:
                grad_x = _pull_back_dense(grad_values, slopes)
            else:
                grad_x = (grad_values * evaluate(x, knots, degree=ctx.degree, order=1)).sum(dim=1)
        grad_base = grad_features[:, -1] if needs_base and grad_features is not None else None
        grad_edge_spline = grad_weights[:, :, :-1]
        scale = (scale_spline * mask)[:, :, None]
        along = (grad_edge_spline * coefficients).sum(dim=2)  # the gradient of scale_spline * mask
        grad_edge_base = grad_weights[:, :, -1]
        grad_mask = along * scale_spline + grad_edge_base * scale_base if ctx.needs_input_grad[5] else None
        return (
            grad_x,
            grad_base,
            grad_edge_spline * scale,
            grad_edge_base * mask,
            along * mask,
            grad_mask,
            None,
            None,
            None,
        )


def fold_weights(coefficients: Tensor, scale_base: Tensor, scale_spline: Tensor, mask: Tensor) -> Tensor:
    """Fold the scales and the mask into one weight for every feature of every edge: (I, O, B + 1)."""
    spline = coefficients * (scale_spline * mask)[:, :, None]
    return torch.cat([spline, (scale_base * mask)[:, :, None]], dim=2)


def _centred(features: Tensor) -> Tensor:
    """Subtract the mean over the samples."""
    return features - features.mean(dim=2, keepdim=True)


def _covariance(centred: Tensor) -> Tensor:
    """Return the covariance of the features of every input: (I, B + 1, N) -> (I, B + 1, B + 1)."""
    return torch.bmm(centred, centred.mT) / max(centred.shape[2] - 1, 1)


def _edge_variances(weights: Tensor, covariance: Tensor) -> Tensor:
    """Return ``w' C w`` for every edge: (I, O, B + 1), (I, B + 1, B + 1) -> (I, O)."""
    return (torch.bmm(weights, covariance) * weights).sum(dim=2)


def _pull_back_dense(grad_values: Tensor, slopes: Tensor) -> Tensor:
    """Sum gradients (I, B, N) against the slopes of the bases, which are differences of `slopes` (I, B + 1, N)."""
    if slopes.shape[1] == 0:  # degree 0: steps have no slope
        return grad_values.new_zeros(grad_values.shape[0], grad_values.shape[2])
    return (grad_values * (slopes[:, :-1] - slopes[:, 1:])).sum(dim=1)
