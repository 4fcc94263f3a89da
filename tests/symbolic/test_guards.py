from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kan.symbolic import guards
from kan.symbolic.library import SYMBOLIC_LIB

NAMES = [name for name in dir(guards) if name.startswith("f_")]
PLAIN = {
    "f_inv": lambda x: 1 / x,
    "f_inv2": lambda x: x**-2,
    "f_inv3": lambda x: x**-3,
    "f_inv4": lambda x: x**-4,
    "f_inv5": lambda x: x**-5,
    "f_sqrt": lambda x: math.copysign(math.sqrt(abs(x)), x),
    "f_power1d5": lambda x: abs(x) ** 1.5,
    "f_invsqrt": lambda x: 1 / math.sqrt(abs(x)),
    "f_log": lambda x: math.log(abs(x)),
    "f_tan": math.tan,
    "f_arctanh": math.atanh,
    "f_arcsin": math.asin,
    "f_arccos": math.acos,
    "f_exp": math.exp,
}
SINGULAR = [0.0, -0.0, 1e-30, 1.0, -1.0, 2.0, -2.0, math.pi / 2, -math.pi / 2, 1e4, -1e4, 800.0]


def test_all_guards_of_pykan_exist():
    assert set(NAMES) == set(PLAIN)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("y_th", [10.0, 1000.0, torch.tensor(5.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradient_are_finite_at_singular_points(name, y_th, dtype):
    x = torch.tensor(SINGULAR, dtype=dtype, requires_grad=True)
    value = getattr(guards, name)(x, y_th)[1]
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert value.dtype == dtype
    assert torch.isfinite(value).all()
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None)
@given(x=st.floats(-(2.0**100), 2.0**100, width=32), y_th=st.sampled_from([1.5, 10.0, 1000.0]))
def test_value_and_gradient_are_finite_everywhere(name, x, y_th):
    point = torch.tensor([x], requires_grad=True)
    value = getattr(guards, name)(point, y_th)[1]
    (gradient,) = torch.autograd.grad(value.sum(), point)
    assert torch.isfinite(value).all()
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", NAMES)
def test_second_derivative_is_finite_at_singular_points(name):
    x = torch.tensor(SINGULAR[:9], dtype=torch.float64, requires_grad=True)
    value = getattr(guards, name)(x, 10.0)[1]
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    if gradient.requires_grad:
        (second,) = torch.autograd.grad(gradient.sum(), x)
        assert torch.isfinite(second).all()


@pytest.mark.parametrize("name", NAMES)
def test_away_from_singularities_the_plain_function_is_returned(name):
    points = [0.3, 0.8] if name in ("f_arctanh", "f_arcsin", "f_arccos") else [-1.3, 0.7, 1.2, 2.9]
    x = torch.tensor(points, dtype=torch.float64)
    value = getattr(guards, name)(x, 50.0)[1]
    expected = torch.tensor([PLAIN[name](point) for point in points], dtype=torch.float64)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        # Values of pykan 0.2.8 with y_th = 10.
        ("f_inv", 0.05, 5.0),
        ("f_inv2", 0.05, 10.0),
        ("f_inv3", -0.1, -2.1544346900318843),
        ("f_inv4", 0.1, 10.0),
        ("f_inv5", 0.5, 7.924465962305569),
        ("f_invsqrt", 0.001, 10.0),
        ("f_log", 1e-6, -10.0),
        ("f_tan", math.pi / 2 + 0.05, -5.016622453527574),
        ("f_arcsin", -2.0, -math.pi / 2),
        ("f_arccos", -3.0, math.pi),
        ("f_exp", 100.0, 10.0),
    ],
)
def test_bridges_are_those_of_pykan(name, x, expected):
    value = getattr(guards, name)(torch.tensor(x, dtype=torch.float64), torch.tensor(10.0, dtype=torch.float64))[1]
    assert value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("f_arcsin", "f_arccos", "f_power1d5")])
def test_value_does_not_jump_at_the_threshold(name):
    guard = getattr(guards, name)
    threshold = guard(torch.zeros((), dtype=torch.float64), 10.0)[0].item()
    edge = {"f_tan": math.pi / 2 - threshold, "f_arctanh": 1 - threshold}.get(name, threshold)
    below, above = guard(torch.tensor([edge - 1e-12, edge + 1e-12], dtype=torch.float64), 10.0)[1].tolist()
    assert below == pytest.approx(above, abs=1e-6)


def test_power_one_and_a_half_returns_a_pair_as_all_others_do():
    value = SYMBOLIC_LIB["x^1.5"].guarded_fun(torch.tensor([-4.0, 0.0, 4.0]), 10.0)[1]
    assert value.tolist() == [8.0, 0.0, 8.0]


@pytest.mark.parametrize("exponent", [7.0, -6.0, -7.0, 1 / 3, -1 / 3, 2.5, -2.5])
def test_a_power_of_any_exponent_is_finite_with_its_derivatives_and_plain_elsewhere(exponent):
    x = torch.tensor([*SINGULAR[:9], 0.7, 1.3], dtype=torch.float64, requires_grad=True)
    value = guards.guarded_power(x, 50.0, exponent)[1]
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), x)
    assert torch.isfinite(torch.stack([value, gradient, second])).all()
    assert value[-2:].tolist() == pytest.approx([0.7**exponent, 1.3**exponent], rel=1e-14)
