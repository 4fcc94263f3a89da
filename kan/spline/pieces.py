"""B-splines as polynomials, one for every interval: the bases that are not zero at many samples, by tables.

With many intervals the recursion over all of them is a waste, and so is one of its own for every sample. In the
interval of a sample, each of the k + 1 bases that are not zero is a polynomial of degree k in ``u``, the sample's place
between the interval's knots, 0 to 1. Its coefficients are made once for all samples (the recursion of
`kan.spline.basis`, on polynomials instead of numbers); the bases at a sample are a weighted sum of rows of a table,

    bases (k + 1) = sum_p u^p * table[interval, p],

which `torch.nn.functional.embedding_bag` computes without any array in between. Their derivatives come from the same
table with the weights ``p u^(p - 1)``.

Source: de Boor, *A Practical Guide to Splines*, ch. VII (pp-form) and X.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from kan.spline.basis import inverse_of
from kan.spline.knots import extend_knots


class Pieces(NamedTuple):
    """The polynomials of the bases of every input.

    Interval 0 lies before the first knot, interval M + 1 behind the last. The bases that are not zero in interval q are
    q - k - 1 to q - 1; those that do not exist have polynomials all the same.

    Attributes
    ----------
    start, inverse : Tensor (I (M + 2),)
        The left end of every interval, and the reciprocal of its width.
    table : Tensor (I (M + 2) (k + 1), k + 1)
        The coefficients of u^p, p from 0 to k, in every interval; one column for each basis.
    search : Tensor (I, 2^L)
        The knots of every input, followed by what no number is above: NaN.
    """

    start: Tensor
    inverse: Tensor
    table: Tensor
    search: Tensor


def make_pieces(knots: Tensor, *, degree: int) -> Pieces:
    """Compute the polynomials of the bases on extended knots (I, M + 1)."""
    inputs, count = knots.shape
    padded = extend_knots(knots, degree=degree + 1)
    start = padded[:, degree : degree + count + 1]
    width = padded[:, degree + 1 : degree + count + 2] - start
    # The knots around every interval, in order: (I, 2k, M + 2).
    near = padded[:, 1:].unfold(1, count + 1, 1)[:, : 2 * degree]
    table = knots.new_ones(inputs, 1, 1, count + 1)  # (I, bases, powers, M + 2)
    for level in range(1, degree + 1):
        left, right = near[:, degree - level : degree], near[:, degree : degree + level]
        scaled = table * inverse_of(right - left)[:, :, None]
        slope = scaled * width[:, None, None]
        table = knots.new_zeros(inputs, level + 1, level + 1, count + 1)
        table[:, 1:, :-1] = scaled * (start[:, None] - left)[:, :, None]
        table[:, 1:, 1:] += slope
        table[:, :-1, :-1] += scaled * (right - start[:, None])[:, :, None]
        table[:, :-1, 1:] -= slope
    search = knots.new_full((inputs, 1 << count.bit_length()), torch.nan)
    search[:, :count] = knots
    rows = table.permute(0, 3, 2, 1).reshape(-1, degree + 1)
    return Pieces(start.flatten(), inverse_of(width).flatten(), rows, search)


class Located(NamedTuple):
    """Samples in their intervals.

    Attributes
    ----------
    interval : Tensor (I, N) of int
        The number of the interval among those of all inputs: that of its input, plus M + 2 for each input before.
    place : Tensor (I, N)
        Where the sample is in its interval, from 0 to 1; that end of it which is nearer, where there are no knots.
    """

    interval: Tensor
    place: Tensor


def locate(x: Tensor, knots: Tensor, pieces: Pieces, *, degree: int) -> Located:
    """Find the intervals of samples x (I, N).

    Every step of the binary search is taken for all samples at once, without branches: `torch.searchsorted`, which goes
    through them one by one, takes three times as long.
    """
    inputs, count = knots.shape
    size = pieces.search.shape[1]
    table, numbers = pieces.search.flatten(), torch.arange(inputs, dtype=torch.int32, device=x.device)[:, None]
    interval = (numbers * size).expand(x.shape).contiguous()
    reached, step = torch.empty_like(interval), size // 2
    while step:
        probe = table.index_select(0, (interval + (step - 1)).flatten()).view(x.shape)
        torch.ge(x, probe, out=reached)
        interval.add_(reached, alpha=step)
        step //= 2
    if degree == 0:
        # The last step is closed on both sides; see `kan.spline.basis`.
        interval -= (x == knots[:, -1:]).to(torch.int32)
    interval -= numbers * (size - count - 1)
    flat = interval.flatten()
    place = x - pieces.start.index_select(0, flat).view(x.shape)
    place *= pieces.inverse.index_select(0, flat).view(x.shape)
    return Located(interval, place.clamp_(0, 1))


def bases_at(located: Located, pieces: Pieces) -> Tensor:
    """Return the k + 1 bases of every sample: (I, N, k + 1)."""
    place = located.place
    powers = place.new_empty(*place.shape, pieces.table.shape[1])
    powers[..., 0] = 1
    for power in range(1, powers.shape[2]):
        torch.mul(powers[..., power - 1], place, out=powers[..., power])
    return _combine(located.interval, powers, pieces)


def slopes_at(located: Located, pieces: Pieces) -> Tensor:
    """Return the derivatives of the k + 1 bases of every sample: (I, N, k + 1)."""
    place = located.place
    powers = place.new_zeros(*place.shape, pieces.table.shape[1])
    power = pieces.inverse.index_select(0, located.interval.flatten()).view(place.shape)
    for number in range(1, powers.shape[2]):
        torch.mul(power, number, out=powers[..., number])
        power = power * place
    return _combine(located.interval, powers, pieces)


def _combine(interval: Tensor, powers: Tensor, pieces: Pieces) -> Tensor:
    """Add up the rows of the table of every sample, with the weights `powers` (I, N, k + 1)."""
    count = powers.shape[2]
    rows = interval[..., None] * count + torch.arange(count, dtype=interval.dtype, device=interval.device)
    values = weighted_rows(rows.view(-1, count), powers.view(-1, count), pieces.table)
    return values.view(powers.shape)


def weighted_rows(rows: Tensor, weights: Tensor, table: Tensor) -> Tensor:
    """Return the sums (n, columns) of the chosen rows (n, m) of a table, times their weights (n, m)."""
    return embedding_bag(rows, table, mode="sum", per_sample_weights=weights)
