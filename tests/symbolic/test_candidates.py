from __future__ import annotations

import pytest
import torch

from kan.symbolic.box import Box
from kan.symbolic.candidates import candidates
from kan.symbolic.library import SYMBOLIC_LIB
from kan.symbolic.samples import Samples
from kan.symbolic.shapes import Kind, shape_of

POINTS = torch.linspace(-1, 1, 64, dtype=torch.float64)
SAMPLES = Samples.of(POINTS, torch.sin(3 * POINTS))
SEARCHED = ("x^2", "1/x^3", "sqrt", "exp", "sin", "tan", "tanh", "arcsin", "gaussian")


def points_for(name, box, grid_number=9):
    shape = shape_of(SYMBOLIC_LIB[name].torch_fun, like=POINTS)
    lattices = candidates(shape=shape, box=box, samples=SAMPLES, grid_number=grid_number)
    points = torch.cat([lattice.flatten(0, 1) for lattice in lattices])
    return points[~points[:, 0].isnan()]


@pytest.mark.parametrize("name", SEARCHED)
@pytest.mark.parametrize(
    "box",
    [
        Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0),
        Box((1.0, 2.0), (0.5, 3.0), centre=2.0, half_width=0.1),
        Box((-3.0, -1.0), (-1.0, 0.0), centre=-500.0, half_width=500.0),
    ],
)
def test_there_are_candidates_and_all_lie_in_the_box(name, box):
    found = points_for(name, box)
    assert len(found) > 0
    assert torch.isfinite(found).all()
    assert box.holds(found).all()


def test_a_finer_lattice_adds_points():
    box = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
    assert len(points_for("tanh", box, 51)) > len(points_for("tanh", box, 9)) + 1000


def test_poles_are_tried_between_all_neighbouring_points():
    box = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
    a, b = points_for("1/x", box).unbind(1)
    zeros = -b / a
    for left, right in zip(POINTS, POINTS[1:]):
        assert ((zeros > left) & (zeros < right)).any()


def test_a_pole_at_a_sample_is_no_candidate():
    box = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
    a, b = points_for("1/x", box).unbind(1)
    assert not torch.isin((-b / a * 1e12).round(), (POINTS * 1e12).round()).any()


@pytest.mark.parametrize("ranges", [((-10.0, 10.0), (-10.0, 10.0)), ((-12.0, -1.0), (-2.0, 2.0))])
@pytest.mark.parametrize("heights", [(4.0, 2.0), (-1.0, 3.0), (2.0, -2.0)])
def test_the_tangent_may_have_poles_at_any_two_high_samples(ranges, heights):
    y = torch.zeros_like(POINTS)
    y[17], y[44] = heights
    lattices = candidates(
        shape=shape_of(torch.tan, like=POINTS), box=Box(*ranges, 0.0, 1.0), samples=Samples.of(POINTS, y), grid_number=5
    )
    values = torch.tan(lattices[1][0] @ torch.stack([POINTS, torch.ones_like(POINTS)]))
    values = values[~values.isnan().any(1)]
    r2 = [torch.corrcoef(torch.stack([curve, y]))[0, 1] ** 2 for curve in values]
    assert max(r2) > 0.95


def test_the_limits_of_b_are_followed_closely_where_they_keep_a_transition_from_the_data():
    box = Box((-10.0, 10.0), (-2.0, 2.0), centre=0.0, half_width=1.0)
    a, b = points_for("tanh", box).unbind(1)
    zeros = (-b / a)[(b == 2.0) & (a > 0)].sort().values
    assert zeros.diff()[zeros[1:] > -1].max() < 0.12


def test_functions_with_equal_search_keys_have_equal_candidates():
    keys = {}
    for entry in SYMBOLIC_LIB.values():
        shape = shape_of(entry.torch_fun, like=POINTS)
        if shape.kind in (Kind.POWER, Kind.GENERAL):
            box = Box((-9.0, 9.0), (-9.0, 9.0), 0.1, 1.3)
            found = candidates(shape=shape, box=box, samples=SAMPLES, grid_number=5)
            for before, again in zip(keys.setdefault(shape.search_key, found), found):
                torch.testing.assert_close(before, again, equal_nan=True)


def test_a_is_the_same_along_each_row_of_a_lattice_of_combs():
    # The sum rule of the tangent relies on it.
    shape = shape_of(torch.tan, like=POINTS)
    box = Box((-9.0, 9.0), (-9.0, 9.0), 0.1, 1.3)
    slopes = candidates(shape=shape, box=box, samples=SAMPLES, grid_number=5)[0][..., 0]
    allowed = ~slopes.isnan()
    assert allowed.any(1).all()
    torch.testing.assert_close(slopes[allowed], slopes[:, :1].expand_as(slopes)[allowed])


def test_the_sum_rule_of_the_tangent_gives_the_same_fits():
    shape = shape_of(torch.tan, like=POINTS)
    short = shape.sum_rule(shape.value(0.7 * POINTS), shape.value(torch.tensor(0.4, dtype=torch.float64)))
    design = torch.stack([torch.tan(0.7 * POINTS + 0.4), torch.ones_like(POINTS)], 1)
    left = short - design @ torch.linalg.lstsq(design, short[:, None]).solution[:, 0]
    assert left.abs().max() < 1e-12
