"""Where the refinement may take (A, B): the box, the domains of the functions, and slopes that are not too flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kan.symbolic.box import Box
from kan.symbolic.shapes import Kind, Shape

# How near to an edge a point counts as lying on it, and how far inside of a function's domain it stays.
_EDGE = 1e-9
_DOMAIN_MARGIN = 1e-9


@dataclass(frozen=True)
class Limits:
    """When a fit counts as usable: `largest` bounds |f|, `flattest` the spread of f relative to its size."""

    largest: float
    flattest: float

    @classmethod
    def of(cls, dtype: torch.dtype) -> Limits:
        """Return the limits for a network that computes in `dtype`."""
        info = torch.finfo(dtype)
        return cls(largest=info.max**0.5, flattest=info.eps**0.5)


@dataclass(frozen=True)
class Region:
    """Allowed (A, B) of F functions."""

    box: Box
    domains: torch.Tensor  # (F, 2)
    flattest: torch.Tensor  # (F,), smallest |A|

    @classmethod
    def of(cls, *, shapes: Sequence[Shape], box: Box, limits: Limits, like: torch.Tensor) -> Region:
        """Collect the conditions."""
        domains = [(low + _DOMAIN_MARGIN, high - _DOMAIN_MARGIN) for low, high in (shape.domain for shape in shapes)]
        # An even function spreads over the square of A; flatter, its fits would run along the limit without end.
        flattest = min(2 * limits.flattest**0.5, max(map(abs, box.a_range)) * box.half_width)
        smallest = [flattest if shape.kind is Kind.GENERAL else 0.0 for shape in shapes]
        return cls(box, like.new_tensor(domains), like.new_tensor(smallest))

    def clamp(self, points: torch.Tensor, owner: torch.Tensor) -> torch.Tensor:
        """Return points (R, 2) moved into the region; where box and domain exclude each other the box wins."""
        a, b = points.unbind(1)
        a = torch.copysign(torch.maximum(a.abs(), self.flattest[owner]), a)
        low, high = self.domains[owner].unbind(1)
        left, right = (b - a).maximum(low).minimum(high), (b + a).maximum(low).minimum(high)
        return self.box.clamp(torch.stack([(right - left) / 2, (right + left) / 2], 1))

    def along_edges(
        self,
        step: torch.Tensor,
        *,
        points: torch.Tensor,
        matrix: torch.Tensor,
        right: torch.Tensor,
        owner: torch.Tensor,
    ) -> torch.Tensor:
        """Where a step would leave the region from its edge, take the best step along the edge instead.

        `matrix` (R, 3), entries AA, AB, BB, and `right` (R, 2) are the equations that `step` (R, 2) solves.
        """
        width, centre = self.box.half_width, self.box.centre
        low, high = self.domains[owner].unbind(1)
        # Conditions low <= n . (A, B) <= high: both ends of the inputs in the domain, a and b in the box.
        conditions = [
            ((-1.0, 1.0), low, high),
            ((1.0, 1.0), low, high),
            ((1 / width, 0.0), *points.new_tensor(self.box.a_range)),
            ((-centre / width, 1.0), *points.new_tensor(self.box.b_range)),
        ]
        for (normal_a, normal_b), least, most in conditions:
            place = normal_a * points[:, 0] + normal_b * points[:, 1]
            outward = normal_a * step[:, 0] + normal_b * step[:, 1]
            slack = _EDGE * (1 + place.abs())
            blocked = ((place <= least + slack) & (outward < 0)) | ((place >= most - slack) & (outward > 0))
            bend = matrix @ matrix.new_tensor([normal_b**2, -2 * normal_a * normal_b, normal_a**2])
            length = (right[:, 0] * normal_b - right[:, 1] * normal_a) / bend
            length = torch.nan_to_num(length, nan=0.0, posinf=0.0, neginf=0.0)
            along = torch.stack([length * normal_b, -length * normal_a], 1)
            step = torch.where(blocked[:, None], along, step)
        return step
