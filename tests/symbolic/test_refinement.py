from __future__ import annotations

import torch

from kan.symbolic.box import Box
from kan.symbolic.refinement import Rows, project, refine
from kan.symbolic.region import Limits, Region, to_ends
from kan.symbolic.samples import Samples
from kan.symbolic.shapes import shape_of

T = torch.linspace(-1, 1, 101, dtype=torch.float64)
LIMITS = Limits.of(torch.float64)
FUNCTIONS = (torch.tanh, torch.exp, torch.sqrt, torch.asin)
SHAPES = [shape_of(function, like=T) for function in FUNCTIONS]
BOX = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
STARTS = torch.tensor([[1.5, 0.2], [0.5, 0.0], [1.0, 1.3], [0.3, 0.3]], dtype=torch.float64)


def rows_of(y, owner):
    return Rows(
        SHAPES,
        owner,
        T.expand(len(owner), -1),
        (y - y.mean()).expand(len(owner), -1),
        torch.ones(len(owner), len(T), dtype=T.dtype),
    )


def boxes(count):
    return Box.joined([BOX] * count, like=T)


def run(y, *, points=STARTS, owner=None, steps=30):
    owner = torch.arange(len(points)) if owner is None else owner
    rows = rows_of(y, owner)
    region = Region.of(shapes=SHAPES, owner=owner, box=boxes(len(points)), limits=LIMITS, ends=to_ends(points))
    before = project(rows=rows, points=points, limits=LIMITS).error
    found, error = refine(rows=rows, region=region, points=points, limits=LIMITS, steps=steps)
    return before, found, error


def test_projection_leaves_what_least_squares_leaves():
    y = torch.cos(2 * T + 0.3)
    error = run(y, steps=0)[0]
    for row, function in enumerate(FUNCTIONS):
        values = function(STARTS[row, 0] * T + STARTS[row, 1])
        design = torch.stack([values, torch.ones_like(T)], 1)
        residual = y - design @ torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
        torch.testing.assert_close(error[row], residual @ residual)


def test_weights_count_as_samples_that_come_several_times():
    y, owner, times = torch.sin(5 * T) + 0.2 * T, torch.arange(4), torch.arange(len(T)) % 3 + 1
    repeated = Samples.of(T.repeat_interleave(times), y.repeat_interleave(times))
    root = (times.double() * (len(T) / times.sum())).sqrt()
    weighted = Samples(T, y - (y * root**2).mean(), root)
    found = []
    for samples in (repeated, weighted):
        t, own, root = (part.expand(4, -1) for part in (samples.t, samples.y, samples.root))
        region = Region.of(shapes=SHAPES, owner=owner, box=boxes(4), limits=LIMITS, ends=to_ends(STARTS))
        rows = Rows(SHAPES, owner, t, own * root, root)
        found.append(refine(rows=rows, region=region, points=STARTS, limits=LIMITS, steps=4))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1] / times.sum(), found[1][1] / len(T))


def test_exact_parameters_are_reached():
    _, found, error = run(3 * torch.tanh(2.2 * T - 0.4) + 1)
    torch.testing.assert_close(found[0], torch.tensor([2.2, -0.4], dtype=torch.float64), rtol=1e-8, atol=1e-8)
    assert error[0] < 1e-20


def test_errors_never_grow_and_belong_to_the_returned_points():
    y = torch.sin(5 * T) + 0.2 * T
    before, found, error = run(y)
    assert (error <= before).all()
    again = project(rows=rows_of(y, torch.arange(4)), points=found, limits=LIMITS).error
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
    assert slope.abs() < 1e-4


def test_a_rate_passes_through_zero():
    y = torch.exp(0.4 * T)
    found = run(y, points=torch.tensor([[-0.3, 0.0]], dtype=torch.float64), owner=torch.tensor([1]))[1]
    torch.testing.assert_close(found[0, 0], torch.tensor(0.4, dtype=torch.float64))


def test_a_fit_at_the_edge_of_its_domain_takes_few_steps():
    # The best square root touches the data: ten steps are enough from a zero at a distance of 0.3.
    y = (T > -1).double()
    _, found, _ = run(y, points=torch.tensor([[1.0, 1.3]], dtype=torch.float64), owner=torch.tensor([2]), steps=10)
    assert found[0, 1] / found[0, 0] < 1 + 1e-6


def test_what_a_row_finds_does_not_depend_on_its_company():
    y = torch.sin(5 * T) + 0.2 * T
    together = run(y)[1]
    for row in range(4):
        alone = run(y, points=STARTS[row : row + 1], owner=torch.tensor([row]))[1]
        torch.testing.assert_close(alone[0], together[row], rtol=1e-9, atol=1e-9)


def test_rows_that_cannot_be_evaluated_stay_where_they_are():
    points = torch.tensor([[0.0, 0.5], [800.0, 0.0], [1.0, 0.5], [2.0, 0.0]], dtype=torch.float64)
    before, found, error = run(torch.cos(T), points=points)
    assert torch.isinf(before).all()
    assert torch.isinf(error).all()
    assert torch.equal(found, points)
