from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from kan.formula.evaluation import Evaluation
from kan.formula.rewriting import alternatives, cost, fold

x, y = sympy.symbols("x y")
COLUMNS = {x: np.linspace(-1, 1, 11), y: np.cos(np.arange(11.0))}
FORMULAS = [
    lambda a, b, c: c * sympy.sin(a * x + b),
    lambda a, b, c: c * sympy.tan(a * x / 9 + 10 * b) + b,
    lambda a, b, c: c * sympy.exp(a * x + b * y + c) - b,
    lambda a, b, c: c * (a * x + b) ** 2 * (y + a) ** 3,
    lambda a, b, c: c * sympy.sqrt(abs(a) * x + 8) + b,
    lambda a, b, c: c * sympy.log(abs(a) * x + 8) + b,
    lambda a, b, c: c * sympy.Abs(a * x + b) / (c * y + 9) ** 2,
    lambda a, b, c: sympy.exp(c * (a * x + b * y) ** 2 - c * (a * x - b * y) ** 2) + sympy.log(abs(a) * x**2),
]
numbers = st.floats(-3, 3).filter(lambda value: abs(value) > 0.01)


@pytest.mark.parametrize("formula", FORMULAS)
@given(a=numbers, b=numbers, c=numbers)
def test_rewriting_keeps_the_values(formula, a, b, c):
    expr = formula(*(sympy.Float(value) for value in (a, b, c)))
    expected = Evaluation(expr, COLUMNS).output
    scale = 1e-9 * (1 + np.abs(expected[np.isfinite(expected)]).max())
    for other in (fold(expr), *alternatives(expr)):
        np.testing.assert_allclose(Evaluation(other, COLUMNS).output, expected, rtol=1e-8, atol=scale)


@pytest.mark.parametrize("coefficient", [1e-4, 1e4])
def test_a_coefficient_may_be_too_far_from_one_to_go_into_a_root(coefficient):
    expr = sympy.Float(coefficient) * (2.5 * x + 3.5) ** sympy.Rational(1, 100)
    values = Evaluation(expr, COLUMNS).output
    for other in alternatives(expr):
        np.testing.assert_allclose(Evaluation(other, COLUMNS).output, values, rtol=1e-12)


def test_phases_become_small():
    assert fold(sympy.sin(2.0 * x + 2 * math.pi)).args[0].as_coeff_Add()[0] == pytest.approx(0, abs=1e-12)
    assert fold(sympy.sin(2.0 * x + 4.0)) == -sympy.sin(2.0 * x + sympy.Float(4.0 - math.pi))


def test_constants_leave_exponentials():
    assert str(fold(2.0 * sympy.exp(x + 1.0)).evalf(4)) == "5.437*exp(x)"


def test_squares_of_sums_may_be_multiplied_out():
    assert (x * y * 4).expand() in [other.expand() for other in alternatives((x + y) ** 2 - (x - y) ** 2)]


@pytest.mark.parametrize("nested", [False, True])
def test_what_would_become_long_is_not_multiplied_out(nested):
    expr = ((x + y) ** 3 + x) ** 5 + y if nested else sum(sympy.Symbol(f"z{index}") for index in range(20)) ** 2 + y
    assert sympy.expand(expr) not in list(alternatives(expr))


def test_numbers_without_meaning_cost_most():
    simple = [sympy.sin(sympy.pi * x), x**2 / 2, sympy.sqrt(2) * x]
    assert max(map(cost, simple)) < cost(1.37 * x)
