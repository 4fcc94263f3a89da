"""Sympy expressions on tensors: the values of sympy's own arbitrary-precision evaluation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan.common.errors import ArgumentError
from kan.datasets.evaluate import evaluate

sympy = pytest.importorskip("sympy")
x, y = sympy.symbols("x y")
POINTS = [(0.3, 0.7), (0.9, 0.2), (0.5, 0.5)]

EXPRESSIONS = [
    x + 2 * y - 1,
    x * y / 3,
    x**2 + y**-3,
    (-x) ** 3,
    sympy.sqrt(x) + 1 / sympy.sqrt(y),
    x**y + 2**x + x**1.5,
    sympy.exp(sympy.sin(sympy.pi * x) + y**2),
    sympy.log(x) + sympy.Abs(x - y) + sympy.sign(x - y),
    sympy.cos(x) + sympy.tan(y) + sympy.cot(x) + sympy.sec(x) + sympy.csc(y),
    sympy.asin(x) + sympy.acos(x) + sympy.atan(x) + sympy.atan2(x, y) + sympy.atan2(x, 2),
    sympy.sinh(x) + sympy.cosh(x) + sympy.tanh(x) + sympy.asinh(x) + sympy.acosh(x + 1) + sympy.atanh(x),
    sympy.erf(x) + sympy.floor(3 * x) + sympy.ceiling(3 * y),
    sympy.Max(x, y, sympy.Rational(2, 5)) + sympy.Min(x, 0.4),
    sympy.Piecewise((x, x < 0.4), (y, (y >= 0.4) & (x > 0.4)), (sympy.Integer(2), True)),
    sympy.Piecewise((x, sympy.Not(sympy.Or(x > 0.6, y > 0.6))), (y, x <= 0.9)),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_values_are_sympys(expression: Any) -> None:
    table = torch.tensor(POINTS, dtype=torch.float64)
    value = evaluate(expression=expression, values={x: table[:, [0]], y: table[:, [1]]})
    expected = [[float(expression.subs({x: first, y: second}))] for first, second in POINTS]
    torch.testing.assert_close(value, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_rows_without_a_branch_are_nan() -> None:
    expression = sympy.Piecewise((x, x > 0))
    assert evaluate(expression=expression, values={x: torch.tensor([[-1.0]])}).isnan().all()


@pytest.mark.parametrize("expression", [sympy.I * x, x + sympy.zoo * y])
def test_constants_that_are_not_real(expression: Any) -> None:
    with pytest.raises(ArgumentError, match="must be real and finite"):
        evaluate(expression=expression, values={x: torch.ones(1, 1), y: torch.ones(1, 1)})
