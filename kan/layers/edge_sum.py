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

from typing import Any, NamedTuple

import torch
from torch import Tensor

from kan.common.transforms import is_transformed
from kan.spline.basis import (
    basis,
    basis_values,
    dense_basis_with_slopes,
    is_dense,
    local_basis_with_slopes,
    scatter_rows,
)


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


def make_features(x: Tensor, base: Tensor, knots: Tensor, *, degree: int) -> Features:
    """Compute the features of inputs x (I, N) that nothing is differentiated with respect to."""
    values = _join(basis_values(x, knots, degree=degree), base)
    return Features(values, _covariance(_centred(values)))


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
    if is_transformed():
        # torch.func and torch.compile bring their own derivatives and fusion: give them the bare operations.
        values = _join(basis(x, knots, degree=degree), base)
        weights = fold_weights(coefficients, scale_base, scale_spline, mask)
        covariance = _covariance(_centred(values)) if with_variances else None
        return _multiply(values, weights, covariance)
    sums, variances = _EdgeSums.apply(
        x, base, coefficients, scale_base, scale_spline, mask, knots, degree, with_variances, features
    )
    return EdgeSums(sums, variances)


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
        known: Features | None,
    ) -> EdgeSums:
        bases: tuple[Tensor | None, Tensor | None] = (None, None)
        slopes = None
        if known is not None:
            features, covariance = known
        else:
            features, slopes, bases = _evaluate(x, base, knots, degree=degree)
            covariance = _covariance(_centred(features)) if with_variances else None
        spline_scale = (scale_spline * mask)[:, :, None]
        weights = _join_weights(coefficients * spline_scale, scale_base * mask)
        ctx.degree, ctx.with_variances, ctx.known = degree, with_variances, known is not None
        # Few bases are kept whole; of many, only those that are not zero, and the rest is filled in again.
        ctx.save_for_backward(
            *(x, base, coefficients, scale_base, scale_spline, mask, knots),
            *(weights, spline_scale, covariance),
            features if bases[0] is None else None,
            slopes if ctx.needs_input_grad[0] else None,
            *bases,
        )
        return _multiply(features, weights, covariance if with_variances else None)

    @staticmethod
    def backward(ctx: Any, grad_sums: Tensor, grad_variances: Tensor) -> tuple[Tensor | None, ...]:
        x, base, coefficients, scale_base, scale_spline, mask, knots, *kept = ctx.saved_tensors
        weights, spline_scale, covariance, features, slopes, values, rows = kept
        needs_x, needs_base = ctx.needs_input_grad[:2]
        # What the forward kept knows nothing of the graph: a differentiable backward starts from the inputs again,
        # unless their features were given, which are constants.
        if torch.is_grad_enabled():
            spline_scale = (scale_spline * mask)[:, :, None]
            weights = _join_weights(coefficients * spline_scale, scale_base * mask)
            if not ctx.known:
                features, rows = _join(basis(x, knots, degree=ctx.degree), base), None
                slopes = basis(x, knots, degree=ctx.degree, order=1) if needs_x else None
                covariance = _covariance(_centred(features)) if ctx.with_variances else None
        elif features is None:
            features = _join(scatter_rows(values, rows, count=coefficients.shape[2]), base)
        grad_weights = (grad_sums @ features.flatten(0, 1).T).unflatten(1, features.shape[:2]).transpose(0, 1)
        grad_features = None
        if needs_x or needs_base:
            grad_features = (_flat(weights).T @ grad_sums).unflatten(0, features.shape[:2])  # (I, B + 1, N)
        if ctx.with_variances:
            # d(w' C w) = 2 w' C dw + w' dC w, with dC from the centred features of the input.
            grad_variances = grad_variances[:, :, None]  # (I, O, 1)
            grad_weights = grad_weights + 2 * grad_variances * torch.bmm(weights, covariance)
            if grad_features is not None:
                outer = torch.bmm(weights.mT, grad_variances * weights)  # (I, B + 1, B + 1)
                scale = 2 / max(x.shape[1] - 1, 1)
                grad_features = torch.baddbmm(grad_features, outer, _centred(features), alpha=scale)
        grad_x = grad_base = None
        if needs_x and grad_features is not None:
            grad_bases = grad_features[:, :-1] if rows is None else torch.gather(grad_features, 1, rows)
            grad_x = (grad_bases * slopes).sum(dim=1)
        if needs_base and grad_features is not None:
            grad_base = grad_features[:, -1]
        grad_edge_spline, grad_edge_base = grad_weights[:, :, :-1], grad_weights[:, :, -1]
        along = (grad_edge_spline * coefficients).sum(dim=2)  # the gradient of scale_spline * mask
        return (
            grad_x,
            grad_base,
            grad_edge_spline * spline_scale,
            grad_edge_base * mask,
            along * mask,
            along * scale_spline + grad_edge_base * scale_base if ctx.needs_input_grad[5] else None,
            *(None, None, None, None),
        )


def _evaluate(
    x: Tensor, base: Tensor, knots: Tensor, *, degree: int
) -> tuple[Tensor, Tensor, tuple[Tensor | None, Tensor | None]]:
    """Return the features (I, B + 1, N), the slopes of the bases, and local values and rows where that is cheaper.

    Slopes are those of all bases (I, B, N), or with local values those of the bases in the same rows (I, k + 1, N).
    """
    if is_dense(x, knots):
        values, slopes = dense_basis_with_slopes(x, knots, degree=degree)
        return _join(values, base), slopes, (None, None)
    values, slopes, rows = local_basis_with_slopes(x, knots, degree=degree)
    features = _join(scatter_rows(values, rows, count=knots.shape[1] - 1 - degree), base)
    return features, slopes, (values, rows)


def _join(values: Tensor, base: Tensor) -> Tensor:
    """Put the base value below the bases of each input: (I, B, N), (I, N) -> features (I, B + 1, N)."""
    return torch.cat([values, base[:, None]], dim=1)


def _flat(weights: Tensor) -> Tensor:
    """Lay the weights of each output in one row: (I, O, B + 1) -> (O, I (B + 1))."""
    return weights.transpose(0, 1).flatten(1)


def _multiply(values: Tensor, weights: Tensor, covariance: Tensor | None) -> EdgeSums:
    """Multiply features (I, B + 1, N) by weights (I, O, B + 1); with their covariance, also ``w' C w`` per edge."""
    sums = _flat(weights) @ values.flatten(0, 1)
    variances = None if covariance is None else (torch.bmm(weights, covariance) * weights).sum(dim=2)
    return EdgeSums(sums, variances)


def fold_weights(coefficients: Tensor, scale_base: Tensor, scale_spline: Tensor, mask: Tensor) -> Tensor:
    """Fold the scales and the mask into one weight for every feature of every edge: (I, O, B + 1)."""
    return _join_weights(coefficients * (scale_spline * mask)[:, :, None], scale_base * mask)


def _join_weights(spline: Tensor, base: Tensor) -> Tensor:
    """Put the weight of the base function behind those of the bases: (I, O, B), (I, O) -> (I, O, B + 1)."""
    return torch.cat([spline, base[:, :, None]], dim=2)


def _centred(features: Tensor) -> Tensor:
    """Subtract the mean over the samples."""
    return features - features.mean(dim=2, keepdim=True)


def _covariance(centred: Tensor) -> Tensor:
    """Return the covariance of the features of every input: (I, B + 1, N) -> (I, B + 1, B + 1)."""
    return torch.bmm(centred, centred.mT) / max(centred.shape[2] - 1, 1)

