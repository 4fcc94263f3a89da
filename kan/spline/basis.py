"""The B-spline bases of degree k and their derivatives of any order, for uniform and non-uniform knots.

Samples are the last axis: one row is one basis function of one input at all samples, so that every operation runs over
contiguous memory, and the rows are the right-hand side of one matrix product per layer.

Two evaluations of the same recursion (Cox and de Boor):

* `local_basis` finds the interval of each sample and computes only the k + 1 bases that are not zero there;
* for few intervals it is cheaper to run the recursion over all of them, without the search, the gather and the scatter.

A knot vector has M = G + 2k intervals and carries B = G + k bases. Outside its first and last knot all bases are zero.
Intervals are closed on the left; for k = 0 the very last one is closed on both sides.

Source: de Boor, *A Practical Guide to Splines*, ch. IX (recursion) and X (derivatives).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Up to this many knot intervals the recursion over all of them is faster than search, gather and scatter (measured on
# CPU for 1 to 64 inputs and 100 to 4000 samples; see benchmarks).
_DENSE_INTERVALS = 12

# Stands for the width of an empty interval; its reciprocal times a few widths is still finite in float32.
_NO_WIDTH = 1e-30


def basis(x: Tensor, knots: Tensor, *, degree: int, order: int = 0) -> Tensor:
    """Evaluate all bases, or their derivatives, at every sample.

    Parameters
    ----------
    x : Tensor (I, N)
        Samples, one row per input.
    knots : Tensor (I, G + 2k + 1)
        Extended, increasing knots of each input.
    degree : int
        The degree k of the splines.
    order : int
        Which derivative with respect to `x`; 0 are the bases themselves. Orders above k are zero.

    Returns
    -------
    Tensor (I, B, N)
        Differentiable with respect to `x`, any number of times. The knots are constants.

    Examples
    --------
    >>> import torch
    >>> from kan.spline import basis, extend_knots
    >>> knots = extend_knots(torch.linspace(-1, 1, 6)[None], degree=3)
    >>> values = basis(torch.linspace(-1, 1, 50)[None], knots, degree=3)
    >>> values.shape
    torch.Size([1, 8, 50])
    >>> bool(torch.allclose(values.sum(1), torch.ones(50)))
    True
    """
    return BasisFunction.apply(x, knots, degree, order)


class BasisFunction(torch.autograd.Function):
    """`basis` for autograd: the derivative of the bases of one order is the product with those of the next."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
        """Evaluate the derivatives of the given order."""
        return basis_values(x, knots, degree=degree, order=order)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004
        """Keep the samples; the bases are cheaper to compute again than to keep."""
        x, knots, ctx.degree, ctx.order = inputs
        ctx.save_for_backward(x, knots)
        ctx.save_for_forward(x, knots)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        """Multiply by the derivatives of the next order, for forward-mode differentiation."""
        x, knots = ctx.saved_tensors
        return tangent[:, None] * basis(x, knots, degree=ctx.degree, order=ctx.order + 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Multiply by the derivatives of the next order, themselves differentiable."""
        x, knots = ctx.saved_tensors
        slopes = basis(x, knots, degree=ctx.degree, order=ctx.order + 1)
        return (gradient * slopes).sum(dim=1), None, None, None


def basis_values(x: Tensor, knots: Tensor, *, degree: int, order: int = 0) -> Tensor:
    """Evaluate like `basis`, without a graph, by whichever of the two evaluations is cheaper."""
    intervals = knots.shape[1] - 1
    if order > degree:
        return x.new_zeros(x.shape[0], intervals - degree, x.shape[1])
    if is_dense(knots):
        return dense_basis(x, knots, degree=degree, order=order)
    values, rows = local_basis(x, knots, degree=degree, order=order)
    return scatter_rows(values, rows, count=intervals - degree)


def is_dense(knots: Tensor) -> bool:
    """Whether the recursion over all intervals is the cheaper evaluation for these knots."""
    return knots.shape[1] - 1 <= _DENSE_INTERVALS


def scatter_rows(values: Tensor, rows: Tensor, *, count: int) -> Tensor:
    """Place local values (I, k + 1, N) into their `rows` of (I, count, N); rows numbered `count` are dropped."""
    full = values.new_zeros(values.shape[0], count + 1, values.shape[2])
    return full.scatter(1, rows, values)[:, :count]


def local_basis(x: Tensor, knots: Tensor, *, degree: int, order: int = 0) -> tuple[Tensor, Tensor]:
    """Evaluate the k + 1 bases (or derivatives) that are not zero at each sample.

    Parameters
    ----------
    x : Tensor (I, N)
    knots : Tensor (I, G + 2k + 1)
    degree, order : int

    Returns
    -------
    values : Tensor (I, k + 1, N)
    rows : Tensor (I, k + 1, N)
        The index of each basis, in 0 … B - 1, or B for one that does not exist; its value is then zero.
    """
    count = knots.shape[1] - 1 - degree
    interval = _find_interval(x, knots, degree=degree)  # (I, N), -1 and M for samples outside
    rows = interval[:, None, :] + torch.arange(-degree, 1, device=x.device)[None, :, None]  # (I, k + 1, N)
    exists = (rows >= 0) & (rows < count)
    values = _local_values(x, knots, interval, degree=degree, order=order)
    return torch.where(exists, values, values.new_zeros(())), torch.where(exists, rows, count)


def _find_interval(x: Tensor, knots: Tensor, *, degree: int) -> Tensor:
    """Return the index of the knot interval of each sample, -1 below the first knot and M from the last one on."""
    interval = torch.searchsorted(knots.contiguous(), x.contiguous(), right=True) - 1
    if degree == 0:
        last = knots.shape[1] - 2  # see `dense_basis`
        interval = torch.where(x == knots[:, -1:], last, interval)
    return interval


def _local_values(x: Tensor, knots: Tensor, interval: Tensor, *, degree: int, order: int) -> Tensor:
    """Run de Boor's triangular scheme over the 2k knots around each sample."""
    if degree == 0:
        return x.new_ones(x.shape[0], 1, x.shape[1])
    # Knots that would be needed beyond the ends only enter bases that do not exist; any increasing ones will do.
    padded = _pad_knots(knots, count=degree)
    window = interval[:, None, :] + torch.arange(1, 2 * degree + 1, device=x.device)[None, :, None]
    near = torch.gather(padded[:, :, None].expand(-1, -1, x.shape[1]), 1, window)  # (I, 2k, N)
    offset = near - x[:, None, :]
    values = x.new_ones(x.shape[0], 1, x.shape[1])
    for level in range(1, degree + 1):
        right, left = offset[:, degree : degree + level], offset[:, degree - level : degree]
        scaled = values * _inverse(near[:, degree : degree + level] - near[:, degree - level : degree])
        zero = torch.zeros_like(scaled[:, :1])
        if level <= degree - order:
            rising, falling = -left * scaled, right * scaled
        else:
            rising, falling = level * scaled, -level * scaled
        values = torch.cat([falling, zero], dim=1) + torch.cat([zero, rising], dim=1)
    return values


def _pad_knots(knots: Tensor, *, count: int) -> Tensor:
    """Continue `knots` by `count` on either side with the mean width."""
    width = (knots[:, -1:] - knots[:, :1]) / (knots.shape[1] - 1)
    steps = torch.arange(1, count + 1, dtype=knots.dtype, device=knots.device)
    return torch.cat([knots[:, :1] - width * steps.flip(0), knots, knots[:, -1:] + width * steps], dim=1)


def dense_basis(x: Tensor, knots: Tensor, *, degree: int, order: int = 0) -> Tensor:
    """Run the recursion over all intervals: (I, N), (I, M + 1) -> (I, B, N)."""
    values, _ = dense_basis_with_slopes(x, knots, degree=degree - order)
    if degree == 0:
        # Continuous bases are zero at the last knot anyway; steps would lose the largest sample.
        values[:, -1] += (x == knots[:, -1:]).to(x.dtype)
    for level in range(degree - order + 1, degree + 1):
        scaled = values * _inverse_widths(knots, span=level)[:, :, None]
        values = level * (scaled[:, :-1] - scaled[:, 1:])
    return values


def dense_basis_with_slopes(x: Tensor, knots: Tensor, *, degree: int) -> tuple[Tensor, Tensor]:
    """Return the bases (I, M - k, N) and the scaled bases of degree k - 1, whose differences are their slopes.

    The derivative of basis b is ``k * (scaled[:, b] - scaled[:, b + 1])``. For degree 0 the second is empty.
    """
    offset = x[:, None, :] - knots[:, :, None]  # (I, M + 1, N)
    reached = torch.heaviside(offset, offset.new_ones(()))  # 1 from each knot on
    values = reached[:, :-1] - reached[:, 1:]
    scaled = values[:, :0]
    for level in range(1, degree + 1):
        scaled = values * _inverse_widths(knots, span=level)[:, :, None]
        rising = scaled * offset[:, : scaled.shape[1]]
        falling = values.sub_(rising)
        values = rising[:, :-1].add_(falling[:, 1:])
    return values, scaled


def _inverse_widths(knots: Tensor, *, span: int) -> Tensor:
    """Return 1 / (t[j + span] - t[j])."""
    return _inverse(knots[:, span:] - knots[:, :-span])


def _inverse(width: Tensor) -> Tensor:
    """Return the reciprocal; where knots coincide, a huge number instead of infinity, which meets bases that are 0."""
    return width.clamp(min=_NO_WIDTH).reciprocal()
