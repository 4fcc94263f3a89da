"""The Poisson problems of ``accuracy.py``: splines only, trained on the equation and the boundary.

    u_xx + u_yy = f  on [-1, 1]^2,    u = 0 on its boundary,

with f such that the solution is known. Published are mean square errors: of pykan's notebook (`Example_7`, [2, 2, 1],
20 intervals) for sin(pi x) sin(pi y), and of Liu et al. 2024, arXiv 2404.19756, section 3.4 ([2, 10, 1]) for
sin(pi x) sin(pi y^2). Errors here are mean squares too, on a mesh of 101 x 101 points. Several starts are trained on
the coarsest grid; the one with the smallest residuals is refined.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from kan import KAN, LevenbergMarquardt, batch_hessian

PI = math.pi
GRIDS = (5, 10, 20, 40)
STARTS, STEPS = 12, 25
INSIDE, BOUNDARY = 2000, 400
# The weight of the equation's residuals beside those of the boundary, as in the notebook.
ALPHA = 0.01


@dataclass(frozen=True)
class Poisson:
    """A Poisson equation with a known solution.

    Attributes
    ----------
    name : str
    solution, source : callable
        Of x and y.
    width : list of int
    published, aim : float
        Mean square errors.
    """

    name: str
    solution: Callable[[Tensor, Tensor], Tensor]
    source: Callable[[Tensor, Tensor], Tensor]
    width: list[int]
    published: float
    aim: float = 1e-7
    group: str = "poisson (mean square)"


def _squared_source(x: Tensor, y: Tensor) -> Tensor:
    inner = PI * y**2
    return torch.sin(PI * x) * (
        -(PI**2) * torch.sin(inner) + 2 * PI * torch.cos(inner) - (2 * PI * y) ** 2 * torch.sin(inner)
    )


POISSON = (
    Poisson(
        "sin πx sin πy",
        lambda x, y: torch.sin(PI * x) * torch.sin(PI * y),
        lambda x, y: -2 * PI**2 * torch.sin(PI * x) * torch.sin(PI * y),
        [2, 2, 1],
        1.74e-4,
    ),
    Poisson(
        "sin πx sin πy²",
        lambda x, y: torch.sin(PI * x) * torch.sin(PI * y**2),
        _squared_source,
        [2, 10, 1],
        1e-7,
    ),
)


def _mesh(points: int) -> Tensor:
    line = torch.linspace(-1, 1, points, dtype=torch.float64)
    return torch.cartesian_prod(line, line)


def _collocation(seed: int) -> tuple[Tensor, Tensor]:
    """Return points inside and on the boundary: a mesh would leave splines free between its lines."""
    inside = 2 * torch.quasirandom.SobolEngine(2, scramble=True, seed=seed).draw(INSIDE, dtype=torch.float64) - 1
    along = torch.linspace(-1, 1, BOUNDARY // 4, dtype=torch.float64)
    ends = torch.ones_like(along)
    sides = [torch.stack(pair, dim=1) for side in (-ends, ends) for pair in ((along, side), (side, along))]
    return inside, torch.cat(sides)


def solve(problem: Poisson, *, seed: int) -> tuple[float, int, float]:
    """Return the mean square error of the solution, the last grid, and the seconds."""
    begin = time.process_time()
    inside, edge = _collocation(seed)
    points = torch.cat([inside, edge])
    source, values = problem.source(*inside.T), problem.solution(*edge.T)

    def train(model: KAN) -> float:
        def residuals() -> tuple[Tensor, Tensor]:
            curvature = batch_hessian(model, inside, create_graph=True)
            equation = curvature[:, 0, 0] + curvature[:, 1, 1] - source
            return equation * math.sqrt(ALPHA / len(inside)), (model(edge)[:, 0] - values) / math.sqrt(len(edge))

        optimizer = LevenbergMarquardt(model.parameters(), model=model)
        for step in range(STEPS):
            if step % 5 == 0 and step < STEPS // 2:
                model.update_grid_from_samples(points)
            optimizer.step(residuals)
            if optimizer.stagnated:
                break
        return optimizer.last_loss

    starts = [
        KAN(width=problem.width, grid=GRIDS[0], grid_eps=1.0, seed=STARTS * seed + number, auto_save=False).double()
        for number in range(STARTS)
    ]
    losses = [train(model) for model in starts]
    model = starts[losses.index(min(losses))]
    for grid in GRIDS[1:]:
        model(points)
        model = model.refine(grid)
        train(model)
    fine = _mesh(101)
    with torch.no_grad():
        error = float((model(fine)[:, 0] - problem.solution(*fine.T)).square().mean())
    return error, GRIDS[-1], time.process_time() - begin
