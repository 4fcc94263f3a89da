"""Powers by name."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import pytest
import sympy
import torch

from kan import KAN, add_symbolic
from kan.common.errors import ArgumentError
from kan.symbolic import SYMBOLIC_LIB, fit_affine, lookup
from kan.symbolic.powers import exponent_of, power_name

X = sympy.Symbol("x")


@pytest.mark.parametrize(
    "exponent", [6, -7, 40, Fraction(1, 3), Fraction(-5, 2), Fraction(7, 9), 3.141592653589793, 1e-5]
)
def test_a_name_says_the_exponent(exponent: Any) -> None:
    found = exponent_of(power_name(exponent))
    assert type(found) is type(exponent) or found == Fraction(str(exponent))
    assert float(found or 0) == float(exponent)


@pytest.mark.parametrize("exponent", [Fraction(0.3), Fraction(-1, 10**10), Fraction(10**9 + 1, 10**9)])
def test_a_fraction_of_many_digits_has_a_name_too(exponent: Fraction) -> None:
    assert float(exponent_of(power_name(exponent)) or 0) == float(exponent)


@pytest.mark.parametrize(
    "name",
    [
        "x^",
        "x^0",
        "1/x^0",
        "x^(1/0)",
        "x^(0/2)",
        "x^-2",
        "2/x^3",
        "y^2",
        "x^6 ",
        "x^1e999",
        "x^" + "9" * 400,
        "x^٣",
        "x^^2",
    ],
)
def test_what_is_no_power_is_refused(name: str) -> None:
    assert exponent_of(name) is None
    with pytest.raises(ArgumentError, match="no symbolic function"):
        lookup(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x^6", X**6),
        ("1/x^7", X**-7),
        ("x^(1/3)", sympy.cbrt(X)),
        ("1/x^(2/3)", X ** sympy.Rational(-2, 3)),
        ("x^2.5", X ** sympy.Rational(5, 2)),
        ("x^3.141592653589793", X ** sympy.Float(3.141592653589793)),
    ],
)
def test_torch_sympy_and_guarded_side_are_one_function(name: str, expected: Any) -> None:
    entry = lookup(name)
    assert entry.sympy_fun(X) == expected
    points = torch.tensor([0.6, 1.7], dtype=torch.float64)
    values = [float(expected.subs(X, point)) for point in points.tolist()]
    assert entry.torch_fun(points).tolist() == pytest.approx(values, rel=1e-14)
    assert entry.guarded_fun(points, 1e6)[1].tolist() == pytest.approx(values, rel=1e-14)


def test_a_function_of_the_table_comes_before_the_power_that_its_name_says() -> None:
    add_symbolic("x^6", torch.sin)
    try:
        assert lookup("x^6").torch_fun is torch.sin
    finally:
        del SYMBOLIC_LIB["x^6"]


def test_powers_by_name_do_not_grow_the_table() -> None:
    lookup("x^6")
    assert "x^6" not in SYMBOLIC_LIB


def test_powers_by_name_can_be_pickled() -> None:
    entry = pickle.loads(pickle.dumps(lookup("1/x^6")))
    assert entry.guarded_fun(torch.tensor([2.0]), 10.0)[1].item() == 2**-6


def test_a_power_by_name_is_fitted_like_those_of_the_table() -> None:
    x = torch.linspace(-1, 1, 200, dtype=torch.float64)
    fit = fit_affine(x, 0.3 * (x + 0.5) ** 7 - 1, ["x^7"])
    assert float(fit.r2[0]) == pytest.approx(1, abs=1e-9)


def test_an_edge_with_a_power_by_name_survives_a_checkpoint() -> None:
    model = KAN(width=[1, 1], auto_save=False)
    model.fix_symbolic(0, 0, 0, "x^(1/3)", fit_params_bool=False)
    model.saveckpt("mark")
    x = torch.rand(5, 1)
    assert torch.equal(KAN.loadckpt("mark")(x), model(x))
    assert model.symbolic_formula()[0][0] == sympy.cbrt(sympy.Symbol("x_1"))
