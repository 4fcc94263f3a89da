from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kan.formula.shortening import Limits, shorten

x, y = sympy.symbols("x y")
COLUMNS = {x: np.linspace(-1, 1, 201), y: np.cos(np.arange(201.0))}


def limits(expr, tolerance=1e-6):
    return Limits.of(expr, COLUMNS, tolerance)


def test_the_price_is_the_change_relative_to_the_spread():
    rules = limits(2.0 * x)
    assert rules.price(2.0 * COLUMNS[x] + 0.01) == pytest.approx(0.01 / np.std(2.0 * COLUMNS[x]))
    assert rules.price(np.full(201, np.nan)) == math.inf


def test_small_changes_add_up_to_the_tolerance_at_most():
    # Each of ten terms alone is within the tolerance; all together are not.
    terms = [sympy.Float(0.8e-3) * sympy.cos(k * x) for k in range(1, 11)]
    expr = sympy.Add(x, *terms)
    rules = limits(expr, tolerance=2e-3)
    shorter = shorten(expr, rules)
    assert 0 < len(shorter.dropped) < 10
    assert rules.allow(rules.values_of(shorter.expr))


def test_terms_inside_functions_are_dropped():
    expr = sympy.exp(sympy.sin(x + 1e-9 * y) + 1e-9)
    assert shorten(expr, limits(expr)).expr == sympy.exp(sympy.sin(x))


def test_a_formula_never_becomes_longer():
    expr = (x + 2) ** 3 * (y + 1)
    assert shorten(expr, limits(expr)).expr == expr


def test_what_was_done_is_told():
    expr = sympy.Float(3.1415927) * x + sympy.Float(1e-9) * y
    shorter = shorten(expr, limits(expr))
    assert [term for term, _ in shorter.dropped] == [sympy.Float(1e-9) * y]
    assert shorter.snapped == [(3.1415927, sympy.pi)]


FORMS = [
    lambda c: c * sympy.sin(2.0 * x + 0.5),
    lambda c: sympy.cos(c * x) + 0.25,
    lambda c: c * (x + 0.5) ** 2,
    lambda c: sympy.log(c * x + 12.0),
    lambda c: 1.5 * sympy.sqrt(x**2 + c),
    lambda c: c * sympy.Abs(x - 0.5) + 1.0,
]


@settings(max_examples=10)
@given(
    st.fractions(min_value=1, max_value=3, max_denominator=60),
    st.sampled_from([sympy.S.One, sympy.pi, 1 / sympy.pi, sympy.pi**2]),
    st.sampled_from(FORMS),
    st.floats(-1e-10, 1e-10),
)
@example(fraction=Fraction(5, 18), unit=sympy.S.One, form=FORMS[0], error=0.0)
@example(fraction=Fraction(22, 7), unit=sympy.S.One, form=FORMS[1], error=0.0)
def test_a_constant_that_fits_exactly_wins_over_simpler_ones_that_the_tolerance_allows(fraction, unit, form, error):
    meant = sympy.Rational(fraction.numerator, fraction.denominator) * unit
    expr = form(sympy.Float(float(meant) * (1 + error)))
    shorter = shorten(expr, limits(expr, tolerance=1e-2)).expr
    assert not shorter.has(sympy.Float)
    difference = sympy.lambdify(x, shorter - form(meant), "numpy")(COLUMNS[x])
    assert np.abs(difference).max() < 1e-8


@pytest.mark.parametrize(
    "meant",
    [
        1 / (4 * sympy.pi),
        -1 / (32 * sympy.pi**2),
        sympy.pi**2,
        8 * sympy.pi / 3,
        sympy.sqrt(3) / 2,
        1 / sympy.sqrt(2 * sympy.pi),
    ],
)
@pytest.mark.parametrize("tolerance", [1e-9, 1e-3])
def test_the_constants_of_physics_are_recognised(meant, tolerance):
    expr = sympy.Float(float(meant)) * sympy.exp(x) * (y + 3)
    assert shorten(expr, limits(expr, tolerance=tolerance)).expr == meant * sympy.exp(x) * (y + 3)


@pytest.mark.parametrize(("value", "rounded"), [(537036.0962530613, "537000.0"), (6.02214076e23, "6.02e+23")])
def test_a_large_constant_is_not_simple_because_its_digits_end(value, rounded):
    expr = sympy.Float(value) * sympy.exp(x)
    assert shorten(expr, limits(expr, tolerance=1e-3)).expr == sympy.Float(float(rounded)) * sympy.exp(x)


def test_a_form_that_is_exact_wins_over_a_shorter_one_that_the_tolerance_allows():
    """The shorter one is (5*x/6 + 7/10)**2."""
    scale, meant = 2.39487550589107, sympy.Rational(9, 13) * (x + sympy.Rational(27, 32)) ** 2
    expr = sympy.Float(9 / 13 / scale**2) * (sympy.Float(scale) * x + sympy.Float(scale * 27 / 32)) ** 2
    assert shorten(expr, limits(expr, tolerance=1e-2)).expr == meant


@pytest.mark.parametrize(("tolerance", "digits"), [(1e-2, "0.277"), (1e-6, "0.2771395")])
def test_a_constant_without_a_meaning_keeps_the_digits_that_the_tolerance_asks_for(tolerance, digits):
    expr = sympy.Float(0.27713949999) * x
    assert str(shorten(expr, limits(expr, tolerance=tolerance)).expr) == f"{digits}*x"


@pytest.mark.parametrize("constant", ["6.022141e+23", "98765432198.7", "-1.989e+30"])
def test_a_large_constant_is_not_taken_for_a_whole_number(constant):
    expr = sympy.Float(constant) * x
    assert str(shorten(expr, limits(expr, tolerance=1e-12)).expr) == f"{constant}*x"


def test_a_constant_may_be_too_large_for_its_square():
    expr = sympy.Float("3.12345678e+174") * sympy.exp(-x - 400)
    short = shorten(expr, limits(expr, tolerance=1e-3)).expr
    assert limits(expr).price(limits(expr).values_of(short)) < 1e-3


def test_a_whole_number_is_no_multiple_of_pi():
    expr = x**2 + sympy.Float(0.01) * sympy.sin(sympy.Float(3.0002) * x)
    assert shorten(expr, limits(expr, tolerance=1e-2)).expr == x**2 + sympy.sin(3 * x) / 100


@pytest.mark.parametrize(
    ("trained", "meant"),
    [
        (1.00492 * sympy.sqrt(x**2 + y**2 + 1) - 0.006771, sympy.sqrt(x**2 + y**2 + 1)),
        (1.00507946 * sympy.log(x + 0.98731767 * y**2 + 2.01) - 0.0043, sympy.log(x + y**2 + 2)),
        (0.50504 * y * (x + 2.00349984) ** 0.99061, y * (x + 2) / 2),
    ],
)
def test_constants_that_noise_has_moved_together_become_simple_together(trained, meant):
    """Each of the constants alone is too far from the simple number."""
    assert shorten(trained, limits(trained, tolerance=1e-2)).expr == meant
    assert limits(trained).price(limits(trained).values_of(meant)) < 1e-2
    assert shorten(trained, limits(trained, tolerance=1e-6)).expr != meant


@pytest.mark.parametrize("tolerance", [1e-3, 1e-2])
def test_constants_that_nothing_simple_is_near_stay(tolerance):
    expr = 0.23336 * x + 1.23486 + 0.51226 * sympy.exp(-0.8122 * y)
    assert str(shorten(expr, limits(expr, tolerance)).expr) == "0.2334*x + 1.235 + 0.5123*exp(-0.8122*y)"
