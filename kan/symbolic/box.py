"""The box that a and b are searched in, and the normalised coordinates of the search.

With ``t = (x - centre)/half_width`` in [-1, 1], ``a*x + b = A*t + B``. In (A, B) the two parameters are nearly
independent and of order one whatever the range of x is; the box is a parallelogram there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

_SMALLEST_SCALE = 1e-12

# Limits of a and b for those who choose none, as in pykan.
USUAL_RANGE = (-10.0, 10.0)
# Where a is chosen so large that a*x + b loses digits, its error stays below this.
_ROUNDING = 1e-4

Number = Any
"""A float for one edge, a tensor (R,) for R points."""


def clamp(number: float, limits: tuple[float, float]) -> float:
    """Return the number of an interval that is nearest to another one."""
    return min(max(number, limits[0]), limits[1])


@dataclass(frozen=True)
class Box:
    """Limits of a and b for an x of the given centre and half-width (positive): of one edge, or (R,) for R points."""

    a_range: tuple[Number, Number]
    b_range: tuple[Number, Number]
    centre: Number
    half_width: Number

    @classmethod
    def around(
        cls, low: float, high: float, *, a_range: tuple[float, float], b_range: tuple[float, float], precision: float
    ) -> Box:
        """Return the box of an x between `low` and `high`.

        Limits that are the usual ones are widened. Those of a where x varies by less than one to either side: by so
        much that ``a*x + b`` may do what it may for an x that does, but not so far that rounding of x to a relative
        `precision` matters. Those of b where all x lie far from zero: so that ``a*(x - centre)`` is possible, with the
        limits of a as they are. Limits are never narrowed.
        """
        centre, half_width = (high + low) / 2, (high - low) / 2 or 1.0
        factor = 1.0
        if a_range == USUAL_RANGE:
            largest = _ROUNDING / (precision * max(abs(low), abs(high), half_width))
            factor = max(min(1 / half_width, largest / USUAL_RANGE[1]), 1.0)
            a_range = (factor * a_range[0], factor * a_range[1])
        else:
            factor = max(map(abs, a_range)) / USUAL_RANGE[1]
        if b_range == USUAL_RANGE:
            more = max((factor - 1) * abs(centre), factor * (abs(centre) - half_width), 0.0) * USUAL_RANGE[1]
            b_range = (b_range[0] - more, b_range[1] + more)
        return cls(a_range, b_range, centre, half_width)

    @classmethod
    def joined(cls, boxes: Sequence[Box], *, like: torch.Tensor) -> Box:
        """Return the boxes of several edges as one."""
        rows = [(*box.a_range, *box.b_range, box.centre, box.half_width) for box in boxes]
        a_low, a_high, b_low, b_high, centre, half_width = like.new_tensor(rows).unbind(1)
        return cls((a_low, a_high), (b_low, b_high), centre, half_width)

    @property
    def limits(self) -> tuple[tuple[Number, Number], tuple[Number, Number]]:
        """Limits of a, and of b."""
        return self.a_range, self.b_range

    def take(self, rows: torch.Tensor) -> Box:
        """Return the boxes of the chosen edges of several."""
        numbers = (*self.a_range, *self.b_range, self.centre, self.half_width)
        a_low, a_high, b_low, b_high, centre, half_width = (torch.as_tensor(number)[rows] for number in numbers)
        return Box((a_low, a_high), (b_low, b_high), centre, half_width)

    def to_plain(self, points: torch.Tensor) -> torch.Tensor:
        """Return (a, b) for (A, B); shapes (..., 2)."""
        a = points[..., 0] / self.half_width
        return torch.stack([a, points[..., 1] - a * self.centre], -1)

    def to_normal(self, points: torch.Tensor) -> torch.Tensor:
        """Return (A, B) for (a, b); shapes (..., 2)."""
        a, b = points[..., 0], points[..., 1]
        return torch.stack([a * self.half_width, b + a * self.centre], -1)

    def clamp(self, points: torch.Tensor) -> torch.Tensor:
        """Return the points (A, B) moved into the box."""
        return self.to_normal(self.clamp_plain(self.to_plain(points)))

    def clamp_plain(self, points: torch.Tensor) -> torch.Tensor:
        """Return the points (a, b) moved into the box."""
        return torch.stack([points[..., 0].clamp(*self.a_range), points[..., 1].clamp(*self.b_range)], -1)

    def holds(self, points: torch.Tensor) -> torch.Tensor:
        """Tell which points (A, B) lie in the box (up to rounding); shape (...)."""
        plain = self.to_plain(points)
        slack = 1e-9 * (1 + plain.abs())
        return ((plain - self.clamp_plain(plain)).abs() <= slack).all(-1)

    def scales(self, zero: torch.Tensor, sign: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the interval of scales s > 0 for which ``s*sign*(x - zero)`` lies in the box; empty if low > high."""
        a_low, a_high = self.a_range if sign > 0 else (-self.a_range[1], -self.a_range[0])
        offset = -sign * zero
        safe = torch.where(offset == 0, 1.0, offset)
        ends = torch.stack([self.b_range[0] / safe, self.b_range[1] / safe])
        inside = self.b_range[0] <= 0 <= self.b_range[1]
        low = torch.where(offset == 0, 0.0 if inside else math.inf, ends.amin(0))
        high = torch.where(offset == 0, math.inf, ends.amax(0))
        return low.clamp(min=max(a_low, _SMALLEST_SCALE)), high.clamp(max=a_high)

    def through(self, zeros: torch.Tensor, signs: Sequence[float]) -> torch.Tensor:
        """Return points (A, B), whose ``A*t + B`` has the given zeros (...), for the first sign that the box allows.

        Their scale is of order one if the box allows, with room left for b to move; NaN where no sign is allowed.
        Shape (..., 2).
        """
        found = torch.full((*zeros.shape, 2), math.nan, dtype=zeros.dtype, device=zeros.device)
        wanted = 1 / (self.half_width * (1 + zeros.abs()))
        for sign in reversed(signs):
            low, high = self.scales(self.centre + self.half_width * zeros, sign)
            slope = sign * torch.minimum(wanted, high / 2).maximum(low) * self.half_width
            found = torch.where((low <= high)[..., None], torch.stack([slope, -slope * zeros], -1), found)
        return found
