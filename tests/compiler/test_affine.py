"""Affine maps around expressions, and numbers."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from sympy import Rational, cos, exp, pi, sin, sqrt, symbols

from kan.common.errors import ArgumentError, FormulaError
from kan.compiler.affine import as_float, next_nontrivial_operation, normalised, shown

X, Y = symbols("x y")


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (X, (X, 1, 0)),
        (3 * X, (X, 3, 0)),
        (X - 2, (X, 1, -2)),
        (sqrt(2) * pi * sin(X) + pi, (sin(X), sqrt(2) * pi, pi)),
        (X + Y, (X + Y, 1, 0)),
        (X * Y / 3, (X * Y, Rational(1, 3), 0)),
        (2 * X + 2 * Y + 1, (2 * X + 2 * Y, 1, 1)),
        (exp(X + 1), (exp(X + 1), 1, 0)),
        (sympy.Mul(2, X + 1, evaluate=False), (X, 2, 2)),
        (pi * (X + Y + 1), (X + Y, pi, pi)),
        (pi, (pi, 1, 0)),
        (7, (7, 1, 0)),
    ],
)
def test_scale_and_bias_are_taken_off(expr: Any, expected: tuple[Any, Any, Any]) -> None:
    assert next_nontrivial_operation(expr) == expected


def test_an_affine_map_around_the_expression_is_composed_with_its_own() -> None:
    core, scale, bias = next_nontrivial_operation(2 * sin(X) + 3, scale=5, bias=7)
    assert (core, scale, bias) == (sin(X), 10, 22)


@pytest.mark.parametrize("expr", [X - Y, Y - X, 2 * X - 2 * Y, 3 * Y - 3 * X + 1, (X - Y) / 2, pi * (Y - X)])
def test_sums_that_differ_by_an_affine_map_have_one_core(expr: Any) -> None:
    core, scale, bias = normalised(expr)
    assert core == normalised(X - Y)[0]
    assert sympy.expand(scale * core + bias - expr) == 0


@pytest.mark.parametrize("given", ["x + 1", None, [X], X > 0, sympy.Matrix([X]), True])
def test_what_is_no_expression_is_refused(given: Any) -> None:
    with pytest.raises(ArgumentError, match="`expr` must be a sympy expression or a number"):
        next_nontrivial_operation(given)


@pytest.mark.parametrize("number", [sympy.I, sympy.oo, sympy.zoo, sympy.nan, sympy.Integer(10) ** 400, 1 + 2 * sympy.I])
def test_what_is_no_real_finite_number_is_refused(number: Any) -> None:
    with pytest.raises(FormulaError, match=r"`cos\(x\)` cannot be expressed: .* real, finite numbers"):
        as_float(number, within=cos(X))


def test_numbers_have_all_digits() -> None:
    assert as_float(sqrt(2) * pi / 3, within=X) == pytest.approx(1.4809609793861218, rel=2e-16)


def test_long_expressions_are_shortened_in_messages() -> None:
    assert shown(sin(X)) == "sin(x)"
    assert len(shown(sympy.Integer(10) ** 400)) < 210
