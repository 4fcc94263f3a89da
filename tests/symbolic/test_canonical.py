from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kan.symbolic.box import Box
from kan.symbolic.canonical import canonical, finite_near
from kan.symbolic.library import SYMBOLIC_LIB
from kan.symbolic.shapes import shape_of

LIKE = torch.zeros(1, dtype=torch.float64)
BOX = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)


def shape(name):
    return shape_of(SYMBOLIC_LIB[name].torch_fun, like=LIKE)


@pytest.mark.parametrize(
    ("name", "given_pair", "expected"),
    [
        ("sin", (-3.14, 6.0), (3.14, 2 * math.pi - 6.0 - math.pi * 0)),
        ("cos", (2.0, 9.0), (2.0, 9.0 - 3 * math.pi)),
        ("x^2", (-2.0, 0.6), (1.0, -0.3)),
        ("sqrt", (-4.0, 8.0), (-1.0, 2.0)),
        ("tanh", (-2.0, 0.5), (2.0, -0.5)),
        ("exp", (1.3, 2.0), (1.3, 0.0)),
    ],
)
def test_the_simplest_of_equivalent_parameters_is_chosen(name, given_pair, expected):
    assert canonical(shape=shape(name), a=given_pair[0], b=given_pair[1], box=BOX) == pytest.approx(expected)


@pytest.mark.parametrize("centre", [0.7, -40.0])
def test_an_exponential_far_from_one_is_centred_on_the_data(centre):
    box = Box((-40.0, 40.0), (-1000.0, 1000.0), centre=centre, half_width=0.2)
    a, b = canonical(shape=shape("exp"), a=17.8, b=0.0, box=box)
    assert a == 17.8
    assert a * centre + b == pytest.approx(0)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["x^2", "x^3", "1/x", "abs", "sin", "cos", "tan", "tanh", "arctan", "gaussian", "exp"]),
    st.floats(0.01, 10),
    st.sampled_from([-1, 1]),
    st.floats(-10, 10),
)
def test_the_chosen_parameters_give_an_affine_image_of_the_same_curve(name, size, sign, b):
    x = torch.linspace(-1, 1, 41, dtype=torch.float64)
    function = SYMBOLIC_LIB[name].torch_fun
    a, b = size * sign, b + 1e-4
    new_a, new_b = canonical(shape=shape(name), a=a, b=b, box=BOX)
    assert abs(new_a) <= 10 + 1e-12
    assert abs(new_b) <= 10 + 1e-12
    before, after = function(a * x + b), function(new_a * x + new_b)
    design = torch.stack([after / after.abs().max(), torch.ones_like(x)], 1)
    solution = torch.linalg.lstsq(design, before[:, None]).solution
    torch.testing.assert_close((design @ solution)[:, 0], before, rtol=1e-5, atol=1e-7 * float(before.abs().max()))


def test_large_inputs_are_scaled_down():
    box = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1e5)
    a, _ = canonical(shape=shape("x^5"), a=1e-4, b=0.0, box=box)
    assert a == pytest.approx(1e-5)


def test_a_zero_rounded_out_of_the_domain_is_moved_back():
    x = torch.tensor([0.1, 0.5, 0.9])
    box = Box((-10.0, 10.0), (-1.0, 1.0), centre=0.5, half_width=0.4)
    a, b = finite_near(function=torch.sqrt, a=3.0, b=-0.3, x=x, box=box)
    assert torch.isfinite(torch.sqrt(a * x + b)).all()
    assert (a, b) == (3.0, pytest.approx(-0.3, abs=1e-4))


def test_a_zero_at_the_limit_of_b_is_moved_by_a():
    x = torch.linspace(0, 50, 101)
    box = Box((-10.0, 10.0), (-10.0, 10.0), centre=25.0, half_width=25.0)
    a, b = finite_near(function=torch.sqrt, a=-0.2, b=10.0, x=x, box=box)
    assert torch.isfinite(torch.sqrt(a * x + b)).all()
    assert (a, b) == (pytest.approx(-0.2, abs=1e-5), pytest.approx(10.0, abs=1e-4))


def test_nothing_is_moved_far():
    box = Box((-10.0, 10.0), (-1.0, 1.0), centre=0.3, half_width=0.2)
    assert finite_near(function=torch.sqrt, a=1.0, b=-0.5, x=torch.tensor([0.1, 0.5]), box=box) is None


@pytest.mark.parametrize(("zero", "a"), [(8.0, 1.0), (50.0, 0.1), (500.0, 0.01)])
def test_a_scale_that_the_box_does_not_allow_is_a_power_of_ten(zero: float, a: float):
    box = Box((-10.0, 10.0), (-10.0, 10.0), centre=zero / 2, half_width=zero / 2)
    assert canonical(shape=shape("sqrt"), a=-10 / zero, b=10.0, box=box) == (-a, pytest.approx(a * zero))
