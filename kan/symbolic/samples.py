"""Samples of edges in the normalised coordinates of the search, all of them or few that stand for all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch

GAP_FRACTIONS = (0.02, 0.25, 0.5, 0.75, 0.98)
"""Where between two samples a pole is tried."""
# Orders of poles that are looked for, how many of each, and by how many neighbours.
_ORDERS = 1, 3
_POLES = 10
_NEIGHBOURS = 6


@dataclass(frozen=True)
class Samples:
    """Data of edges: t in [-1, 1] ascending, and y minus its mean; (S,) for one edge or (E, S) for several.

    `root` are the square roots of the samples' weights, whose mean is one; the mean of y is the weighted one.
    """

    t: torch.Tensor
    y: torch.Tensor
    root: torch.Tensor

    @classmethod
    def of(cls, t: torch.Tensor, y: torch.Tensor) -> Samples:
        """Return samples of equal weight; y need not have mean zero."""
        return cls(t, y - y.mean(-1, keepdim=True), torch.ones_like(y))

    @property
    def count(self) -> int:
        """The number S of samples."""
        return self.t.shape[-1]

    def thin(self, count: int) -> Samples:
        """Return `count` of the samples, at quantiles of t, both ends among them."""
        if self.count <= count:
            return self
        places = torch.linspace(0, self.count - 1, count, dtype=torch.float64, device=self.t.device).round().long()
        return Samples.of(self.t[..., places], self.y[..., places])

    def condensed(self, count: int) -> Samples:
        """Return means of `count` groups of neighbours, weighted by their sizes.

        Samples at both ends and where a pole fits best are left alone. A third of the groups are even. The others part
        neighbours that are far apart in t or y: a smooth curve has nearly the same covariances with the means as with
        all samples, noise or not.
        """
        if self.count <= count:
            return self
        pad = torch.nn.functional.pad
        height = self.y.diff().abs()
        apart = self.t.diff() / 2 + height / height.sum(-1, keepdim=True).clamp(min=torch.finfo(height.dtype).tiny)
        even = torch.linspace(0, self.count, count // 3 + 1, dtype=torch.float64, device=self.t.device)[1:-1]
        # Above all other gaps, which are at most 2: cuts for even groups, around poles, and next to both ends.
        apart[..., even.round().long() - 1] = 10.0
        apart.scatter_(-1, self._around_poles, 20.0)
        apart[..., [0, -1]] = 30.0
        cuts = pad(apart.topk(count - 1, -1).indices.sort(-1).values + 1, (1, 0))
        cuts = pad(cuts, (0, 1), value=self.count)
        size = cuts.diff().to(self.t)
        t, y = (pad(part.cumsum(-1), (1, 0)).gather(-1, cuts).diff() / size for part in (self.t, self.y))
        return Samples(t, y, (size * (count / self.count)).sqrt())

    @cached_property
    def _around_poles(self) -> torch.Tensor:
        """Gaps between samples in which a pole fits best, and their neighbours; (..., G)."""
        near = torch.arange(-2, 3, device=self.t.device)
        gaps = [_pole_fits(self, order).topk(min(_POLES, self.count - 1), -1).indices for order in _ORDERS]
        return (torch.cat(gaps, -1)[..., None] + near).flatten(-2).clamp(0, self.count - 2)

    def edge(self, number: int) -> Samples:
        """Return the samples of one of several edges."""
        return Samples(self.t[number], self.y[number], self.root[number])


def _pole_fits(samples: Samples, order: int) -> torch.Tensor:
    """Return the gain in y's sum of squares by ``c/(t - z)**order``, z in a gap, over neighbours of each gap."""
    t, y = samples.t[..., None], samples.y[..., None]
    width = t[..., 1:, :] - t[..., :-1, :]
    ahead = width * t.new_tensor(GAP_FRACTIONS)  # (..., S - 1, 5)
    product, square = torch.zeros_like(ahead), torch.zeros_like(ahead)
    gaps = t.shape[-2] - 1
    for offset in range(1 - _NEIGHBOURS, _NEIGHBOURS + 1):
        # The sample `offset` places after the left end of the gap, for all gaps that have one.
        first, last = max(0, -offset), min(gaps, gaps + 1 - offset)
        here = slice(first, last)
        there = slice(first + offset, last + offset)
        distance = t[..., there, :] - t[..., here, :] - ahead[..., here, :]
        # Relative to the gap, so that nothing overflows.
        curve = (width[..., here, :] / distance) ** order
        product[..., here, :] += curve * y[..., there, :]
        square[..., here, :] += curve * curve
    return torch.nan_to_num(product * product / square, nan=0.0).amax(-1)
