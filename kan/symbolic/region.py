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
        normals = self._normals(points)  # (5, 2)
        least, most = self._ends(points, owner)  # (R, 5)
        place, outward = points @ normals.T, step @ normals.T
        slack = _EDGE * (1 + place.abs())
        blocked = ((place <= least + slack) & (outward < 0)) | ((place >= most - slack) & (outward > 0))
        if not bool(blocked.any()):
            return step
        bend = matrix @ torch.stack([normals[:, 1] ** 2, -2 * normals[:, 0] * normals[:, 1], normals[:, 0] ** 2])
        tangents = torch.stack([normals[:, 1], -normals[:, 0]], 1)
        lengths = torch.nan_to_num((right @ tangents.T) / bend, nan=0.0, posinf=0.0, neginf=0.0)
        # Of several edges the last one counts; the next step takes care of the others.
        for edge in range(len(normals)):
            step = torch.where(blocked[:, edge, None], lengths[:, edge, None] * tangents[edge], step)
        return step

    def _normals(self, like: torch.Tensor) -> torch.Tensor:
        """Return the vectors n of the conditions ``least <= n . (A, B) <= most``.

        Both ends of the inputs lie in the domain, A is not too flat, a and b lie in the box.
        """
        width = self.box.half_width
        return like.new_tensor([[-1, 1], [1, 1], [1, 0], [1 / width, 0], [-self.box.centre / width, 1]])

    def _ends(self, points: torch.Tensor, owner: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `least` and `most` of the conditions; (R, 5)."""
        domains, flattest = self.domains[owner], self.flattest[owner]
        rising = points[:, 0] >= 0
        limits = points.new_tensor([self.box.a_range, self.box.b_range]).T[:, None].expand(2, len(points), 2)
        flat = torch.where(rising, flattest, -torch.inf), torch.where(rising, torch.inf, -flattest)
        return (
            torch.cat([domains[:, :1], domains[:, :1], flat[0][:, None], limits[0]], 1),
            torch.cat([domains[:, 1:], domains[:, 1:], flat[1][:, None], limits[1]], 1),
        )
