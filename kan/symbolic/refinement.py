"""Local refinement of many fits ``c*f(A*t + B) + d`` at once, over functions and starting points.

c and d are linear and are eliminated (variable projection: Golub & Pereyra 1973). A and B follow damped Newton steps
with the exact Hessian of the reduced problem, and Gauss-Newton steps where that is not positive definite (Nocedal &
Wright, *Numerical Optimization*, ch. 10). The exact Hessian matters: most functions of a library do not fit an edge,
and Gauss-Newton crawls where the residual is large. A step that does not lower the error is not taken.

Rows are fits: R rows of F functions, S samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from kan.symbolic.region import Limits, Region
from kan.symbolic.shapes import Derivative, Kind, Shape

_FIRST_DAMPING = 1e-2
_LARGE_DAMPING = 1e4
_SMALL_STEP = 1e-7
_SMALL_GAIN = 1e-7
# Share of y's variance below which a residual is rounding.
_EXACT = 1e-30
# Largest change of A in one step, relative to it, down and up.
_SHRINK, _GROW = 0.75, 3.0
# Fits that have settled leave the computation once they are this share of it.
_SETTLED_SHARE = 0.1


@dataclass(frozen=True)
class Rows:
    """Which function each row belongs to."""

    shapes: Sequence[Shape]
    owner: torch.Tensor  # (R,), ascending

    @cached_property
    def counts(self) -> list[int]:
        """Rows of each shape."""
        return torch.bincount(self.owner, minlength=len(self.shapes)).tolist()

    def apply(self, pick: Callable[[Shape], Callable[..., torch.Tensor]], *arguments: torch.Tensor) -> torch.Tensor:
        """Apply to each row the function that `pick` takes from its shape; arguments and result (R, S)."""
        pieces = zip(self.shapes, self.counts, *(argument.split(self.counts) for argument in arguments))
        return torch.cat([pick(shape)(*curves) for shape, count, *curves in pieces if count])

    def take(self, chosen: torch.Tensor) -> Rows:
        """Return the chosen rows (a mask)."""
        return Rows(self.shapes, self.owner[chosen])


@dataclass
class Projected:
    """Fits with c and d eliminated."""

    error: torch.Tensor  # (R,), sum of squares, inf where the fit is not usable
    factor: torch.Tensor  # (R,), the best c
    curves: torch.Tensor  # (R, 4, S): A*t + B, f, f minus its mean, residual

    def take(self, chosen: torch.Tensor) -> Projected:
        """Return the chosen rows (a mask)."""
        return Projected(self.error[chosen], self.factor[chosen], self.curves[chosen])

    def update(self, better: torch.Tensor, trial: Projected) -> Projected:
        """Return the trial where it is better."""
        return Projected(
            torch.where(better, trial.error, self.error),
            torch.where(better, trial.factor, self.factor),
            torch.where(better[:, None, None], trial.curves, self.curves),
        )


def project(*, rows: Rows, t: torch.Tensor, y: torch.Tensor, points: torch.Tensor, limits: Limits) -> Projected:
    """Evaluate fits and eliminate c and d.

    Parameters
    ----------
    rows : Rows
    t, y : Tensor (S,)
        `y` has mean zero.
    points : Tensor (R, 2)
        (A, B).
    limits : Limits
    """
    inputs = torch.addcmul(points[:, 1:], points[:, :1], t)
    values = rows.apply(lambda shape: shape.value, inputs)
    low, high = values.aminmax(dim=1)
    size = torch.maximum(high, -low)
    usable = size <= limits.largest  # NaN compares false
    values = torch.where(usable[:, None], values, 0.0)
    centred = values - values.mean(1, keepdim=True)
    spread = torch.linalg.vecdot(centred, centred)
    usable &= spread > (limits.flattest * size) ** 2 * t.numel()
    factor = torch.where(usable, (centred @ y) / spread, 0.0)
    residual = torch.addcmul(y, factor[:, None], centred, value=-1)
    error = torch.where(usable, torch.linalg.vecdot(residual, residual), torch.inf)
    return Projected(error, factor, torch.stack([inputs, values, centred, residual], 1))


def refine(
    *, rows: Rows, region: Region, t: torch.Tensor, y: torch.Tensor, points: torch.Tensor, limits: Limits, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Improve fits by at most `steps` damped Newton steps.

    Returns
    -------
    points : Tensor (R, 2)
        (A, B), in the region.
    error : Tensor (R,)
        Sums of squares, never larger than those of the starting points.
    """
    powers = torch.stack([t * t, t, torch.ones_like(t)], 1)
    best_points, active = points.clone(), torch.arange(len(points), device=points.device)
    now = project(rows=rows, t=t, y=y, points=points, limits=limits)
    best_error, damping = now.error.clone(), torch.full_like(now.error, _FIRST_DAMPING)
    for _ in range(steps):
        step = _step(now=now, rows=rows, powers=powers, points=points, damping=damping, region=region)
        trial_points = region.clamp(points + step, rows.owner)
        trial = project(rows=rows, t=t, y=y, points=trial_points, limits=limits)
        better = trial.error < now.error
        settled = _settled(now=now, trial=trial, step=step, points=points, damping=damping, floor=_EXACT * (y @ y))
        points = torch.where(better[:, None], trial_points, points)
        now = now.update(better, trial)
        damping = torch.where(better, damping * 0.1, damping * 5)
        best_points[active], best_error[active] = points, now.error
        count = int(settled.sum())
        if count == len(active):
            break
        if count >= _SETTLED_SHARE * len(active):
            rows, now, active = rows.take(~settled), now.take(~settled), active[~settled]
            points, damping = points[~settled], damping[~settled]
    return best_points, best_error


def _settled(
    *,
    now: Projected,
    trial: Projected,
    step: torch.Tensor,
    points: torch.Tensor,
    damping: torch.Tensor,
    floor: torch.Tensor,
) -> torch.Tensor:
    """Tell which rows have nothing more to gain: exact, hardly better, or no better by a small step; (R,)."""
    better = trial.error < now.error
    length = step.abs().amax(1) / points[:, 0].abs().clamp(max=1.0)
    done = better & ((now.error - trial.error <= _SMALL_GAIN * now.error) | (trial.error <= floor))
    stuck = ~better & ((length <= _SMALL_STEP) | (damping > _LARGE_DAMPING))
    return done | stuck | (now.error <= floor) | ~torch.isfinite(now.error)


def _free(rows: Rows, like: torch.Tensor) -> torch.Tensor:
    """Tell which of A and B move (R, 2): scaling a power, or shifting an exponential, changes nothing."""
    moves = {Kind.POWER: (0.0, 1.0), Kind.EXPONENTIAL: (1.0, 0.0)}
    return like.new_tensor([moves.get(shape.kind, (1.0, 1.0)) for shape in rows.shapes])[rows.owner]


def _step(
    *,
    now: Projected,
    rows: Rows,
    powers: torch.Tensor,
    points: torch.Tensor,
    damping: torch.Tensor,
    region: Region,
) -> torch.Tensor:
    """Return the damped Newton step of (A, B); (R, 2)."""
    inputs, values, centred, residual = now.curves.unbind(1)
    t = powers[:, 1]
    slopes = _derivative(rows, lambda shape: shape.slope, inputs, values)
    bends = _derivative(rows, lambda shape: shape.curvature, inputs, values)
    columns = torch.stack([slopes * t, slopes, centred, residual], 1)  # (R, 4, S)
    columns -= columns.mean(2, keepdim=True)
    products = columns[:, :3] @ columns.mT  # (R, 3, 4)
    c = now.factor[:, None]
    right = products[:, :2, 3] / c
    overlap, spread = products[:, :2, 2], products[:, 2, 2, None]
    inner = torch.stack([products[:, 0, 0], products[:, 0, 1], products[:, 1, 1]], 1)
    # Entries AA, AB, BB of the Hessian over c^2: exact, and without the terms that the residual brings in.
    newton = inner - (residual * bends) @ powers / c - _outer(overlap - right) / spread
    gauss = inner - _outer(overlap) / spread
    free = _free(rows, points)
    damped = torch.where(_convex(newton, free), newton, gauss)
    damped = damped + damping[:, None] * gauss * gauss.new_tensor([1.0, 0.0, 1.0])
    step = _solve(damped, right, free)
    step = region.along_edges(step, points=points, matrix=damped, right=right, owner=rows.owner) * free
    # Where a curve is nearly straight, A hardly matters and its step means nothing; it must not spoil the step of B.
    reach = points[:, 0].abs()
    down = torch.where(points[:, 0] >= 0, _SHRINK, _GROW) * reach
    up = torch.where(points[:, 0] >= 0, _GROW, _SHRINK) * reach
    return torch.stack([step[:, 0].maximum(-down).minimum(up), step[:, 1]], 1)


def _derivative(
    rows: Rows, pick: Callable[[Shape], Derivative], inputs: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    """Evaluate a derivative; (R, S). Infinite ones, at the edge of a domain, become zero."""
    return torch.nan_to_num(rows.apply(pick, inputs, values), nan=0.0, posinf=0.0, neginf=0.0)


def _outer(vector: torch.Tensor) -> torch.Tensor:
    """Return the entries (AA, AB, BB) of the outer product of a vector (R, 2) with itself."""
    first, second = vector.unbind(1)
    return torch.stack([first * first, first * second, second * second], 1)


def _convex(matrix: torch.Tensor, free: torch.Tensor) -> torch.Tensor:
    """Tell where the part of a matrix (R, 3) that belongs to the free parameters is positive definite; (R, 1)."""
    first, mixed, second = matrix.unbind(1)
    moves_a, moves_b = free.bool().unbind(1)
    good = ((first > 0) | ~moves_a) & ((second > 0) | ~moves_b)
    good &= (first * second > mixed * mixed) | ~(moves_a & moves_b)
    return good[:, None]


def _solve(matrix: torch.Tensor, right: torch.Tensor, free: torch.Tensor) -> torch.Tensor:
    """Solve the equations for the free parameters; (R, 2)."""
    moves_a, moves_b = free.unbind(1)
    first = matrix[:, 0] * moves_a + (1 - moves_a)
    second = matrix[:, 2] * moves_b + (1 - moves_b)
    mixed = matrix[:, 1] * moves_a * moves_b
    right_a, right_b = (right * free).unbind(1)
    step = torch.stack([second * right_a - mixed * right_b, first * right_b - mixed * right_a], 1)
    return torch.nan_to_num(step / (first * second - mixed * mixed)[:, None], nan=0.0, posinf=0.0, neginf=0.0)
