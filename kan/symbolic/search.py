"""The search for a and b: coarse on a sample at quantiles of x, then refined on the sample, then on all data.

For every function, errors are computed on lattices of (A, B), and the best of their local minima go on. All functions
and all edges are refined together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from kan.common.errors import ArgumentError
from kan.symbolic.box import Box
from kan.symbolic.candidates import candidates
from kan.symbolic.exact import best_kink, best_step
from kan.symbolic.refinement import SMALL_GAIN, Rows, refine
from kan.symbolic.region import Limits, Region, to_ends
from kan.symbolic.samples import Samples
from kan.symbolic.shapes import Kind, Shape

# Samples of the coarse search, of the refinement, and of its last steps.
_COARSE_SAMPLES = 200
_MIDDLE_SAMPLES = 1024
_FINE_SAMPLES = 20_000
# Points along each axis of the lattice over the box, if nothing else is asked for, where special points are known for a
# function and where not. pykan has as many as that.
_USUAL_SIDE, _UNKNOWN_SIDE = 9, 101
# Local minima that are looked at, for most functions and for rugged ones, and how many of them are starts.
_MINIMA, _RUGGED_MINIMA = 20, 80
_STARTS, _RUGGED_STARTS = 10, 30
_NEAR = 8
_FINALISTS = 3
_NEAR_STEPS, _NEAR_GAIN = 4, 1e-4
_STEPS_PER_ROUND = 4
# Points between neighbours of a list when it is looked at more closely, and how often; side of a lattice then.
_ZOOM_POINTS, _ZOOMS = 6, 2
_ZOOM_SIDE = 7
# Of an unknown function, how many minima are improved over the cells of the lattice around them, and how closely; and
# how many again over the cells of that, and how often. Where a function jumps, no slope leads further.
_CELLS, _CELL_SIDE = 5, 21
_FINER_CELLS, _FINER_TIMES = 2, 2
# Fits whose errors differ by no more than this, relative to them, are the same.
_SAME = 1e-6
_LAST_STEPS_PER_ROUND = 3
# What is nearly straight is fitted a little better the flatter the piece of a function, with an ever larger c. The
# first of these limits that costs no more than this share of the variance of y is taken.
_MODERATE = (1e-2, 1e-3)
_HARDLY = 5e-7
_MODERATE_STEPS = 4
# Numbers per temporary tensor of the coarse search: they stay in the cache, and torch starts no threads for them.
_CHUNK = 1 << 17


def search(
    *,
    shapes: Sequence[Shape],
    samples: Samples,
    boxes: Sequence[Box],
    limits: Limits,
    grid_number: int | None,
    rounds: int,
) -> torch.Tensor:
    """Find the best (A, B) of each function for each edge.

    Parameters
    ----------
    shapes : sequence of F shapes
        Of any kind but CONSTANT and LINEAR.
    samples : Samples
        All data of E edges, (E, S).
    boxes : sequence of E boxes
    limits : Limits
    grid_number : int or None
        Points along each axis of the lattice over the box in the coarse search; by default what suits the function.
    rounds : int
        Rounds of refinement on all data.

    Returns
    -------
    Tensor (E, F, 2)
        NaN for a function that no (A, B) in the box lets fit.
    """
    result = samples.t.new_zeros(len(shapes), len(boxes), 2)
    exact = {Kind.STEP: best_step, Kind.KINK: best_kink}
    rough = [number for number, shape in enumerate(shapes) if shape.kind in exact]
    for number in rough:
        for edge, box in enumerate(boxes):
            result[number, edge] = exact[shapes[number].kind](samples=samples.edge(edge), box=box)
    smooth = [number for number in range(len(shapes)) if number not in rough]
    if smooth:
        race = _Race([shapes[number] for number in smooth], boxes, limits)
        result[smooth] = race.run(samples, grid_number=grid_number, rounds=rounds)
    return result.transpose(0, 1)


@dataclass(frozen=True)
class _Race:
    """Many points for each of F functions and E edges, (F, E, K, 2), of which few go on."""

    shapes: Sequence[Shape]
    boxes: Sequence[Box]
    limits: Limits

    def run(self, samples: Samples, *, grid_number: int | None, rounds: int) -> torch.Tensor:
        """Return the winners; (F, E, 2)."""
        fine = samples.thin(_FINE_SAMPLES)
        coarse, middle = fine.condensed(_COARSE_SAMPLES), fine.condensed(_MIDDLE_SAMPLES)
        starts = self._starts(coarse, middle, grid_number=grid_number)
        near, error = self._refine(starts, samples=coarse, steps=_NEAR_STEPS, gain=_NEAR_GAIN)
        near = _best(near, error, _NEAR)
        if middle.count > coarse.count:
            # A sample can mislead, so the best starts stay in the race.
            near = torch.cat([near, starts[:, :, :_FINALISTS]], 2)
            near = _best(near, self._errors(near, samples=middle), _FINALISTS)
        near, error = self._refine(near, samples=middle, steps=_STEPS_PER_ROUND * rounds)
        if fine.count > middle.count:
            # Slow fits take their many steps on a sample; on all data the last few are left.
            near = _best(near, self._errors(near, samples=fine), 1)
            near, error = self._refine(near, samples=fine, steps=_LAST_STEPS_PER_ROUND * rounds)
        best, error = _best(near, error, 1), error.amin(2, keepdim=True)
        return self._moderate(best, error, samples=fine)[:, :, 0]

    def _moderate(self, points: torch.Tensor, error: torch.Tensor, *, samples: Samples) -> torch.Tensor:
        """Return the fits (F, E, 1, 2), less flat ones where these are hardly worse."""
        most = error + _HARDLY * (samples.y * samples.root).square().sum(1)[:, None]
        result, waiting = points.clone(), torch.ones_like(error, dtype=torch.bool)
        for level in _MODERATE:
            if level <= self.limits.flattest:
                break
            race = replace(self, limits=replace(self.limits, flattest=level))
            steeper = race._steeper(points)
            waiting &= (steeper != points).any(3)
            steeper = torch.where(waiting[..., None], steeper, torch.nan)
            steeper, steeper_error = race._refine(steeper, samples=samples, steps=_MODERATE_STEPS)
            found = waiting & (steeper_error <= most)
            result, waiting = torch.where(found[..., None], steeper, result), waiting & ~found
        return result

    def _steeper(self, points: torch.Tensor) -> torch.Tensor:
        """Return points (F, E, 1, 2) whose A is as large as the limits want it, in the box."""
        slope, shift = points.unbind(-1)
        flattest = self.limits.flattest
        # An exponential varies by A, whatever its shift, and an even function by the square of A.
        wave, exponential = (
            torch.tensor([shape.kind in kinds for shape in self.shapes], device=slope.device)[:, None, None]
            for kinds in ((Kind.WAVE, Kind.GENERAL), (Kind.EXPONENTIAL,))
        )
        least = torch.where(exponential, flattest, 1.01 * flattest * (slope.abs() + shift.abs()))
        least = torch.where(wave & (shift.abs() < 1), least.clamp(min=2 * flattest**0.5), least)
        steeper = torch.stack([torch.where(slope.abs() < least, torch.copysign(least, slope), slope), shift], -1)
        inside = torch.stack([box.clamp(steeper[:, edge]) for edge, box in enumerate(self.boxes)], 1)
        return torch.where((slope.abs() < least)[..., None], inside, points)

    def _starts(self, samples: Samples, more: Samples, *, grid_number: int | None) -> torch.Tensor:
        """Return good candidates of different regions of the plane; (F, E, K, 2), and NaN."""
        most = max(_starts_of(shape) for shape in self.shapes)
        starts = samples.t.new_full((len(self.shapes), len(self.boxes), most, 2), torch.nan)
        for edge, box in enumerate(self.boxes):
            lattices: dict[object, list[torch.Tensor]] = {}
            for number, shape in enumerate(self.shapes):
                data = samples.edge(edge)
                if shape.kind is Kind.WAVE or shape.is_unknown:
                    data = more.edge(edge)
                if shape.search_key not in lattices:
                    side = grid_number or (_UNKNOWN_SIDE if shape.is_unknown else _USUAL_SIDE)
                    lattices[shape.search_key] = candidates(shape=shape, box=box, samples=data, grid_number=side)
                own = lattices[shape.search_key]
                found = _minima(shape=shape, samples=data, lattices=own, box=box, limits=self.limits)
                if more.count > data.count:
                    error = _errors(shape=shape, points=found, samples=more.edge(edge), limits=self.limits)
                    found = found[error.argsort()]
                found = found[: _starts_of(shape)]
                starts[number, edge, : len(found)] = found
        return starts

    def _rows(self, points: torch.Tensor, samples: Samples) -> tuple[Rows, torch.Tensor]:
        """Return the rows of points (F, E, K, 2), and the edge of each row."""
        functions, edges, count, _ = points.shape
        owner = torch.arange(functions, device=points.device).repeat_interleave(edges * count)
        edge = torch.arange(edges, device=points.device).repeat_interleave(count).repeat(functions)
        root = samples.root[edge]
        return Rows(self.shapes, owner, samples.t[edge], samples.y[edge] * root, root), edge

    def _refine(
        self, points: torch.Tensor, *, samples: Samples, steps: int, gain: float = SMALL_GAIN
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Refine all points but NaN."""
        rows, edge = self._rows(points, samples)
        flat = points.flatten(0, 2)
        real = (~flat[:, 0].isnan()).nonzero()[:, 0]
        error = torch.full_like(flat[:, 0], torch.inf)
        if not len(real):
            return points, error.view(points.shape[:3])
        rows, some = rows.take(real), flat[real]
        box = Box.joined(self.boxes, like=points).take(edge[real])
        region = Region.of(shapes=self.shapes, owner=rows.owner, box=box, limits=self.limits, ends=to_ends(some))
        some, some_error = refine(rows=rows, region=region, points=some, limits=self.limits, steps=steps, gain=gain)
        flat, error = flat.index_copy(0, real, some), error.index_copy(0, real, some_error)
        return flat.view_as(points), error.view(points.shape[:3])

    def _errors(self, points: torch.Tensor, *, samples: Samples) -> torch.Tensor:
        """Return the errors of points (F, E, K, 2); (F, E, K)."""
        rows, _ = self._rows(points, samples)
        flat = points.flatten(0, 2)
        values = rows.apply(lambda shape: shape.value, torch.addcmul(flat[:, 1:], flat[:, :1], rows.t))
        error = _left(values, y=rows.y, root=rows.root, limits=self.limits)
        return torch.where(self.limits.allow(flat), error, torch.inf).view(points.shape[:3])


def _starts_of(shape: Shape) -> int:
    """Return how many starts of a function are refined at most."""
    return _RUGGED_STARTS if shape.is_rugged else _STARTS


def _best(points: torch.Tensor, error: torch.Tensor, count: int) -> torch.Tensor:
    """Return the `count` best of points (F, E, K, 2); those of equal error count as one."""
    order = error.argsort(2)
    error = error.gather(2, order)
    same = error[..., 1:] <= error[..., :-1] * (1 + _SAME)
    error[..., 1:].masked_fill_(same, torch.inf)
    chosen = order.gather(2, error.topk(count, 2, largest=False).indices)
    return points.gather(2, chosen[..., None].expand(-1, -1, -1, 2))


def _errors(*, shape: Shape, points: torch.Tensor, samples: Samples, limits: Limits) -> torch.Tensor:
    """Return the sums of squares that c and d leave, for one edge; (P,)."""
    chunks = points.split(max(1, _CHUNK // samples.count))
    values = (shape.value(torch.addcmul(chunk[:, 1:], chunk[:, :1], samples.t)) for chunk in chunks)
    errors = torch.cat([_left(few, y=samples.y * samples.root, root=samples.root, limits=limits) for few in values])
    return torch.where(limits.allow(points), errors, torch.inf)


def _comb_errors(*, shape: Shape, lattice: torch.Tensor, samples: Samples) -> torch.Tensor:
    """Return the errors of a lattice (P, Q, 2), for one edge and a function with a sum rule; (P*Q,).

    A must be the same along each row of the lattice.
    """
    rule = shape.sum_rule
    if rule is None:
        raise ArgumentError("a lattice can be taken apart only for a function with a sum rule.")
    slopes = lattice[..., :1].nan_to_num(nan=-math.inf).amax(1)
    # Combs are far from flat: single precision tells good ones from bad ones, at half the cost.
    parts = shape.value(slopes * samples.t).float(), shape.value(lattice[..., 1:]).float()
    y, root = (samples.y * samples.root).float(), samples.root.float()
    limits = Limits.of(torch.float32)
    rows = max(1, _CHUNK // (samples.count * lattice.shape[1]))
    values = (rule(first[:, None], second) for first, second in zip(*(part.split(rows) for part in parts)))
    return torch.cat([_left(few, y=y, root=root, limits=limits) for few in values]).flatten().to(lattice)


def _left(values: torch.Tensor, *, y: torch.Tensor, root: torch.Tensor, limits: Limits) -> torch.Tensor:
    """Return the sums of squares that c and d leave of y for values (..., S) of a function; (...).

    y is multiplied by the roots of the weights. Faster than `project`, a little less exact; `values` are overwritten.
    """
    norm, count = torch.linalg.vector_norm, y.shape[-1]
    size = norm(values, dim=-1)
    # Taking off one value first keeps the sums exact where the function hardly varies.
    values = values.sub_(values[..., count // 2, None].clone()).mul_(root)
    product, total = torch.linalg.vecdot(values, y), torch.linalg.vecdot(values, root)
    spread = norm(values, dim=-1) ** 2 - total * total / count
    usable = (size <= limits.largest) & (spread > (limits.flattest_values * size) ** 2)
    usable &= product.abs() <= limits.largest * spread
    return torch.where(usable, norm(y, dim=-1) ** 2 - product * product / spread, torch.inf)


def _minima(
    *, shape: Shape, samples: Samples, lattices: Sequence[torch.Tensor], box: Box, limits: Limits
) -> torch.Tensor:
    """Return the best local minima of the error over lattices (P, Q, 2); (K, 2)."""
    points = torch.cat([lattice.flatten(0, 1) for lattice in lattices])
    combs = lattices[0][..., 0].numel() if shape.sum_rule is not None else 0
    errors = _errors(shape=shape, points=points[combs:], samples=samples, limits=limits)
    if combs:
        errors = torch.cat([_comb_errors(shape=shape, lattice=lattices[0], samples=samples), errors])
    lowest = [
        -torch.nn.functional.max_pool2d(-own.view(1, *lattice.shape[:2]), 3, 1, 1).flatten()
        for own, lattice in zip(errors.split([lattice.shape[0] * lattice.shape[1] for lattice in lattices]), lattices)
    ]
    errors = torch.where(errors <= torch.cat(lowest), errors, torch.inf)
    best = errors.topk(min(_RUGGED_MINIMA if shape.is_rugged else _MINIMA, len(errors)), largest=False)
    chosen = best.indices[best.values.isfinite()]
    if shape.is_unknown and len(chosen):
        closer = _zoom_cells(
            shape=shape, samples=samples, points=points[chosen[:_CELLS]], lattice=lattices[-1], box=box, limits=limits
        )
        return torch.cat([closer, points[chosen[_CELLS:]]])
    if shape.pole is None or not len(chosen):
        return points[chosen]
    if shape.kind is Kind.POWER:
        return _zoom(shape=shape, samples=samples, points=points, chosen=chosen, limits=limits)
    return _zoom_combs(shape=shape, samples=samples, points=points[chosen], lattice=lattices[0], box=box)


def _zoom(
    *, shape: Shape, samples: Samples, points: torch.Tensor, chosen: torch.Tensor, limits: Limits
) -> torch.Tensor:
    """Return the chosen points of a list (P, 2), improved between their neighbours; (K, 2)."""
    middle = points[chosen]
    left, right = points[(chosen - 1).clamp(min=0)], points[(chosen + 1).clamp(max=len(points) - 1)]
    left, right = torch.where(left.isnan(), middle, left), torch.where(right.isnan(), middle, right)
    steps = torch.linspace(0, 1, _ZOOM_POINTS, dtype=points.dtype, device=points.device)[1:-1, None]
    rows = torch.arange(len(chosen), device=points.device)
    for _ in range(_ZOOMS):
        # The middle one is among the points, so that nothing gets worse.
        line = torch.cat(
            [
                torch.lerp(left[:, None], middle[:, None], steps),
                middle[:, None],
                torch.lerp(middle[:, None], right[:, None], steps),
            ],
            1,
        )
        errors = _errors(shape=shape, points=line.flatten(0, 1), samples=samples, limits=limits)
        best = errors.view(line.shape[:2]).argmin(1)
        padded = torch.cat([left[:, None], line, right[:, None]], 1)
        left, middle, right = padded[rows, best], padded[rows, best + 1], padded[rows, best + 2]
    return middle


def _zoom_cells(
    *, shape: Shape, samples: Samples, points: torch.Tensor, lattice: torch.Tensor, box: Box, limits: Limits
) -> torch.Tensor:
    """Return points (K, 2), improved by lattices over the cells of an even lattice around them; (K, 2)."""
    cell = torch.stack([lattice[1, 0] - lattice[0, 0], lattice[0, 1] - lattice[0, 0]])  # (2, 2)
    side = torch.linspace(-1, 1, _CELL_SIDE, dtype=points.dtype, device=points.device)
    moves = torch.cartesian_prod(side, side)
    rest = points[:0]
    for _ in range(1 + _FINER_TIMES):
        around = points[:, None] + moves @ cell
        errors = _errors(shape=shape, points=around.flatten(0, 1), samples=samples, limits=limits)
        least, best = torch.where(box.holds(around), errors.view(around.shape[:2]), torch.inf).min(1)
        order = least.argsort()
        points = around[order, best[order]]
        points, rest = points[:_FINER_CELLS], torch.cat([points[_FINER_CELLS:], rest])
        cell = cell * 2 / (_CELL_SIDE - 1)
    return torch.cat([points, rest])


def _zoom_combs(
    *, shape: Shape, samples: Samples, points: torch.Tensor, lattice: torch.Tensor, box: Box
) -> torch.Tensor:
    """Return points (K, 2), improved by lattices around them that are as wide as a cell of the first one; (K, 2)."""
    cell = (lattice[1, 1] - lattice[0, 0]).abs().nan_to_num(0.0)
    moves = torch.linspace(-1, 1, _ZOOM_SIDE, dtype=points.dtype, device=points.device)
    around = points[:, None, None] + cell * torch.cartesian_prod(moves, moves).view(_ZOOM_SIDE, _ZOOM_SIDE, 2)
    errors = _comb_errors(shape=shape, lattice=around.flatten(0, 1), samples=samples)
    errors = torch.where(box.holds(around), errors.view(around.shape[:3]), torch.inf)
    return around.flatten(1, 2)[torch.arange(len(points), device=points.device), errors.flatten(1).argmin(1)]
