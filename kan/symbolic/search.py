"""The search for a and b: coarse on a sample at quantiles of x, then refined on the sample, then on all data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kan.symbolic.box import Box
from kan.symbolic.candidates import candidates
from kan.symbolic.refinement import Rows, refine
from kan.symbolic.region import Limits, Region
from kan.symbolic.shapes import Kind, Shape

# Samples of the coarse search, for most functions and for those that change quickly; of the first refinement; of all.
_COARSE_SAMPLES = 64
_SHARP_SAMPLES = 256
_MIDDLE_SAMPLES = 128
_FINE_SAMPLES = 20_000
_REGIONS = 10
_FINALISTS = 2
_MIDDLE_STEPS = 4
_STEPS_PER_ROUND = 6
_LAST_STEPS_PER_ROUND = 3
# Numbers per temporary tensor of the coarse search: they stay in the cache, and torch starts no threads for them.
_CHUNK = 1 << 15
# Points per scan of a function with kinks, and how many scans follow each other.
_SCAN_POINTS, _SCANS = 33, 3


@dataclass(frozen=True)
class Samples:
    """Sample of an edge's data: t in [-1, 1] ascending, and y minus its mean; both (S,)."""

    t: torch.Tensor
    y: torch.Tensor

    def thin(self, count: int) -> Samples:
        """Return `count` of the samples, at quantiles of t, both ends among them."""
        total = self.t.numel()
        if total <= count:
            return self
        chosen = torch.linspace(0, total - 1, count, dtype=torch.float64, device=self.t.device).round().long()
        y = self.y[chosen]
        return Samples(self.t[chosen], y - y.mean())


def search(
    *, shapes: Sequence[Shape], samples: Samples, box: Box, limits: Limits, grid_number: int, rounds: int
) -> torch.Tensor:
    """Find the best (A, B) of each function.

    Parameters
    ----------
    shapes : sequence of F shapes
        Of the kinds POWER, EXPONENTIAL, GENERAL and STEP.
    samples : Samples
        All data.
    box : Box
    limits : Limits
    grid_number : int
        Points along each axis of the lattice in the coarse search.
    rounds : int
        Rounds of refinement on all data.

    Returns
    -------
    Tensor (F, 2)
    """
    result = samples.t.new_zeros(len(shapes), 2)
    smooth = [row for row, shape in enumerate(shapes) if shape.kind is not Kind.STEP]
    for row in set(range(len(shapes))) - set(smooth):
        result[row] = _best_step(samples=samples, box=box)
    if not smooth:
        return result
    race = _Race(shapes=[shapes[row] for row in smooth], box=box, limits=limits)
    middle, fine = samples.thin(_MIDDLE_SAMPLES), samples.thin(_FINE_SAMPLES)
    starts = race.starts(samples, grid_number=grid_number)
    near, _ = race.refine(starts, samples=middle, steps=_MIDDLE_STEPS)
    # A sample can mislead, so the starts stay in the race.
    finalists = race.best(torch.cat([near, starts], 1), samples=fine, count=_FINALISTS)
    # Slow fits take their many steps on a sample; on all data the last few are left.
    far, _ = race.refine(finalists, samples=samples.thin(_SHARP_SAMPLES), steps=_STEPS_PER_ROUND * rounds)
    winners = race.best(torch.cat([far, finalists], 1), samples=fine, count=1)
    points, _ = race.refine(winners, samples=fine, steps=_LAST_STEPS_PER_ROUND * rounds)
    result[smooth] = points[:, 0]
    for row in smooth:
        if shapes[row].kinked:
            result[row] = _scan(shape=shapes[row], point=result[row], samples=fine, box=box, limits=limits)
    return result


@dataclass(frozen=True)
class _Race:
    """Many points (F, K, 2) for each of F functions, of which few go on."""

    shapes: Sequence[Shape]
    box: Box
    limits: Limits

    def _rows(self, points: torch.Tensor) -> Rows:
        functions = torch.arange(len(self.shapes), device=points.device)
        return Rows(self.shapes, functions.repeat_interleave(points.shape[1]))

    def starts(self, samples: Samples, *, grid_number: int) -> torch.Tensor:
        """Return the best candidates of different regions of the plane, for each function; (F, K, 2)."""
        coarse, sharp = samples.thin(_COARSE_SAMPLES), samples.thin(_SHARP_SAMPLES)
        lists: dict[tuple[object, ...], torch.Tensor] = {}
        starts = []
        for shape in self.shapes:
            data = sharp if shape.sharp else coarse
            if shape.search_key not in lists:
                lists[shape.search_key] = candidates(shape=shape, box=self.box, points=data.t, grid_number=grid_number)
            starts.append(_starts(shape=shape, samples=data, points=lists[shape.search_key], limits=self.limits))
        return torch.stack(starts)

    def refine(self, points: torch.Tensor, *, samples: Samples, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Refine all points."""
        region = Region.of(shapes=self.shapes, box=self.box, limits=self.limits, like=points)
        found, error = refine(
            rows=self._rows(points),
            region=region,
            t=samples.t,
            y=samples.y,
            points=points.flatten(0, 1),
            limits=self.limits,
            steps=steps,
        )
        return found.view_as(points), error.view(points.shape[:2])

    def best(self, points: torch.Tensor, *, samples: Samples, count: int) -> torch.Tensor:
        """Return the `count` best points of each function."""
        errors = [
            _errors(shape=shape, points=own, samples=samples, limits=self.limits)
            for shape, own in zip(self.shapes, points)
        ]
        chosen = torch.stack(errors).topk(count, 1, largest=False).indices
        return points.gather(1, chosen[..., None].expand(-1, -1, 2))


def _errors(*, shape: Shape, points: torch.Tensor, samples: Samples, limits: Limits) -> torch.Tensor:
    """Return the sums of squares that c and d leave; (P,). Faster than `project`, a little less exact, in chunks."""
    t, y = samples.t, samples.y
    count, right = t.numel(), torch.stack([torch.ones_like(y), y], 1)
    total = y @ y
    errors = []
    for chunk in points.split(max(1, _CHUNK // count)):
        values = shape.value(torch.addcmul(chunk[:, 1:], chunk[:, :1], t))
        size = torch.linalg.vecdot(values, values)
        # Taking off one value first keeps the sums exact where the function hardly varies.
        values = values - values[:, count // 2, None]
        mean, product = (values @ right).unbind(1)
        spread = torch.linalg.vecdot(values, values) - mean * mean / count
        usable = (size <= limits.largest**2) & (spread > limits.flattest**2 * size)
        errors.append(torch.where(usable, total - product * product / spread, torch.inf))
    return torch.cat(errors)


def _starts(*, shape: Shape, samples: Samples, points: torch.Tensor, limits: Limits) -> torch.Tensor:
    """Return the best candidate of each of several regions; (K, 2)."""
    error = _errors(shape=shape, points=points, samples=samples, limits=limits)
    per_region = -(-len(error) // _REGIONS)
    missing = per_region * _REGIONS - len(error)
    regions = torch.cat([error, error.new_full((missing,), torch.inf)]).view(_REGIONS, per_region)
    rows = torch.arange(_REGIONS, device=error.device) * per_region + regions.argmin(1)
    return points[rows.clamp(max=len(error) - 1)]


def _scan(*, shape: Shape, point: torch.Tensor, samples: Samples, box: Box, limits: Limits) -> torch.Tensor:
    """Improve B, for a function whose kinks stop the refinement, by ever narrower scans."""
    width = 0.1 * float(point[0].abs())
    for _ in range(_SCANS):
        moves = torch.linspace(-width, width, _SCAN_POINTS, dtype=point.dtype, device=point.device)
        tried = box.clamp(torch.stack([point[0].expand_as(moves), point[1] + moves], 1))
        point = tried[_errors(shape=shape, points=tried, samples=samples, limits=limits).argmin()]
        width *= 4 / (_SCAN_POINTS - 1)
    return point


def _best_step(*, samples: Samples, box: Box) -> torch.Tensor:
    """Return the (A, B) whose sign change splits the data best: exact, from running sums."""
    t, total = samples.t, samples.t.numel()
    left = torch.arange(1, total, dtype=t.dtype, device=t.device)
    gain = samples.y.cumsum(0)[:-1] ** 2 * (total / (left * (total - left)))
    zeros = (t[1:] + t[:-1]) / 2
    sign = 1.0 if box.a_range[1] > 0 else -1.0
    low, high = box.scales(box.centre + box.half_width * zeros, sign)
    gain = torch.where((t[1:] > t[:-1]) & (low <= high), gain, -1.0)
    best = gain.argmax()
    slope = sign * low[best].clamp(min=min(1.0, float(high[best]))) * box.half_width
    return torch.stack([slope, -slope * zeros[best]])
