"""Writing expressions with what the library has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from sympy import Abs, Function, Rational, cos, exp, log, sign, sin, sqrt, symbols, tan

from kan.common.errors import FormulaError
from kan.compiler.vocabulary import Vocabulary
from kan.symbolic import SYMBOLIC_LIB, add_symbolic

X, Y = symbols("x y")


@pytest.fixture
def library() -> Iterator[dict[str, Any]]:
    """Give the table, and put it back as it was."""
    before = dict(SYMBOLIC_LIB)
    yield SYMBOLIC_LIB
    SYMBOLIC_LIB.clear()
    SYMBOLIC_LIB.update(before)


def express(expr: Any) -> Any:
    return Vocabulary().express(sympy.sympify(expr), variables=[X, Y])


@pytest.mark.parametrize(
    ("expr", "name"),
    [
        (sin(X), "sin"),
        (Abs(X), "abs"),
        (sign(X), "sgn"),
        (sympy.acos(X), "arccos"),
        (X**2, "x^2"),
        (1 / X, "1/x"),
        (X**-5, "1/x^5"),
        (sqrt(X), "sqrt"),
        (1 / sqrt(X), "1/sqrt(x)"),
        (X ** Rational(3, 2), "x^1.5"),
        (X**2.0, "x^2"),
        (X**0.5, "sqrt"),
        (X**7, "x^7"),
        (X ** Rational(-1, 3), "1/x^(1/3)"),
        (X**0.3, "x^0.3"),
    ],
)
def test_operations_have_the_names_of_the_library(expr: Any, name: str) -> None:
    assert Vocabulary().function_of(expr) == (name, X)


def test_functions_that_were_added_are_known_by_their_names(library: dict[str, Any]) -> None:
    add_symbolic("J0", torch.special.bessel_j0)
    library["hypot1"] = (lambda x: torch.sqrt(1 + x**2), Function("hypot1"), 3, None)
    for name in ("J0", "hypot1"):
        expr = Function(name)(2 * X)
        assert Vocabulary().function_of(express(expr)) == (name, 2 * X)


def test_a_function_without_a_sympy_side_is_left_out(library: dict[str, Any]) -> None:
    library["odd"] = (torch.sin, None, 1, None)
    with pytest.raises(FormulaError, match="no 'odd'"):
        express(Function("odd")(X))


def test_what_the_library_has_stays_as_it_is() -> None:
    expr = 3 * sin(X * Y + 1) ** 2 / sqrt(X + Y) - log(exp(X) + 1)
    assert express(expr) == expr


@pytest.mark.parametrize(
    "name",
    ["sinh", "cosh", "coth", "sech", "csch", "sec", "csc", "cot", "asec", "acsc", "acot", "asinh", "acosh"],
)
def test_other_functions_are_written_with_those_of_the_library(name: str) -> None:
    function = getattr(sympy, name)
    written = express(function(X))
    assert not written.has(function)
    points = [Rational(5, 4), Rational(7, 2), Rational(3) if name == "acosh" else -Rational(9, 4)]
    for point in points:
        assert float((written - function(X)).subs(X, point).evalf(30)) == pytest.approx(0, abs=1e-25)


def test_the_inverse_hyperbolic_sine_keeps_its_digits_for_negative_numbers() -> None:
    value = sympy.lambdify(X, express(sympy.asinh(X)), "numpy")(-1e6)
    assert value == pytest.approx(np.arcsinh(-1e6), rel=1e-15)


@pytest.mark.parametrize(("name", "expected"), [("Max", 3), ("Min", -2)])
def test_maximum_and_minimum_of_several_terms(name: str, expected: int) -> None:
    written = express(getattr(sympy, name)(X, Y, X + Y))
    assert written.subs({X: 3, Y: -2}) == expected


def test_variables_are_real() -> None:
    assert express(Abs(exp(X))) == exp(X)
    assert express(sympy.re(X) + sympy.im(Y) + sympy.conjugate(Y)) == X + Y
    assert express(Abs(X**Y)) == exp(Y * log(X))


def test_a_variable_exponent_becomes_an_exponential() -> None:
    assert express(X**Y) == exp(Y * log(X))
    assert express(2**X) == exp(X * log(2))


def test_derivatives_and_products_that_were_not_carried_out_are() -> None:
    assert express(sympy.Derivative(sin(X) * Y, X)) == Y * cos(X)
    assert express(sympy.Mul(X, X, Y, evaluate=False)) == X**2 * Y


@pytest.mark.parametrize(
    ("expr", "named"),
    [
        (1 + Y * sympy.gamma(X + 1), "gamma(x + 1)"),
        (sin(sympy.besselj(0, X)), "besselj(0, x)"),
        (Function("g")(X, Y), "g(x, y)"),
        (exp(sympy.Piecewise((X, X > 0), (0, True))), "Piecewise((x, x > 0), (0, True))"),
        (tan((-2) ** X), "(-2)**x"),
        (0**X, "0**x"),
        (X + sympy.I * Y, "I"),
        (X * sympy.oo, "oo"),
        (X**sympy.I, "x**I"),
        (X + symbols("w"), "w"),
    ],
)
def test_the_sub_expression_that_cannot_be_expressed_is_named(expr: Any, named: str) -> None:
    with pytest.raises(FormulaError) as caught:
        express(expr)
    assert str(caught.value).startswith(f"`{named}` cannot be expressed: ")


def test_the_remedy_for_an_unknown_function_is_named() -> None:
    with pytest.raises(FormulaError, match=r"add_symbolic\('gamma', function\)"):
        express(sympy.gamma(X))
