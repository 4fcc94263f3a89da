"""Knot vectors: uniform, adapted to samples, refined, and extended beyond both ends.

A grid of `G` intervals has `G + 1` interior knots. Degree `k` needs `k` more on either side; they are spaced by the
mean width of the intervals, as in pykan, so a curve fades to zero over `k` mean widths outside its grid.

Deviations from pykan: interior knots keep a minimum distance (a constant or binary column would otherwise collapse
them and divide by zero), and a refined grid is stretched to cover the data before it is subdivided.

Source: de Boor, *A Practical Guide to Splines*, ch. IX and XII; Liu et al. 2024, arXiv 2404.19756, sec. 2.3 and 2.4.
"""

from __future__ import annotations

import torch
from torch import Tensor

# The narrowest interval, as a fraction of the mean interval. Well below the default `grid_eps` = 0.02, which already
# keeps every interval at 2 % of the mean, so it only acts for smaller `grid_eps`.
_MIN_WIDTH = 0.01


def uniform_knots(low: float, high: float, *, inputs: int, intervals: int) -> Tensor:
    """Return `intervals + 1` equally spaced interior knots for every input, of shape (I, G + 1)."""
    return torch.linspace(low, high, steps=intervals + 1).expand(inputs, intervals + 1).clone()


def extend_knots(interior: Tensor, *, degree: int) -> Tensor:
    """Add `degree` knots on either side, spaced by the mean interval: (I, G + 1) -> (I, G + 2k + 1)."""
    if degree == 0:
        return interior.clone()
    width = (interior[:, -1:] - interior[:, :1]) / (interior.shape[1] - 1)  # (I, 1)
    steps = torch.arange(1, degree + 1, dtype=interior.dtype, device=interior.device)
    return torch.cat([interior[:, :1] - width * steps.flip(0), interior, interior[:, -1:] + width * steps], dim=1)


def interior_knots(knots: Tensor, *, degree: int) -> Tensor:
    """Return the part of extended `knots` without the `degree` knots on either side."""
    return knots[:, degree : knots.shape[1] - degree]


def adaptive_knots(x: Tensor, current: Tensor, *, intervals: int, eps: float, margin: float = 0.0) -> Tensor:
    """Return interior knots that follow the samples.

    Parameters
    ----------
    x : Tensor (N, I)
        Samples.
    current : Tensor (I, G + 1)
        The interior knots in use. An input whose samples are all equal, or too close for distinct knots between them,
        says nothing about a good grid: its knots stay if they contain the samples, and else move there.
    intervals : int
        The number of intervals G of the result.
    eps : float
        0 puts equally many samples into every interval, 1 makes the knots uniform; between, the mean of both.
    margin : float
        How far the grid reaches beyond the samples on either side, as a fraction of their range.

    Returns
    -------
    Tensor (I, G + 1)
    """
    count = x.shape[0]
    ordered = torch.sort(x, dim=0).values.T  # (I, N)
    picks = [count * i // intervals for i in range(intervals)] + [count - 1]
    reach = (ordered[:, -1:] - ordered[:, :1]) * margin
    low, high = ordered[:, :1] - reach, ordered[:, -1:] + reach
    fractions = torch.linspace(0, 1, steps=intervals + 1, dtype=x.dtype, device=x.device)
    uniform = torch.lerp(low, high, fractions)
    quantiles = torch.cat([low, ordered[:, picks[1:-1]], high], dim=1)  # (I, G + 1)
    # Where both are equal, at the ends, so is their mean: rounding must not leave a sample outside.
    knots = _spread(torch.lerp(quantiles, uniform, eps))
    narrowest = _narrowest_width(low, high, intervals=intervals)
    moved = _moved_onto(current, low, high, intervals=intervals, narrowest=narrowest)
    return torch.where(high - low <= narrowest / _MIN_WIDTH, moved, knots)


def refined_knots(interior: Tensor, x: Tensor, *, intervals: int, degree: int) -> Tensor:
    """Subdivide `interior` (I, G + 1) into `intervals` new ones that cover it and the samples `x` (N, I).

    Where the samples leave the old grid, the curve there, which fades out over the `degree` knots beyond it, is kept
    too: these knots become interior ones. Every old knot within the new range stays if `intervals` allows it, so that
    the new space contains the old curves; the others go where intervals are widest. If not, all of them move: removing
    those that the curves need least (Lyche and Mørken 1988) was tried, and changes the curves a seventh as much, but
    fits that go on from there with moving grids end a few percent worse.
    """
    low = torch.minimum(interior[:, :1], x.amin(dim=0)[:, None])
    high = torch.maximum(interior[:, -1:], x.amax(dim=0)[:, None])
    breaks = torch.cat([low, extend_knots(interior, degree=degree), high], dim=1)
    # A knot that is all but an end would only take an interval.
    narrow = (high - low) * (_MIN_WIDTH / intervals)
    breaks = torch.where(breaks < low + narrow, low, torch.where(breaks > high - narrow, high, breaks))
    stretched = torch.cat([low, interior[:, 1:-1], high], dim=1)
    enough = (breaks.diff(dim=1) > 0).sum(dim=1, keepdim=True) <= intervals
    knots = torch.where(
        enough, _subdivided(breaks, intervals=intervals), _interpolate_knots(stretched, intervals=intervals)
    )
    return _spread(knots)


def _subdivided(breaks: Tensor, *, intervals: int) -> Tensor:
    """Cut the intervals between `breaks` (I, J + 1), some of width zero, evenly into `intervals`, the widest first."""
    widths = breaks.diff(dim=1)
    real = widths > 0
    number = real.sum(dim=1, keepdim=True)
    rank = widths.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    parts = (intervals // number + (rank < intervals % number).long()) * real  # (I, J), pieces of each interval
    ends = parts.cumsum(dim=1)
    steps = torch.arange(intervals, device=breaks.device).expand(len(breaks), -1).contiguous()
    # Where there are more breaks than intervals the result is not used, but must be well-defined.
    index = torch.searchsorted(ends, steps, right=True).clamp(max=widths.shape[1] - 1)
    pieces = torch.gather(parts, 1, index)
    piece = steps - (torch.gather(ends, 1, index) - pieces)
    share = piece.to(breaks.dtype) / pieces.clamp(min=1)
    inner = torch.gather(breaks, 1, index) + torch.gather(widths, 1, index) * share
    return torch.cat([inner, breaks[:, -1:]], dim=1)


def _interpolate_knots(knots: Tensor, *, intervals: int) -> Tensor:
    """Read the piecewise linear curve through `knots` at `intervals + 1` equally spaced positions."""
    old = knots.shape[1] - 1
    # Whole and fractional part by integers: a float position such as 0.9999 would lose old knots that should stay.
    position = torch.arange(intervals + 1, device=knots.device) * old
    whole = torch.clamp(position // intervals, max=old - 1)
    part = (position - whole * intervals).to(knots.dtype) / intervals
    return knots[:, whole] + (knots[:, whole + 1] - knots[:, whole]) * part


def _narrowest_width(low: Tensor, high: Tensor, *, intervals: int) -> Tensor:
    """Return the width (I, 1) that uniform knots need to be distinct in the floating-point format near the samples."""
    return torch.finfo(low.dtype).eps * torch.maximum(low.abs(), high.abs()) * intervals * 16


def _moved_onto(current: Tensor, low: Tensor, high: Tensor, *, intervals: int, narrowest: Tensor) -> Tensor:
    """Return `current` with `intervals` intervals, shifted and if need be widened to contain `low` to `high` (I, 1)."""
    knots = _interpolate_knots(current, intervals=intervals)
    first, last = knots[:, :1], knots[:, -1:]
    inside = (low >= first) & (high <= last)
    scale = torch.clamp(torch.maximum(high - low, narrowest) / (last - first), min=1)
    return torch.where(inside, knots, (low + high) / 2 + (knots - (first + last) / 2) * scale)


def _spread(knots: Tensor) -> Tensor:
    """Widen intervals below the minimum width, at the cost of the others; both ends stay."""
    low, high = knots[:, :1], knots[:, -1:]
    floor = (high - low) * (_MIN_WIDTH / (knots.shape[1] - 1))
    widths = knots.diff(dim=1)
    if not bool((widths < floor).any()):
        return knots
    widths = torch.maximum(widths, floor)
    inner = low + (high - low) * (widths.cumsum(dim=1) / widths.sum(dim=1, keepdim=True))
    return torch.cat([low, inner[:, :-1], high], dim=1)
