from __future__ import annotations

import pytest
import torch

from kan.symbolic.box import Box
from kan.symbolic.candidates import candidates
from kan.symbolic.library import SYMBOLIC_LIB
from kan.symbolic.shapes import Kind, shape_of

POINTS = torch.linspace(-1, 1, 64, dtype=torch.float64)
SEARCHED = ("x^2", "1/x^3", "sqrt", "exp", "sin", "tan", "tanh", "arcsin", "gaussian")


def points_for(name, box, grid_number=9):
    shape = shape_of(SYMBOLIC_LIB[name].torch_fun, like=POINTS)
    return candidates(shape=shape, box=box, points=POINTS, grid_number=grid_number)


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


def test_functions_with_equal_search_keys_have_equal_candidates():
    keys = {}
    for entry in SYMBOLIC_LIB.values():
        shape = shape_of(entry.torch_fun, like=POINTS)
        if shape.kind in (Kind.POWER, Kind.GENERAL):
            found = candidates(shape=shape, box=Box((-9.0, 9.0), (-9.0, 9.0), 0.1, 1.3), points=POINTS, grid_number=5)
            assert torch.equal(keys.setdefault(shape.search_key, found), found)
