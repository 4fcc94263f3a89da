from __future__ import annotations

import math

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from kan.common.errors import ArgumentError
from kan.symbolic.rounding import ex_round, snap_number

x, y = sympy.symbols("x y")


def test_every_number_is_rounded():
    expr = 3.14534242 * sympy.exp(1.00004 * sympy.sin(3.14159 * x) + y**2) - 2.32345402
    assert str(ex_round(expr, 2)) == "3.15*exp(y**2 + 1.0*sin(3.14*x)) - 2.32"


def test_rounded_numbers_are_exact_doubles():
    # sympy's own Float.round keeps 13 bits here: 3.1499.
    assert float(ex_round(sympy.Float(3.14534242), 2)) == 3.15


def test_a_rounded_number_is_not_rounded_again():
    # Substituting one number after the other turns 0.25 -> 0.2 inside sin as well as outside.
    expr = 0.249 * sympy.sin(0.25 * x) + 0.2 * sympy.cos(0.249 * x)
    assert ex_round(expr, 1) == 0.2 * sympy.sin(0.2 * x) + 0.2 * sympy.cos(0.2 * x)


def test_small_terms_disappear():
    assert ex_round(1e-6 * sympy.sin(x) + 2.0 * x + 1e-9, 4) == 2.0 * x


@pytest.mark.parametrize("expr", [sympy.log(1e-6 * x), 1 / (1e-6 * x), (1e-7 * x + 1e-8) ** -2])
def test_a_part_that_would_become_infinite_stays(expr):
    assert not ex_round(expr + 1.23456 * y, 3).has(sympy.zoo, sympy.nan, sympy.oo)
    assert ex_round(expr + 1.23456 * y, 3).coeff(y) == sympy.Float(1.235)


def test_numbers_and_negative_digits_are_accepted():
    assert ex_round(2.345678, 3) == sympy.Float(2.346)
    assert ex_round(1234.5 * x, -2) == 1200.0 * x


def test_undefined_functions_survive():
    bessel = sympy.Function("J0")
    assert ex_round(bessel(19.99999 * x), 2) == bessel(20.0 * x)


def test_digits_must_be_an_integer():
    with pytest.raises(ArgumentError, match="n_digit"):
        ex_round(x, 2.5)


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e6, 1e6), st.integers(0, 8))
def test_rounding_agrees_with_python(value, digits):
    # Python rounds the same double with ties to even.
    assert float(ex_round(sympy.Float(value), digits)) == pytest.approx(round(value, digits), rel=1e-15, abs=0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3.14158, sympy.pi),
        (1.5708, sympy.pi / 2),
        (-6.2831, -2 * sympy.pi),
        (2.71829, sympy.E),
        (0.33334, sympy.Rational(1, 3)),
        (0.49999, sympy.Rational(1, 2)),
        (1e-6, sympy.Integer(0)),
        (-1.00001, sympy.Integer(-1)),
        (20.0002, sympy.Integer(20)),
        (1.41421, sympy.sqrt(2)),
        (0.57735, 1 / sympy.sqrt(3)),
        (5.567764, None),  # sqrt(31)
        (-0.41667, -sympy.Rational(5, 12)),
        (0.8131, None),
        (1234.567, None),
        (math.inf, None),
        (math.nan, None),
    ],
)
def test_the_simplest_number_is_found(value, expected):
    assert snap_number(value, 1e-4) == expected


def test_pi_is_simpler_than_its_fraction_unless_the_tolerance_excludes_it():
    assert snap_number(22 / 7, 1e-3) == sympy.pi
    assert snap_number(22 / 7, 1e-5) == sympy.Rational(22, 7)


@settings(max_examples=100, deadline=None)
@given(st.floats(-50, 50), st.sampled_from([1e-2, 1e-3, 1e-5]))
def test_a_snapped_number_is_within_tolerance(value, tol):
    snapped = snap_number(value, tol)
    if snapped is not None:
        assert abs(float(snapped) - value) <= tol * max(1.0, abs(value)) * (1 + 1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(-12, 12), st.integers(1, 12))
def test_rationals_are_recovered(numerator, denominator):
    assert snap_number(numerator / denominator, 1e-6) == sympy.Rational(numerator, denominator)


@pytest.mark.parametrize("tol", [0.0, -1.0, math.nan, math.inf])
def test_tolerance_must_be_positive(tol):
    with pytest.raises(ArgumentError, match="tol"):
        snap_number(1.0, tol)


def test_numbers_of_many_digits_keep_them():
    rounded = ex_round(sympy.Float("0.123456789012345678901234567890", 30), 25)
    assert abs(sympy.Rational(rounded) - sympy.Rational("0.1234567890123456789012346")) < sympy.Rational(1, 10**29)


@pytest.mark.parametrize(("value", "expected"), [(59 / 7, sympy.Rational(59, 7)), (61 / 7, None), (1e5, 10**5)])
def test_fractions_of_large_numbers_are_not_simple_but_whole_numbers_are(value, expected):
    assert snap_number(value, 1e-12) == expected
