"""Samples of edges in the normalised coordinates of the search."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_PEAKS = 6


@dataclass(frozen=True)
class Samples:
    """Data of edges: t in [-1, 1] ascending, and y minus its mean; (S,) for one edge or (E, S) for several."""

    t: torch.Tensor
    y: torch.Tensor

    @property
    def count(self) -> int:
        """The number S of samples."""
        return self.t.shape[-1]

    def thin(self, count: int) -> Samples:
        """Return `count` of the samples, at quantiles of t, both ends among them."""
        return self if self.count <= count else self._take(self._quantiles(count))

    def thin_with_peaks(self, count: int) -> Samples:
        """Return `count` of the samples, most at quantiles of t, the others the highest peaks of y.

        A curve with a pole is known by its peaks, which quantiles miss. Neighbours of peaks are taken too; samples may
        come twice.
        """
        if self.count <= count:
            return self
        height = self.y.abs()
        higher = torch.nn.functional.max_pool1d(height.view(-1, 1, self.count), 3, 1, 1).view_as(height)
        peaks = torch.where(height >= higher, height, 0.0).topk(_PEAKS, -1).indices
        near = torch.cat([peaks - 1, peaks, peaks + 1], -1).clamp(0, self.count - 1)
        even = self._quantiles(count - near.shape[-1])
        return self._take(torch.cat([even.expand(*near.shape[:-1], -1), near], -1).sort(-1).values)

    def _quantiles(self, count: int) -> torch.Tensor:
        places = torch.linspace(0, self.count - 1, count, dtype=torch.float64, device=self.t.device)
        return places.round().long()

    def _take(self, chosen: torch.Tensor) -> Samples:
        chosen = chosen.expand(*self.t.shape[:-1], -1)
        y = self.y.gather(-1, chosen)
        return Samples(self.t.gather(-1, chosen), y - y.mean(-1, keepdim=True))

    def edge(self, number: int) -> Samples:
        """Return the samples of one of several edges."""
        return Samples(self.t[number], self.y[number])
