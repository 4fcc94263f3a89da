"""Affine maps around expressions, and numbers."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from sympy import Rational, exp, pi, sin, sqrt, symbols

from kan.common.errors import ArgumentError
from kan.compiler.affine import next_nontrivial_operation, normalised

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
        (2 * pi, (2 * pi, 1, 0)),
        (1 + sqrt(2), (1 + sqrt(2), 1, 0)),
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
