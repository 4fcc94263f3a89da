from __future__ import annotations

import torch

from kan.symbolic.box import Box
from kan.symbolic.refinement import Rows, project, refine
from kan.symbolic.region import Limits, Region
from kan.symbolic.shapes import shape_of

T = torch.linspace(-1, 1, 101, dtype=torch.float64)
LIMITS = Limits.of(torch.float64)
FUNCTIONS = (torch.tanh, torch.exp, torch.sqrt, torch.asin)
SHAPES = [shape_of(function, like=T) for function in FUNCTIONS]
BOX = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
STARTS = torch.tensor([[1.5, 0.2], [0.5, 0.0], [1.0, 1.3], [0.3, 0.3]], dtype=torch.float64)


def run(y, *, points=STARTS, steps=30):
    rows = Rows(SHAPES, torch.arange(4).repeat_interleave(len(points) // 4))
    region = Region.of(shapes=SHAPES, box=BOX, limits=LIMITS, like=T)
    before = project(rows=rows, t=T, y=y - y.mean(), points=points, limits=LIMITS).error
    found, error = refine(rows=rows, region=region, t=T, y=y - y.mean(), points=points, limits=LIMITS, steps=steps)
    return before, found, error


def test_projection_leaves_what_least_squares_leaves():
    y = torch.cos(2 * T + 0.3)
    error = run(y, steps=0)[0]
    for row, function in enumerate(FUNCTIONS):
        values = function(STARTS[row, 0] * T + STARTS[row, 1])
        design = torch.stack([values, torch.ones_like(T)], 1)
        residual = y - design @ torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
        torch.testing.assert_close(error[row], residual @ residual)


def test_exact_parameters_are_reached():
    _, found, error = run(3 * torch.tanh(2.2 * T - 0.4) + 1)
    torch.testing.assert_close(found[0], torch.tensor([2.2, -0.4], dtype=torch.float64), rtol=1e-8, atol=1e-8)
    assert error[0] < 1e-20


def test_errors_never_grow_and_belong_to_the_returned_points():
    y = torch.sin(5 * T) + 0.2 * T
    before, found, error = run(y)
    assert (error <= before).all()
    rows = Rows(SHAPES, torch.arange(4))
    again = project(rows=rows, t=T, y=y - y.mean(), points=found, limits=LIMITS).error
    torch.testing.assert_close(again, error)


def test_a_stationary_point_is_reached_where_the_residual_is_large():
    # Gauss-Newton alone needs hundreds of steps here.
    y = torch.sin(5 * T) + 0.2 * T
    found = run(y)[1]
    rate = found[1, 0].clone().requires_grad_()
    values = torch.exp(rate * T)
    centred = values - values.mean()
    error = ((y - y.mean()) ** 2).sum() - (centred @ y) ** 2 / (centred @ centred)
    (slope,) = torch.autograd.grad(error, rate)
    assert slope.abs() < 1e-5


def test_unusable_points_are_moved_to_where_the_functions_are_defined():
    points = torch.tensor([[0.0, 0.5], [800.0, 0.0], [1.0, 0.5], [2.0, 0.0]], dtype=torch.float64)
    before, found, error = run(torch.cos(T), points=points)
    assert torch.isinf(before).all()
    assert torch.isfinite(error).all()
    assert torch.isfinite(found).all()
