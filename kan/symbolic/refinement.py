"""Local refinement of many fits ``c*f(A*t + B) + d`` at once, over functions and starting points.

c and d are linear and are eliminated (variable projection: Golub & Pereyra 1973). A and B follow damped Newton steps,
in the coordinates of `region`, with the exact Hessian of the reduced problem, and Gauss-Newton steps where that is not
positive definite (Nocedal & Wright, *Numerical Optimization*, ch. 10). The exact Hessian matters: most functions of a
library do not fit an edge, and Gauss-Newton crawls where the residual is large. A step that does not lower the error is
not taken, and what a row finds does not depend on the other rows.

Rows are fits: R rows, of F functions and E edges, with S samples each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from kan.symbolic.region import Limits, Region, to_ends, to_points
from kan.symbolic.shapes import Derivative, Shape

_FIRST_DAMPING = 1e-2
_LARGE_DAMPING = 1e4
_SMALL_STEP = 1e-7
SMALL_GAIN = 1e-6
# Share of y's variance below which a residual is rounding.
_EXACT = 1e-30
# Largest change of A in one step, relative to it, down and up.
_SHRINK, _GROW = 0.75, 3.0
# Largest step of a coordinate that is a logarithm.
_FARTHEST = 3.0
# Fits that have settled leave the computation once they are this share of it.
_SETTLED_SHARE = 0.1


@dataclass(frozen=True)
class Rows:
    """Which function each row belongs to, and its data."""

    shapes: Sequence[Shape]
    owner: torch.Tensor  # (R,), ascending
    t: torch.Tensor  # (R, S)
    y: torch.Tensor  # (R, S), of mean zero, times `root`
    root: torch.Tensor  # (R, S), square roots of the samples' weights

    @cached_property
    def counts(self) -> list[int]:
        """Rows of each shape."""
        return torch.bincount(self.owner, minlength=len(self.shapes)).tolist()

    @cached_property
    def weights(self) -> torch.Tensor:
        """How much of L and of R there is in ``A*t + B``; (R, 2, S)."""
        return torch.stack([(1 - self.t) / 2, (1 + self.t) / 2], 1)

    @cached_property
    def rooted_weights(self) -> torch.Tensor:
        """The same times `root`; (R, 2, S)."""
        return self.weights * self.root[:, None]

    @cached_property
    def total(self) -> torch.Tensor:
        """Sum of squares of y; (R,)."""
        return torch.linalg.vecdot(self.y, self.y)

    def apply(self, pick: Callable[[Shape], Callable[..., torch.Tensor]], *arguments: torch.Tensor) -> torch.Tensor:
        """Apply to each row the function that `pick` takes from its shape; arguments and result (R, S)."""
        pieces = zip(self.shapes, self.counts, *(argument.split(self.counts) for argument in arguments))
        return torch.cat([pick(shape)(*curves) for shape, count, *curves in pieces if count])

    def take(self, chosen: torch.Tensor) -> Rows:
        """Return the chosen rows."""
        return Rows(self.shapes, self.owner[chosen], self.t[chosen], self.y[chosen], self.root[chosen])


@dataclass
class Projected:
    """Fits with c and d eliminated."""

    error: torch.Tensor  # (R,), sum of squares, inf where the fit is not usable
    factor: torch.Tensor  # (R,), the best c
    spread: torch.Tensor  # (R,), sum of squares of f minus its mean
    curves: torch.Tensor  # (R, 4, S): A*t + B, f; times root: f minus its mean, residual

    def take(self, chosen: torch.Tensor) -> Projected:
        """Return the chosen rows."""
        return Projected(self.error[chosen], self.factor[chosen], self.spread[chosen], self.curves[chosen])

    def update(self, better: torch.Tensor, trial: Projected) -> Projected:
        """Return the trial where it is better."""
        return Projected(
            torch.where(better, trial.error, self.error),
            torch.where(better, trial.factor, self.factor),
            torch.where(better, trial.spread, self.spread),
            torch.where(better[:, None, None], trial.curves, self.curves),
        )


def project(*, rows: Rows, points: torch.Tensor, limits: Limits) -> Projected:
    """Evaluate fits at points (A, B), (R, 2), and eliminate c and d."""
    inputs = torch.addcmul(points[:, 1:], points[:, :1], rows.t)
    values = rows.apply(lambda shape: shape.value, inputs)
    size = values.abs().amax(1)
    usable = (size <= limits.largest) & limits.allow(points)  # NaN compares false
    values = torch.where(usable[:, None], values, 0.0)
    centred = _centred(values * rows.root, rows.root)
    spread = torch.linalg.vecdot(centred, centred)
    usable &= spread > (limits.flattest_values * size) ** 2 * rows.t.shape[1]
    factor = torch.where(usable, torch.linalg.vecdot(centred, rows.y) / spread, 0.0)
    usable &= factor.abs() <= limits.largest
    residual = torch.addcmul(rows.y, factor[:, None], centred, value=-1)
    error = torch.where(usable, torch.linalg.vecdot(residual, residual), torch.inf)
    return Projected(error, factor, spread, torch.stack([inputs, values, centred, residual], 1))


def _centred(curves: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """Take off the weighted mean of curves (..., S) that are multiplied by the roots of the weights."""
    mean = torch.linalg.vecdot(curves, root)[..., None] / root.shape[-1]
    return torch.addcmul(curves, mean, root, value=-1)


def refine(
    *, rows: Rows, region: Region, points: torch.Tensor, limits: Limits, steps: int, gain: float = SMALL_GAIN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Improve fits by at most `steps` damped Newton steps, and until a step gains less than `gain` of the error.

    Returns
    -------
    points : Tensor (R, 2)
        (A, B), in the region.
    error : Tensor (R,)
        Sums of squares, never larger than those of the starting points.
    """
    best_points, active = points.clone(), torch.arange(len(points), device=points.device)
    ends = to_ends(points)
    now = project(rows=rows, points=points, limits=limits)
    best_error, damping = now.error.clone(), torch.full_like(now.error, _FIRST_DAMPING)
    settled = ~now.error.isfinite()
    for _ in range(steps):
        count = int(settled.sum())
        if count == len(active):
            break
        if count >= _SETTLED_SHARE * len(active):
            keep = (~settled).nonzero()[:, 0]
            rows, region, now, active = rows.take(keep), region.take(keep), now.take(keep), active[keep]
            ends, damping, settled = ends[keep], damping[keep], settled[keep]
        step = _step(now=now, rows=rows, ends=ends, damping=damping, region=region)
        moved = region.clamp(region.move(ends, step))
        points = to_points(moved)
        trial = project(rows=rows, points=points, limits=limits)
        gained = now.error - trial.error  # -inf where the trial is not usable
        better = (gained > 0) & ~settled
        # Nothing more to gain: exact, hardly better, or no better by a small step.
        small = (step.abs().amax(1) <= _SMALL_STEP * (ends[:, 1] - ends[:, 0]).abs()) | (damping > _LARGE_DAMPING)
        settled |= torch.where(better, gained <= gain * now.error, small) | (now.error <= _EXACT * rows.total)
        ends = torch.where(better[:, None], moved, ends)
        now = now.update(better, trial)
        damping = damping * torch.where(better, 0.1, 5.0)
        best_points[active], best_error[active] = torch.where(better[:, None], points, best_points[active]), now.error
    return best_points, best_error


def _step(*, now: Projected, rows: Rows, ends: torch.Tensor, damping: torch.Tensor, region: Region) -> torch.Tensor:
    """Return the damped Newton step of the ends' coordinates; (R, 2)."""
    inputs, values, _, residual = now.curves.unbind(1)
    slopes = _derivative(rows, lambda shape: shape.slope, inputs, values)
    bends = _derivative(rows, lambda shape: shape.curvature, inputs, values)
    jacobian = _centred(rows.rooted_weights * slopes[:, None], rows.root[:, None])  # (R, 2, S)
    first, second = region.speed(ends)
    c, spread = now.factor[:, None], now.spread[:, None, None]
    right, overlap = torch.bmm(jacobian, now.curves[:, 2:].mT).unbind(2)[::-1]
    right = right / c
    # The Hessian over c^2: exact, and without the terms that the residual brings in.
    inner = torch.bmm(jacobian, jacobian.mT)
    bent = torch.bmm(rows.rooted_weights * (residual * bends / c)[:, None], rows.weights.mT)
    bent.diagonal(dim1=1, dim2=2).add_(right * second / first**2)
    left = overlap - right
    newton = inner - bent - left[:, :, None] * left[:, None] / spread
    gauss = inner - overlap[:, :, None] * overlap[:, None] / spread
    free = region.free(ends).to(ends)
    scale = (first * free)[:, :, None] * (first * free)[:, None]
    newton, gauss, right = newton * scale, gauss * scale, right * first * free
    still = torch.diag_embed(1 - free)
    damped = torch.where(_convex(newton + still), newton, gauss) + still
    extra = torch.diag_embed(damping[:, None] * gauss.diagonal(dim1=1, dim2=2))
    damped = damped + extra
    step = _solve(damped, right)
    step = region.along_edges(step, ends=ends, speed=first, matrices=(newton + extra, damped), right=right) * free
    return torch.where(region.bounded, step.clamp(-_FARTHEST, _FARTHEST), _not_too_steep(step, ends=ends, free=free))


def _not_too_steep(step: torch.Tensor, *, ends: torch.Tensor, free: torch.Tensor) -> torch.Tensor:
    """Return steps (R, 2) that change A moderately, and B as before if it is free.

    Where a curve is nearly straight, A hardly matters and its step means nothing; it must not spoil the step of B.
    A power or an exponential may pass through the straight line to the other sign of A.
    """
    a, change = (ends[:, 1] - ends[:, 0]) / 2, (step[:, 1] - step[:, 0]) / 2
    most = _GROW * a.abs()
    # Steps that shrink A are bounded more.
    moving = free.sum(1)
    less = torch.where(moving < 2, most, _SHRINK * a.abs())
    rising = a >= 0
    excess = change.maximum(-torch.where(rising, less, most)).minimum(torch.where(rising, most, less)) - change
    return step + (excess * 2 / moving.clamp(min=1.0))[:, None] * free * free.new_tensor([-1.0, 1.0])


def _derivative(
    rows: Rows, pick: Callable[[Shape], Derivative], inputs: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    """Evaluate a derivative; (R, S). Infinite ones, at the edge of a domain, become zero."""
    return torch.nan_to_num(rows.apply(pick, inputs, values), nan=0.0, posinf=0.0, neginf=0.0)


def _convex(matrix: torch.Tensor) -> torch.Tensor:
    """Tell which symmetric matrices (R, 2, 2) are positive definite; (R, 1, 1)."""
    first, mixed, second = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 1]
    return ((first > 0) & (first * second > mixed * mixed))[:, None, None]


def _solve(matrix: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Solve symmetric equations (R, 2, 2); (R, 2)."""
    first, mixed, second = matrix[:, 0, :1], matrix[:, 0, 1:], matrix[:, 1, 1:]
    left, other = right[:, :1], right[:, 1:]
    step = torch.cat([second * left - mixed * other, first * other - mixed * left], 1)
    return torch.nan_to_num(step / (first * second - mixed * mixed), nan=0.0, posinf=0.0, neginf=0.0)
