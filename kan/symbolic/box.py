"""The box that a and b are searched in, and the normalised coordinates of the search.

With ``t = (x - centre)/half_width`` in [-1, 1], ``a*x + b = A*t + B``. In (A, B) the two parameters are nearly
independent and of order one whatever the range of x is; the box is a parallelogram there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from kan.common.errors import ArgumentError

_SMALLEST_SCALE = 1e-12


def read_range(name: str, limits: Any) -> tuple[float, float]:
    """Return `limits` as two floats, or raise an error that says what is wrong with them."""
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        raise ArgumentError(f"`{name}` must be a pair (lowest, highest); got {limits!r}.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ArgumentError(f"`{name}` must be a finite pair (lowest, highest) in this order; got {limits!r}.")
    return low, high


@dataclass(frozen=True)
class Box:
    """Limits of a and b for an x of the given centre and half-width (positive)."""

    a_range: tuple[float, float]
    b_range: tuple[float, float]
    centre: float
    half_width: float

    def to_plain(self, points: torch.Tensor) -> torch.Tensor:
        """Return (a, b) for (A, B); shapes (..., 2)."""
        a = points[..., 0] / self.half_width
        return torch.stack([a, points[..., 1] - a * self.centre], -1)

    def to_normal(self, points: torch.Tensor) -> torch.Tensor:
        """Return (A, B) for (a, b); shapes (..., 2)."""
        a, b = points.unbind(-1)
        return torch.stack([a * self.half_width, b + a * self.centre], -1)

    def clamp(self, points: torch.Tensor) -> torch.Tensor:
        """Return the points (A, B) moved into the box."""
        return self.to_normal(self.clamp_plain(self.to_plain(points)))

    def clamp_plain(self, points: torch.Tensor) -> torch.Tensor:
        """Return the points (a, b) moved into the box."""
        a, b = points.unbind(-1)
        return torch.stack([a.clamp(*self.a_range), b.clamp(*self.b_range)], -1)

    def holds(self, points: torch.Tensor) -> torch.Tensor:
        """Tell which points (A, B) lie in the box (up to rounding); shape (...)."""
        plain = self.to_plain(points)
        slack = 1e-9 * (1 + plain.abs())
        return ((plain - self.clamp_plain(plain)).abs() <= slack).all(-1)

    def scales(self, zero: torch.Tensor, sign: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the interval of scales s > 0 for which ``s*sign*(x - zero)`` lies in the box; empty if low > high."""
        a_low, a_high = self.a_range if sign > 0 else (-self.a_range[1], -self.a_range[0])
        offset = -sign * zero
        safe = torch.where(offset == 0, torch.ones_like(offset), offset)
        ends = torch.stack([self.b_range[0] / safe, self.b_range[1] / safe])
        inside = self.b_range[0] <= 0 <= self.b_range[1]
        low = torch.where(offset == 0, 0.0 if inside else math.inf, ends.amin(0))
        high = torch.where(offset == 0, math.inf, ends.amax(0))
        return low.clamp(min=max(a_low, _SMALLEST_SCALE)), high.clamp(max=a_high)
