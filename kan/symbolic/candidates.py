"""Where the search for a and b starts: lists of points (A, B), dense enough that one lies in the basin of the best fit.

Every list is ordered so that neighbours in it are neighbours in the plane; the search cuts it into blocks and follows
the best point of each.
"""

from __future__ import annotations

import math

import torch

from kan.symbolic.box import Box
from kan.symbolic.shapes import Kind, Shape

# Half a period of a wave in [-1, 1] is resolved by steps of A of about one; beyond this A steps grow geometrically.
_WAVE_STEP = 0.6
_LARGEST_EVEN_A = 60.0
_SHIFT_STEP = 0.8
_LARGEST_A = 1e4
# Waves of high frequency cannot be searched for, but evenly spaced frequencies include the round numbers.
_ROUND_SLOPES = 51


def candidates(*, shape: Shape, box: Box, points: torch.Tensor, grid_number: int) -> torch.Tensor:
    """Return starting points for one function.

    Parameters
    ----------
    shape : Shape
    box : Box
    points : Tensor (S,)
        Sorted sample points t in [-1, 1]; poles are tried between them.
    grid_number : int
        A lattice of this many points along each axis of the box is always part of the list.

    Returns
    -------
    Tensor (P, 2)
        Points (A, B), all in the box.
    """
    if shape.kind is Kind.POWER:
        zeros = _zeros(shape=shape, box=box, points=points, grid_number=grid_number)
        return zeros if len(zeros) else _lattice(shape=shape, box=box, grid_number=grid_number, like=points)
    if shape.kind is Kind.EXPONENTIAL:
        special = _rates(box=box, points=points)
    else:
        special = _general(shape=shape, box=box, points=points)
    special = special[box.holds(special)]
    return torch.cat([special, _lattice(shape=shape, box=box, grid_number=grid_number, like=points)])


def _lattice(*, shape: Shape, box: Box, grid_number: int, like: torch.Tensor) -> torch.Tensor:
    """Return an even lattice over the box; half of it is enough for a mirrored function and a symmetric box."""
    a = torch.linspace(*box.a_range, grid_number, dtype=like.dtype, device=like.device)
    b = torch.linspace(*box.b_range, grid_number, dtype=like.dtype, device=like.device)
    if shape.mirrored and box.a_range[0] == -box.a_range[1] and box.b_range[0] == -box.b_range[1]:
        a = a[a >= 0]
    return box.to_normal(torch.cartesian_prod(a, b))


def _zeros(*, shape: Shape, box: Box, points: torch.Tensor, grid_number: int) -> torch.Tensor:
    """Return points whose zero of ``A*t + B`` is spread in and around [-1, 1], or is one of the lattice's."""
    far = torch.logspace(-5, 3, 33, dtype=points.dtype, device=points.device)
    lattice = _lattice(shape=shape, box=box, grid_number=grid_number, like=points)
    lattice = lattice[lattice[:, 0] != 0]
    placed = -lattice[:, 1] / lattice[:, 0]
    if shape.one_sided:
        left = torch.cat([placed[placed < -1], -1 - far, points[:1]]).sort().values
        right = torch.cat([placed[placed > 1], 1 + far, points[-1:]]).sort().values
        return torch.cat([_from_zeros(box=box, zeros=left, sign=1.0), _from_zeros(box=box, zeros=right, sign=-1.0)])
    zeros = torch.cat([placed, -1 - far, (points[1:] + points[:-1]) / 2, 1 + far]).unique()
    return _from_zeros(box=box, zeros=zeros, sign=1.0 if box.a_range[1] > 0 else -1.0)


def _from_zeros(*, box: Box, zeros: torch.Tensor, sign: float) -> torch.Tensor:
    """Return (A, B) with the given zeros, scaled to order one if the box allows, with room left for b to move."""
    low, high = box.scales(box.centre + box.half_width * zeros, sign)
    wanted = 1 / (box.half_width * (1 + zeros.abs()))
    scale = torch.minimum(wanted, high / 2).maximum(low)
    slope = sign * scale * box.half_width
    return torch.stack([slope, -slope * zeros], -1)[low <= high]


def _rates(*, box: Box, points: torch.Tensor) -> torch.Tensor:
    """Return growth rates of both signs; b keeps the exponential at or below one where the box allows."""
    largest = max(map(abs, box.a_range)) * box.half_width
    sizes = torch.logspace(-3, math.log10(min(max(largest, 2e-3), 300.0)), 40, dtype=points.dtype, device=points.device)
    slope = torch.cat([-sizes.flip(0), sizes])
    plain = box.to_plain(torch.stack([slope, -slope.abs()], -1))
    return box.to_normal(torch.stack([plain[:, 0], plain[:, 1].clamp(*box.b_range)], -1))


def _general(*, shape: Shape, box: Box, points: torch.Tensor) -> torch.Tensor:
    """Return slopes from nearly flat to steep, each with many shifts."""
    if math.isfinite(shape.domain[1]):
        return _branches(box=box, bound=shape.domain[1], like=points)
    slopes = _slopes(box=box, periodic=shape.period is not None, like=points)
    if not shape.mirrored:
        slopes = torch.cat([-slopes.flip(0), slopes])
    elif box.a_range[1] <= 0:
        slopes = -slopes
    if shape.period is not None:
        shifts = torch.arange(8, dtype=points.dtype, device=points.device) * (shape.period / 8)
        found = torch.cartesian_prod(slopes, shifts)
        found = _into_period(found, period=shape.period, box=box)
    else:
        count = min(max(math.ceil((box.b_range[1] - box.b_range[0]) / _SHIFT_STEP), 9), 65)
        b = torch.linspace(*box.b_range, count, dtype=points.dtype, device=points.device)
        free = torch.cartesian_prod(slopes / box.half_width, b)
        places = torch.linspace(-1.2, 1.2, 19, dtype=points.dtype, device=points.device)
        placed = torch.cartesian_prod(slopes, places)
        placed = torch.stack([placed[:, 0], -placed[:, 0] * placed[:, 1]], -1)
        found = torch.cat([box.to_normal(free), placed])
    if shape.bound is not None:
        found = torch.cat([found, _branches(box=box, bound=shape.bound, like=points)])
    return found


def _slopes(*, box: Box, periodic: bool, like: torch.Tensor) -> torch.Tensor:
    """Return positive A, geometrically spaced up to one, then evenly, then geometrically again."""
    largest = min(max(map(abs, box.a_range)) * box.half_width, _LARGEST_A)
    pieces = [torch.logspace(-3, 0, 10, dtype=like.dtype, device=like.device)]
    pieces.append(torch.arange(1.0, _LARGEST_EVEN_A, _WAVE_STEP, dtype=like.dtype, device=like.device))
    pieces.append(
        torch.logspace(math.log10(_LARGEST_EVEN_A), math.log10(_LARGEST_A), 24, dtype=like.dtype, device=like.device)
    )
    if periodic and largest > _LARGEST_EVEN_A:
        pieces.append(torch.linspace(0, largest, _ROUND_SLOPES, dtype=like.dtype, device=like.device)[1:])
    slopes = torch.cat(pieces).sort().values
    return torch.cat([slopes[slopes < largest], slopes.new_tensor([largest])])


def _into_period(found: torch.Tensor, *, period: float, box: Box) -> torch.Tensor:
    """Shift b by whole periods to where it is smallest."""
    a, b = box.to_plain(found).unbind(-1)
    return box.to_normal(torch.stack([a, b - period * torch.round(b / period)], -1))


def _branches(*, box: Box, bound: float, like: torch.Tensor) -> torch.Tensor:
    """Return increasing maps of [-1, 1] into ``(-bound, bound)``, many of them touching its ends."""
    near = 1 - torch.logspace(-7, -0.15, 16, dtype=like.dtype, device=like.device)
    ends = bound * torch.cat([-near, torch.zeros_like(near[:1]), near.flip(0)])
    left, right = torch.cartesian_prod(ends, ends).unbind(-1)
    sign = 1.0 if box.a_range[1] > 0 else -1.0
    maps = sign * torch.stack([(right - left) / 2, (right + left) / 2], -1)
    # Narrower maps differ from these by c and d alone, but lose digits.
    return maps[right - left > 2e-3 * bound]
