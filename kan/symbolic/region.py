"""Coordinates of the refinement, and where it may take them.

A fit is moved by the values of ``u = A*t + B`` at both ends of the data, (A, B) = ((R - L)/2, (L + R)/2) for t in
[-1, 1]. Where the function is defined only on a part of the line, or has poles on either side of the data, an end p
between `low` and `high` is moved in the coordinate ``log((p - low)/(high - p))``: fits that nestle up to a singularity,
as most misfits of arctanh, tan or log do, then take a few steps, and no step leaves the domain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from kan.symbolic.box import Box
from kan.symbolic.shapes import Kind, Shape

# How near to an edge of the box a point counts as lying on it, and how far inside of a domain an end stays: at least
# so far, and where the function is infinite so many units in the last place.
_EDGE = 1e-9
_MARGIN = 1e-9
_MARGIN_UNITS = 8


@dataclass(frozen=True)
class Limits:
    """When a fit counts as usable.

    `largest` bounds |f| and |c|, `flattest` and `flattest_values` bound from below how much u and f vary, relative to
    their sizes. Relative differences below `unit` are rounding.
    """

    largest: float
    flattest: float
    unit: float

    @classmethod
    def of(cls, dtype: torch.dtype) -> Limits:
        """Return the limits for a network that computes in `dtype`."""
        info = torch.finfo(dtype)
        return cls(largest=info.max**0.5, flattest=info.eps**0.5, unit=info.eps)

    @property
    def flattest_values(self) -> float:
        """The least standard deviation of f relative to its size: that of the root of a u that may just be."""
        return self.flattest / 5

    def allow(self, points: torch.Tensor) -> torch.Tensor:
        """Tell whether u = A*t + B varies enough for its size, for points (A, B) of shape (..., 2)."""
        slope, shift = points[..., 0].abs(), points[..., 1].abs()
        return slope >= 0.999 * self.flattest * (slope + shift)


def to_ends(points: torch.Tensor) -> torch.Tensor:
    """Return (L, R) for (A, B); shapes (..., 2)."""
    a, b = points[..., 0], points[..., 1]
    return torch.stack([b - a, b + a], -1)


def to_points(ends: torch.Tensor) -> torch.Tensor:
    """Return (A, B) for (L, R); shapes (..., 2)."""
    left, right = ends[..., 0], ends[..., 1]
    return torch.stack([(right - left) / 2, (right + left) / 2], -1)


@dataclass(frozen=True)
class Region:
    """Allowed ends (L, R) of R fits: ``least <= normals @ (L, R) <= most`` for A, a and b, and both in the domain."""

    box: Box
    normals: torch.Tensor  # (R, 3, 2)
    least: torch.Tensor  # (R, 3)
    most: torch.Tensor  # (R, 3)
    low: torch.Tensor  # (R, 1)
    high: torch.Tensor  # (R, 1)
    margin: torch.Tensor  # (R, 1), how far from these the ends stay
    power: torch.Tensor  # (R, 1), whether scaling u changes nothing
    single: torch.Tensor  # (R, 1), whether only one end moves

    @classmethod
    def of(
        cls, *, shapes: Sequence[Shape], owner: torch.Tensor, box: Box, limits: Limits, ends: torch.Tensor
    ) -> Region:
        """Collect the conditions of fits that start at `ends` (R, 2), with the functions ``shapes[owner]``.

        The box holds one value for each fit. Fits keep the sign of A, and stay between the poles that they start
        between.
        """
        width, centre = box.half_width * torch.ones_like(ends[:, 0]), box.centre * torch.ones_like(ends[:, 0])
        shift, half = centre / width / 2, torch.full_like(width, 0.5)
        rows = [-half, half, -half / width, half / width, half + shift, half - shift]
        low, high = _domains(shapes=shapes, owner=owner, ends=ends)
        # An even function spreads over the square of A; flatter, its fits would run along the limit without end.
        curved = torch.tensor([shape.kind in (Kind.WAVE, Kind.GENERAL) for shape in shapes], device=ends.device)[owner]
        curved &= low.isinf() & high.isinf()
        a_low, a_high, b_low, b_high = (width.new_tensor(1.0) * limit for pair in box.limits for limit in pair)
        edge = torch.stack([low, high]).abs().nan_to_num(posinf=0.0).amax(0)
        flattest = torch.where(curved, 2 * limits.flattest**0.5, limits.flattest * edge)
        flattest = flattest.minimum(torch.maximum(a_low.abs(), a_high.abs()) * width)
        rising, limited = ends[:, 1] >= ends[:, 0], flattest > 0
        lowest = torch.where(limited & rising, flattest, -torch.inf), a_low, b_low
        highest = torch.where(limited & ~rising, -flattest, torch.inf), a_high, b_high
        least, most = (torch.stack([limit.expand_as(width) for limit in part], 1) for part in (lowest, highest))
        power, exponential = (
            torch.tensor([shape.kind is kind for shape in shapes], device=ends.device)[owner]
            for kind in (Kind.POWER, Kind.EXPONENTIAL)
        )
        # The shift of an exponential is free: c takes it over when b is moved back into its limits.
        periods = width.new_tensor([shape.period or torch.inf for shape in shapes])[owner]
        # That of a wave too, where the limits hold a whole turn.
        shifts = exponential | ((b_high - b_low).expand_as(width) >= periods)
        least[shifts, 2], most[shifts, 2] = -torch.inf, torch.inf
        infinite = torch.tensor([_is_infinite(shape) for shape in shapes], device=ends.device)[owner]
        margin = (_MARGIN_UNITS * limits.unit * edge * infinite).clamp(min=_MARGIN)
        columns = (part[:, None] for part in (low, high, margin, power, power | exponential))
        return cls(box, torch.stack(rows, 1).view(-1, 3, 2), least, most, *columns)

    @cached_property
    def bounded(self) -> torch.Tensor:
        """Whether the ends are confined by singularities; (R, 1)."""
        return self.low.isfinite() | self.high.isfinite()

    def free(self, ends: torch.Tensor) -> torch.Tensor:
        """Tell which of both ends move; (R, 2).

        Scaling a power, or shifting an exponential, changes nothing: there the larger end stays, so that the other says
        where the zero is, or what the rate is, however far away or large it is.
        """
        size = torch.where(self.power, ends.abs(), ends)
        right = size[:, :1] >= size[:, 1:]
        return torch.cat([~(right & self.single), right | ~self.single], 1)

    def take(self, chosen: torch.Tensor) -> Region:
        """Return the conditions of the chosen fits."""
        tensors = (self.normals, self.least, self.most, self.low, self.high, self.margin, self.power, self.single)
        return Region(self.box.take(chosen), *(tensor[chosen] for tensor in tensors))

    def clamp(self, ends: torch.Tensor) -> torch.Tensor:
        """Return ends (R, 2) moved into the region; where box and domain exclude each other the box wins."""
        ends = ends.maximum(self.low + self.margin).minimum(self.high - self.margin)
        place = torch.bmm(self.normals, ends[..., None])[..., 0]
        if bool(((place >= self.least) & (place <= self.most)).all()):
            return ends
        points = to_points(ends)
        points[:, 0] = points[:, 0].maximum(self.least[:, 0]).minimum(self.most[:, 0])
        ends = to_ends(points).maximum(self.low + self.margin).minimum(self.high - self.margin)
        return to_ends(self.box.clamp(to_points(ends)))

    def speed(self, ends: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the first and second derivatives of the ends by their coordinates; both (R, 2)."""
        below, above = (ends - self.low).reciprocal(), (self.high - ends).reciprocal()
        both = below + above
        first = torch.where(both > 0, both, 1.0).reciprocal()
        return first, first * first * (below - above)

    def move(self, ends: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Return the ends after a step of their coordinates; both (R, 2)."""
        factor = step.exp()
        from_low, from_high = self.low + (ends - self.low) * factor, self.high - (self.high - ends) / factor
        # Between two limits the distances keep their sum.
        ratio = (from_low - self.low) / (self.high - ends)
        both = self.low + (self.high - self.low) * (ratio / (1 + ratio))
        no_low, no_high = self.low.isinf(), self.high.isinf()
        return torch.where(no_low, torch.where(no_high, ends + step, from_high), torch.where(no_high, from_low, both))

    def along_edges(
        self,
        step: torch.Tensor,
        *,
        ends: torch.Tensor,
        speed: torch.Tensor,
        matrices: Sequence[torch.Tensor],
        right: torch.Tensor,
    ) -> torch.Tensor:
        """Where a step would leave the box from its edge, take the best step along the edge instead.

        Every matrix (R, 2, 2) makes, with `right` (R, 2), equations of the coordinates that `step` (R, 2) moves. The
        first matrix counts that is positive along the edge.
        """
        place = torch.bmm(self.normals, ends[..., None])[..., 0]
        slack = _EDGE * (1 + place.abs())
        low, high = place <= self.least + slack, place >= self.most - slack
        if not bool((low | high).any()):
            return step
        normals = self.normals * speed[:, None]
        outward = (normals @ step[..., None])[..., 0]
        blocked = (low & (outward < 0)) | (high & (outward > 0))
        tangents = torch.stack([normals[..., 1], -normals[..., 0]], 2)  # (R, 3, 2)
        bend, *others = (((tangents @ matrix) * tangents).sum(2) for matrix in reversed(matrices))
        for other in others:
            bend = torch.where(other > 0, other, bend)
        slope = (tangents @ right[..., None])[..., 0]
        lengths = torch.nan_to_num(slope / bend, nan=0.0, posinf=0.0, neginf=0.0)
        along = lengths[..., None] * tangents
        # In a corner, of the edges whose step the other edges allow that with the largest gain counts.
        outward = along @ normals.mT  # (R, 3 steps, 3 edges)
        outward.diagonal(dim1=1, dim2=2).zero_()
        stuck = ((low[:, None] & (outward < 0)) | (high[:, None] & (outward > 0))).any(2)
        gain = torch.where(blocked & ~stuck, lengths * slope, 0.0)
        most, edge = gain.max(1, keepdim=True)
        chosen = torch.where(most > 0, along.gather(1, edge[..., None].expand(-1, -1, 2))[:, 0], 0.0)
        step = torch.where(blocked.any(1, keepdim=True), chosen, step)
        return torch.where(self.single & blocked.any(1, keepdim=True), 0.0, step)


def _domains(*, shapes: Sequence[Shape], owner: torch.Tensor, ends: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the limits (R,) of the interval without singularities that each pair of ends lies in."""
    table = ends.new_tensor([(*shape.domain, *_poles(shape)) for shape in shapes])[owner]
    low, high, pole, distance = table.unbind(1)
    # NaN, for no pole, compares false.
    below = torch.where(distance.isinf(), pole, pole + distance * torch.floor((ends[:, 0] - pole) / distance))
    above = below + distance
    between = ((ends > below[:, None]) & (ends < above[:, None])).all(1)
    negative = distance.isinf() & (ends < pole[:, None]).all(1)
    low, high = torch.where(between, below, low), torch.where(between, above, high)
    return low, torch.where(negative, pole, high)


def _is_infinite(shape: Shape) -> bool:
    """Whether a function is infinite where it ceases to be defined."""
    edges = [torch.tensor([edge], dtype=torch.float64) for edge in shape.domain if math.isfinite(edge)]
    return shape.pole is not None or any(bool(shape.value(edge).isinf()) for edge in edges)


def _poles(shape: Shape) -> tuple[float, float]:
    """Return the place of a pole, NaN if there is none, and the distance to the next one."""
    return math.nan if shape.pole is None else shape.pole, math.inf if shape.period is None else shape.period
