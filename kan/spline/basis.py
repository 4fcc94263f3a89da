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

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from kan.common.transforms import is_nested_forward
from kan.spline.knots import extend_knots

# Up to this many knot intervals the recursion over all of them is faster than search, gather and scatter; for small
# data also beyond, as long as the surplus of intervals times samples stays below the second number (measured on CPU
# for 1 to 64 inputs and 250 to 3000 samples).
_DENSE_INTERVALS = 12
_DENSE_SURPLUS = 20_000

# Stand for the width of an empty interval, in single and in double precision. Beside other widths they are nothing
# (from 1e-22 and 1e-274 on), but their reciprocals times a few widths are still finite.
_NO_WIDTH = 1e-30
_NO_WIDTH_IN_DOUBLE = 1e-290


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
    if is_nested_forward():
        # There torch takes the outer derivative of what a Function's `jvp` returns for zero, without a word.
        return pointwise_basis(x, knots, degree=degree, order=order)
    return BasisFunction.apply(x, knots, degree, order)


class BasisFunction(torch.autograd.Function):
    """`basis` for autograd: the derivative of the bases of one order is the product with those of the next."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, knots: Tensor, degree: int, order: int) -> Tensor:
        """Evaluate the derivatives of the given order."""
        values = basis_values(x, knots, degree=degree, order=order)
        # A part of other memory cannot get a tangent of its own.
        return values.clone() if forward_ad._current_level >= 0 and values._is_view() else values

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
        if torch._C._functorch.maybe_current_level() is None:
            # Without torch.func it still carries its tangent, which a tangent must not.
            x = forward_ad.unpack_dual(x).primal
        return tangent[:, None] * basis(x, knots, degree=ctx.degree, order=ctx.order + 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Multiply by the derivatives of the next order, themselves differentiable."""
        x, knots = ctx.saved_tensors
        slopes = basis(x, knots, degree=ctx.degree, order=ctx.order + 1)
        return (gradient * slopes).sum(dim=1), None, None, None


def basis_values(x: Tensor, knots: Tensor, *, degree: int, order: int = 0) -> Tensor:
    """Evaluate like `basis`, without a graph, by whichever of the two evaluations is cheaper."""
    count = knots.shape[1] - 1 - degree
    if order > degree:
        return x.new_zeros(x.shape[0], count, x.shape[1])
    if is_dense(x, knots):
        return dense_basis(x, knots, degree=degree, order=order)
    values, rows = local_basis(x, knots, degree=degree, order=order)
    return scatter_rows(values, rows, count=count)


def is_dense(x: Tensor, knots: Tensor) -> bool:
    """Whether the recursion over all intervals is the cheaper evaluation for these samples and knots."""
    return (knots.shape[1] - 1 - _DENSE_INTERVALS) * x.numel() <= _DENSE_SURPLUS


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
    interval, rows, exists = _find_rows(x, knots, degree=degree)
    values, _ = _local_values(x, knots, interval, degree=degree, order=order)
    return torch.where(exists, values, values.new_zeros(())), rows


def local_basis_with_slopes(x: Tensor, knots: Tensor, *, degree: int) -> tuple[Tensor, Tensor, Tensor]:
    """Evaluate the k + 1 bases that are not zero at each sample, and their first derivatives.

    Returns
    -------
    values, slopes, rows : Tensor (I, k + 1, N)
        As in `local_basis`.
    """
    interval, rows, exists = _find_rows(x, knots, degree=degree)
    values, slopes = _local_values(x, knots, interval, degree=degree, order=0)
    zero = values.new_zeros(())
    return torch.where(exists, values, zero), torch.where(exists, slopes, zero), rows


def _find_rows(x: Tensor, knots: Tensor, *, degree: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the interval of each sample (I, N), -1 or M outside, and its bases' rows and whether they exist."""
    count = knots.shape[1] - 1 - degree
    interval = torch.searchsorted(knots.contiguous(), x.contiguous(), right=True) - 1
    if degree == 0:
        interval = torch.where(x == knots[:, -1:], count - 1, interval)  # see `dense_basis_with_slopes`
    rows = interval[:, None, :] + torch.arange(-degree, 1, device=x.device)[None, :, None]  # (I, k + 1, N)
    exists = (rows >= 0) & (rows < count)
    return interval, torch.where(exists, rows, count), exists


def _local_values(x: Tensor, knots: Tensor, interval: Tensor, *, degree: int, order: int) -> tuple[Tensor, Tensor]:
    """Run de Boor's triangular scheme over the 2k knots around each sample; for order 0 also give the slopes."""
    values = x.new_ones(x.shape[0], 1, x.shape[1])
    zero = slopes = torch.zeros_like(values)
    if degree == 0:
        return values, slopes
    # Knots that would be needed beyond the ends only enter bases that do not exist; any increasing ones will do.
    padded = extend_knots(knots, degree=degree)
    window = interval[:, None, :] + torch.arange(1, 2 * degree + 1, device=x.device)[None, :, None]
    near = torch.gather(padded[:, :, None].expand(-1, -1, x.shape[1]), 1, window)  # (I, 2k, N)
    offset = near - x[:, None, :]
    for level in range(1, degree + 1):
        right, left = slice(degree, degree + level), slice(degree - level, degree)
        scaled = values * inverse_of(near[:, right] - near[:, left])
        below, above = torch.cat([zero, scaled], dim=1), torch.cat([scaled, zero], dim=1)
        if level > degree - order:
            values = level * (below - above)
        else:
            values = torch.cat([offset[:, right] * scaled, zero], dim=1)
            values[:, 1:] -= offset[:, left] * scaled
    if order == 0:
        slopes = degree * (below - above)
    return values, slopes


def dense_basis(x: Tensor, knots: Tensor, *, degree: int, order: int = 0) -> Tensor:
    """Run the recursion over all intervals: (I, N), (I, M + 1) -> (I, B, N)."""
    if order == 0:
        return dense_basis_with_slopes(x, knots, degree=degree)[0]
    values, _ = _recursion(x, knots, levels=degree - order, as_float=_as_float)
    for level in range(degree - order + 1, degree + 1):
        values = _slopes(values * inverse_widths(knots, span=level), level=level)
    return values


def pointwise_basis(x: Tensor, knots: Tensor, *, degree: int, order: int = 0) -> Tensor:
    """Evaluate the bases, or derivatives, (I, B, N) by a formula for each of them alone, of its own k + 2 knots.

    Run as it stands it takes many times the work of the recursion, in which neighbours share what is below them. But a
    compiler that fuses elementwise operations makes one loop of it, without any array in between, and one of its
    derivative: `torch.compile` gets this form. Nothing in it but plain operations, it is differentiated in every way.
    """
    count = knots.shape[1] - 1 - degree
    near = [knots[:, first : first + count, None] for first in range(degree + 2)]  # (I, B, 1)
    x = x[:, None, :]
    reached = [x >= knot for knot in near]
    if degree == 0:
        last = knots[:, -1:, None]  # see `dense_basis_with_slopes`
        reached[1] = reached[1] & ~((x == last) & (near[1] == last))
    values = [(begun & ~ended).to(x.dtype) for begun, ended in zip(reached, reached[1:])]
    for level in range(1, degree + 1):
        scaled = [value * inverse_of(right - left) for value, left, right in zip(values, near, near[level:])]
        bases = range(degree + 1 - level)
        if level > degree - order:
            values = [level * (scaled[first] - scaled[first + 1]) for first in bases]
        else:
            values = [
                (x - near[first]) * scaled[first] + (near[first + level + 1] - x) * scaled[first + 1] for first in bases
            ]
    return values[0] if order <= degree else torch.zeros_like(values[0])


def dense_basis_with_slopes(
    x: Any, knots: Any, *, degree: int, as_float: Callable[[Any, Any], Any] | None = None
) -> tuple[Any, Any]:
    """Run the recursion over all intervals; return the bases and their first derivatives, both (I, B, N).

    Written in what tensors and numpy arrays have in common, for both. For arrays, ``as_float(mask, x)`` must turn truth
    into numbers of the type of `x`.
    """
    values, scaled = _recursion(x, knots, levels=degree, as_float=as_float or _as_float)
    if degree > 0:
        return values, _slopes(scaled, level=degree)
    # Continuous bases are zero at the last knot anyway; steps would lose the largest sample.
    values[:, -1] += x == knots[:, -1:]
    return values, values * 0


def _recursion(x: Any, knots: Any, *, levels: int, as_float: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """Return the bases of degree `levels` (I, M - levels, N), and those of the degree below over their widths."""
    offset = x[:, None, :] - knots[:, :, None]  # (I, M + 1, N)
    reached = as_float(offset >= 0, x)  # 1 from each knot on
    values = reached[:, :-1] - reached[:, 1:]
    scaled = values
    for level in range(1, levels + 1):
        scaled = values * inverse_widths(knots, span=level)
        rising = scaled * offset[:, : scaled.shape[1]]
        values -= rising  # what falls, of the next interval
        rising[:, :-1] += values[:, 1:]
        values = rising[:, :-1]
    return values, scaled


def _slopes(scaled: Any, *, level: int) -> Any:
    """Return the derivatives of bases of degree `level` from those of the degree below over their widths."""
    slopes = scaled[:, :-1] - scaled[:, 1:]
    slopes *= level
    return slopes


def _as_float(mask: Tensor, like: Tensor) -> Tensor:
    """Return 1 where `mask` is true and 0 elsewhere."""
    return mask.to(like.dtype)


def inverse_widths(knots: Any, *, span: int) -> Any:
    """Return 1 / (t[j + span] - t[j]) as a column for every input, (I, M + 1 - span, 1)."""
    return inverse_of(knots[:, span:] - knots[:, :-span])[:, :, None]


def inverse_of(width: Any) -> Any:
    """Return the reciprocal; where knots coincide, a huge number instead of infinity, which meets bases that are 0."""
    return 1 / (width + no_width(width))


def no_width(like: Any) -> float:
    """Return what stands for the width of an empty interval in the precision of a tensor or an array."""
    return _NO_WIDTH_IN_DOUBLE if like.dtype.itemsize == 8 else _NO_WIDTH
