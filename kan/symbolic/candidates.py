"""Where the search for a and b starts: lattices of points (A, B), dense enough to meet the basin of the best fit.

A lattice has shape (P, Q, 2); neighbours in it are neighbours in the plane, so that local minima of the error over it
are good starts. A list, P = 1, holds all that matters of a function with one parameter. Points that are not allowed are
NaN. How dense a lattice must be depends on what the function can do on [-1, 1]: a power has only its zero to place, an
exponential its rate, a wave its frequency (see `waves`).
"""

from __future__ import annotations

import math

import torch

from kan.symbolic.box import Box
from kan.symbolic.samples import GAP_FRACTIONS, Samples
from kan.symbolic.shapes import Kind, Shape
from kan.symbolic.waves import best_shifts

# Waves in [-1, 1] are resolved by even steps of A; beyond the largest even A, steps grow geometrically.
_WAVE_STEP = 0.6
_LARGEST_EVEN_A = 60.0
_LARGEST_A = 1e4
# Waves of high frequency cannot be searched for, but evenly spaced frequencies include the round numbers.
_ROUND_SLOPES = 51
_SHIFT_STEP = 0.8
# A function with a period and poles: even steps of A, at most so many; numbers of low slopes and of shifts. To how many
# of the highest samples single poles, and pairs of poles, are brought; how many pairs, at most how many periods apart,
# and how far from the samples, in u.
_COMB_STEP, _COMB_SLOPES, _COMB_LOW_SLOPES, _COMB_SHIFTS = 0.14, 144, 20, 64
_COMB_PEAKS = 3
_PAIR_PEAKS, _PAIRS, _MOST_TURNS = 24, 400, 16
_PAIR_DISTANCES = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0)
# A function with one transition or bump: slopes grow by this factor; the transition is placed wherever it meets the
# data, by steps of u, and a few tails of it.
_SLOPE_RATIO = 1.25
_REACH, _STEP, _MOST_PLACES = 4.0, 0.35, 161
_FLAT = 0.1
_EDGE_SLOPES = 48
_LARGEST_RATE = 300.0
# How close to an end of its domain the limit of a function is taken.
_CLOSE = 1e-5


def candidates(*, shape: Shape, box: Box, samples: Samples, grid_number: int) -> list[torch.Tensor]:
    """Return lattices of starting points for one function.

    Parameters
    ----------
    shape : Shape
        Of the kinds POWER, EXPONENTIAL, WAVE and GENERAL.
    box : Box
    samples : Samples
        Of one edge, (S,): poles are tried between them, and they tell the shifts of waves.
    grid_number : int
        An even lattice of this many points along each axis of the box is always part of the result.

    Returns
    -------
    list of Tensor (P, Q, 2)
        Points (A, B) in the box, and NaN.
    """
    lattice = _lattice(shape=shape, box=box, grid_number=grid_number, like=samples.t)
    if shape.kind is Kind.POWER:
        zeros = _zeros(shape=shape, box=box, points=samples.t, lattice=lattice)
        return [*zeros, lattice] if all(bool(found.isnan().all()) for found in zeros) else zeros
    if shape.kind is Kind.EXPONENTIAL:
        return [_rates(box=box, lattice=lattice)]
    if shape.kind is Kind.WAVE:
        special = [_waves(shape=shape, box=box, samples=samples)]
    elif shape.one_transition:
        special = _transitions(shape=shape, box=box, like=samples.t)
    else:
        special = _general(shape=shape, box=box, samples=samples)
    inside = [torch.where(box.holds(points)[..., None], points, math.nan) for points in special if points.numel()]
    return [*inside, lattice]


def _lattice(*, shape: Shape, box: Box, grid_number: int, like: torch.Tensor) -> torch.Tensor:
    """Return an even lattice over the box; half of it is enough for a mirrored function and a symmetric box."""
    a = torch.linspace(*box.a_range, grid_number, dtype=like.dtype, device=like.device)
    b = torch.linspace(*box.b_range, grid_number, dtype=like.dtype, device=like.device)
    if shape.mirrored and box.a_range[0] == -box.a_range[1] and box.b_range[0] == -box.b_range[1]:
        a = a[a >= 0]
    return box.to_normal(_product(a, b))


def _product(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return all pairs; (P, Q, 2)."""
    return torch.cartesian_prod(first, second).view(len(first), len(second), 2)


def _zeros(*, shape: Shape, box: Box, points: torch.Tensor, lattice: torch.Tensor) -> list[torch.Tensor]:
    """Return points whose zero of ``A*t + B`` is spread in and around [-1, 1], or is one of the lattice's."""
    far = torch.logspace(-5, 3, 33, dtype=points.dtype, device=points.device)
    placed = (-lattice[..., 1] / lattice[..., 0]).flatten()
    placed = placed[placed.isfinite()]
    if shape.one_sided:
        left = torch.cat([placed[placed < -1], -1 - far, points[:1]]).unique()
        right = torch.cat([placed[placed > 1], 1 + far, points[-1:]]).unique()
        return [box.through(left, (1.0,))[None], box.through(right, (-1.0,))[None]]
    if shape.pole is None:
        inside = torch.linspace(-1, 1, 33).to(points)
        return [box.through(torch.cat([placed, -1 - far, inside, 1 + far]).unique(), (1.0, -1.0))[None]]
    zeros = torch.cat([placed, -1 - far, points, _gaps(points), 1 + far]).unique()
    # At a sample itself a pole is no candidate: it parts the gaps, each of which may have a local minimum.
    zeros = torch.where(torch.isin(zeros.round(decimals=10), points.round(decimals=10)), math.nan, zeros)
    return [box.through(zeros, (1.0, -1.0))[None]]


def _gaps(points: torch.Tensor) -> torch.Tensor:
    """Return places between neighbouring samples: close to the left one, in the middle, close to the right one."""
    fractions = points.new_tensor(GAP_FRACTIONS)[:, None]
    return (points[:-1] + fractions * (points[1:] - points[:-1])).flatten()


def _rates(*, box: Box, lattice: torch.Tensor) -> torch.Tensor:
    """Return growth rates of both signs, the lattice's too; b keeps the exponential at or below one where it may."""
    largest = max(map(abs, box.a_range)) * float(box.half_width)
    sizes = torch.logspace(-3, math.log10(min(max(largest, 2e-3), _LARGEST_RATE)), 32).to(lattice)
    slope = torch.cat([-sizes, lattice[:, 0, 0], sizes])
    slope = slope[(slope != 0) & (slope.abs() <= _LARGEST_RATE)].unique()
    plain = box.clamp_plain(box.to_plain(torch.stack([slope, -slope.abs()], -1)))
    return box.to_normal(plain)[None]


def _waves(*, shape: Shape, box: Box, samples: Samples) -> torch.Tensor:
    """Return frequencies, each with its best shift."""
    slopes = _signed(_even_slopes(box=box, like=samples.t), shape=shape, box=box)
    return best_shifts(shape=shape, slopes=slopes, samples=samples, box=box)


def _transitions(*, shape: Shape, box: Box, like: torch.Tensor) -> list[torch.Tensor]:
    """Return slopes from nearly flat to steep, and shifts that bring the transition, or a tail of it, to the data."""
    largest = _largest_slope(box)
    tails = 1.5 ** torch.arange(1, 6, dtype=like.dtype, device=like.device)
    found, end = [], largest
    while end > _FLAT:
        start = max(end / _SLOPE_RATIO**6, _FLAT)
        count = math.ceil(math.log(end / start) / math.log(_SLOPE_RATIO))
        slopes = _signed(
            torch.logspace(math.log10(end), math.log10(start), count + 1).to(like)[:-1], shape=shape, box=box
        )
        places = min(2 * math.ceil((end + _REACH) / _STEP) + 1, _MOST_PLACES)
        shifts = torch.cat([-tails.flip(0), torch.linspace(-1, 1, places).to(like), tails])
        points = _product(slopes, shifts)
        found.append(torch.stack([points[..., 0], points[..., 1] * (points[..., 0].abs() + _REACH)], -1))
        end = start
    # Where it is nearly flat, the function is a parabola or a cubic about its centre.
    flat = torch.logspace(-3, 0, 7).to(like)
    points = _product(_signed(flat[flat <= largest], shape=shape, box=box), torch.linspace(-1.5, 1.5, 13).to(like))
    found.append(torch.stack([points[..., 0], -points[..., 0] * points[..., 1]], -1))
    # Where the limits of b keep the transition of a steep curve from the data, a decides about its place.
    a = _signed(torch.linspace(0, largest, _EDGE_SLOPES + 1).to(like)[1:], shape=shape, box=box) / box.half_width
    found += [box.to_normal(_product(a, a.new_tensor([b]))).transpose(0, 1) for b in box.b_range]
    return found


def _general(*, shape: Shape, box: Box, samples: Samples) -> list[torch.Tensor]:
    """Return slopes from nearly flat to steep, each with many shifts."""
    like = samples.t
    if math.isfinite(shape.domain[1]):
        return _branches(shape=shape, box=box, bound=shape.domain[1], like=like)
    if shape.pole is not None:
        combs = [make(shape=shape, box=box, samples=samples) for make in (_combs, _pole_pairs)]
        return [*combs, *_branches(shape=shape, box=box, bound=shape.pole, like=like)]
    slopes = _signed(_even_slopes(box=box, like=like), shape=shape, box=box)
    count = min(max(math.ceil((box.b_range[1] - box.b_range[0]) / _SHIFT_STEP), 9), 65)
    b = torch.linspace(*box.b_range, count, dtype=like.dtype, device=like.device)
    places = torch.linspace(-1.2, 1.2, 19, dtype=like.dtype, device=like.device)
    placed = _product(slopes, places)
    placed = torch.stack([placed[..., 0], -placed[..., 0] * placed[..., 1]], -1)
    return [box.to_normal(_product(slopes / box.half_width, b)), placed]


def _combs(*, shape: Shape, box: Box, samples: Samples) -> torch.Tensor:
    """Return slopes and shifts of a function with many poles; A is the same along each row.

    All that matters is which samples the poles come close to. Slopes are even, and some more of them low, at which a
    single pole lies in the data. Shifts are even, and such that a pole lies in a gap next to one of the highest peaks
    of y.
    """
    period, pole = shape.period or math.pi, shape.pole or 0.0
    largest = _largest_slope(box)
    count = min(math.ceil(largest / _COMB_STEP), _COMB_SLOPES)
    even = torch.linspace(0, largest, count + 1).to(samples.t)[1:]
    low = torch.logspace(-1, 0, _COMB_LOW_SLOPES).to(even) * min(largest, period)
    slopes = _signed(torch.cat([low, even]).unique(), shape=shape, box=box)[:, None]
    shifts = (torch.arange(_COMB_SHIFTS).to(even) + 0.5) * (period / _COMB_SHIFTS)
    peaks = samples.y.abs().topk(min(_COMB_PEAKS, samples.count)).indices
    gaps = torch.cat([peaks - 1, peaks]).clamp(0, max(samples.count - 2, 0)).unique()
    places = torch.stack([_gaps(samples.t[gap : gap + 2]) for gap in gaps.tolist()])
    places = torch.nn.functional.pad(places, (1, 0), value=math.nan).flatten()
    shifts = torch.cat([shifts.expand(len(slopes), -1), pole - slopes * places], 1)
    return _with_small_b(torch.stack([slopes.expand_as(shifts), shifts], -1), period=period, box=box)


def _pole_pairs(*, shape: Shape, box: Box, samples: Samples) -> torch.Tensor:
    """Return points (1, P, 2) of a function with many poles, two of which come close to two high samples of y.

    Near a pole the function is the reciprocal of the distance from it, so the distances, in u, are chosen in inverse
    proportion to y, and as small as several factors and both signs make them. NaN parts the pairs.
    """
    t, y = samples.t, samples.y
    period, pole, largest = shape.period or math.pi, shape.pole or 0.0, _largest_slope(box)
    high = y.abs().topk(min(_PAIR_PEAKS, samples.count)).indices.sort().values
    left, right = torch.combinations(high).unbind(1)  # (C,)
    turns = torch.arange(1, min(int(2 * largest / period) + 1, _MOST_TURNS) + 1).to(t)[:, None]  # (M, 1)
    # The highest of the pairs that a slope in the box can meet.
    reachable = turns * period <= (t[right] - t[left]) * largest + 1
    height = torch.where(reachable, y[left] ** 2 + y[right] ** 2, -1.0).flatten()
    best = height.topk(min(_PAIRS, len(height))).indices
    best = best[height[best] > 0]
    left, right = (side.repeat(len(turns))[best] for side in (left, right))
    turns = turns.expand_as(reachable).flatten()[best][:, None]
    factors = t.new_tensor([-factor for factor in reversed(_PAIR_DISTANCES)] + [*_PAIR_DISTANCES])
    lower = torch.minimum(y[left].abs(), y[right].abs())
    near_left, near_right = (factors * (lower / y[side])[:, None] for side in (left, right))  # (C, D)
    slopes = (turns * period + near_right - near_left) / (t[right] - t[left])[:, None]
    points = torch.stack([slopes, pole + near_left - slopes * t[left][:, None]], -1)
    points = torch.cat([sign * points for sign in _signed(t.new_ones(1), shape=shape, box=box).tolist()])
    points = torch.nn.functional.pad(points, (0, 0, 0, 1), value=math.nan)
    return _with_small_b(points, period=period, box=box).flatten(0, 1)[None]


def _with_small_b(points: torch.Tensor, *, period: float, box: Box) -> torch.Tensor:
    """Return points (A, B) of a periodic function, shifted to where b is smallest."""
    a, b = box.to_plain(points).unbind(-1)
    return box.to_normal(torch.stack([a, b - period * torch.round(b / period)], -1))


def _largest_slope(box: Box) -> float:
    return min(max(map(abs, box.a_range)) * float(box.half_width), _LARGEST_A)


def _signed(slopes: torch.Tensor, *, shape: Shape, box: Box) -> torch.Tensor:
    """Return slopes of the signs that the box has; one sign is enough for a mirrored function and symmetric b."""
    if box.a_range[0] >= 0 or (box.a_range[1] > 0 and shape.mirrored and box.b_range[0] == -box.b_range[1]):
        return slopes
    return -slopes.flip(0) if box.a_range[1] <= 0 else torch.cat([-slopes.flip(0), slopes])


def _even_slopes(*, box: Box, like: torch.Tensor) -> torch.Tensor:
    """Return positive A, geometrically spaced up to one, then evenly, then geometrically again."""
    largest = _largest_slope(box)
    pieces = [torch.logspace(-3, 0, 10, dtype=like.dtype, device=like.device)]
    pieces.append(torch.arange(1.0, _LARGEST_EVEN_A, _WAVE_STEP, dtype=like.dtype, device=like.device))
    pieces.append(
        torch.logspace(math.log10(_LARGEST_EVEN_A), math.log10(_LARGEST_A), 24, dtype=like.dtype, device=like.device)
    )
    if largest > _LARGEST_EVEN_A:
        pieces.append(torch.linspace(0, largest, _ROUND_SLOPES, dtype=like.dtype, device=like.device)[1:])
    slopes = torch.cat(pieces).sort().values
    return torch.cat([slopes[slopes < largest], slopes.new_tensor([largest])])


def _branches(*, shape: Shape, box: Box, bound: float, like: torch.Tensor) -> list[torch.Tensor]:
    """Return maps of [-1, 1] into ``(-bound, bound)``, many of them touching its ends."""
    gaps = torch.cat([torch.logspace(-7, -0.77, 11), torch.tensor([0.4, 0.7])])
    near = 1 - gaps.to(like)
    ends = bound * torch.cat([-near, torch.zeros_like(near[:1]), near.flip(0)])
    maps = _product(ends, ends)
    left, right = maps[..., 0], maps[..., 1]
    rising = torch.stack([(right - left) / 2, (right + left) / 2], -1)
    # Maps much narrower than they are far from the ends differ from these by c and d alone, but lose digits.
    distance = (bound - left).minimum(bound + right)
    rising = torch.where((right - left > 2e-3 * distance)[..., None], rising, math.nan)
    signs = _signed(like.new_ones(1), shape=shape, box=box).tolist()
    # Close to an end of the domain only the zero of the distance from it matters.
    far = torch.logspace(-5, 3, 33, dtype=like.dtype, device=like.device)
    low = bound * (1 - _CLOSE * far / (2 + far))
    close = torch.stack([(low - bound * (1 - _CLOSE)) / 2, (low + bound * (1 - _CLOSE)) / 2], -1)
    return [*(sign * rising for sign in signs), close[None], (close * close.new_tensor([-1.0, 1.0]))[None]]
