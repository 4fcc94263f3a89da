"""The equations: all of them, by all their names, with the values of the database."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch

from kan import create_dataset
from kan.common.errors import ArgumentError
from kan.datasets.feynman import EQUATIONS, get_feynman_dataset

NUMBERS = range(1, 121)

with (Path(__file__).parent.parent.parent / "data" / "feynman_values.csv").open(encoding="utf-8") as file:
    OF_THE_DATABASE = {int(row["number"]): float(row["value"]) for row in csv.DictReader(file)}


def inner_point(ranges: list[list[float]]) -> torch.Tensor:
    """Return the point at which the values of the database were computed."""
    fractions = [0.2 + 0.6 * (0.618034 * (index + 1) % 1) for index in range(len(ranges))]
    point = [low + (high - low) * fraction for (low, high), fraction in zip(ranges, fractions)]
    return torch.tensor([point], dtype=torch.float64)


def test_there_are_the_120_equations() -> None:
    assert list(EQUATIONS) == list(NUMBERS)


def test_torch_functions_and_expressions_have_the_values_of_the_database() -> None:
    off = []
    for number, expected in OF_THE_DATABASE.items():
        symbols, expr, f, ranges = get_feynman_dataset(number)
        point = inner_point(ranges)
        values = f(point).item(), float(sympy.lambdify(symbols, expr, "numpy")(*point[0].numpy()))
        off += [number] if values != pytest.approx((expected, expected), rel=1e-13) else []
    assert off == []


def test_symbols_and_ranges_are_those_of_the_expression() -> None:
    off = []
    for number in NUMBERS:
        symbols, expr, _, ranges = get_feynman_dataset(number)
        matching = isinstance(symbols, tuple) and len(symbols) == len(ranges) and expr.free_symbols == set(symbols)
        off += [] if matching and all(low < high for low, high in ranges) and not expr.atoms(sympy.Float) else [number]
    assert off == []


def test_values_are_finite_on_the_ranges() -> None:
    # `create_dataset` refuses others.
    for number in NUMBERS:
        symbols, _, f, ranges = get_feynman_dataset(number)
        data = create_dataset(f, n_var=len(symbols), ranges=ranges, train_num=500, test_num=10, dtype=torch.float64)
        assert data["train_label"].shape == (500, 1)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("I.6.20a", 1),
        ("I.6.2a", 1),
        ("I.8.14", 4),
        ("I.8.4", 4),
        ("I.18.4", 21),
        ("I.18.12", 22),
        ("II.10.9", 60),
        ("I.10.9", 60),
        ("III.21.20", 100),
        ("Rutherford scattering", 101),
        ("Rutherforld scattering", 101),
        ("Goldstein 3.74 (Kepler)", 110),
        ("Schwarz 13.132 (Klein-Nishina)", 120),
    ],
)
def test_names_and_numbers_find_the_same(name: str, number: int) -> None:
    assert get_feynman_dataset(name)[:2] == get_feynman_dataset(number)[:2]


def test_every_name_is_used_once() -> None:
    names = [name for row in EQUATIONS.values() for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "variables", "formula"),
    [
        ("I.16.6", "u v c", "(u + v)/(1 + u*v/c**2)"),
        ("I.32.5", "q a epsilon c", "a**2*q**2/(6*pi*c**3*epsilon)"),
        ("Goldstein 12.80", "m p omega x alpha y", "(m**2*omega**2*x**2*(alpha*x/y + 1) + p**2)/(2*m)"),
        ("test", "x y", "(x + y)*sin(exp(2*y))"),
    ],
)
def test_formulas_read_as_in_the_books(name: str, variables: str, formula: str) -> None:
    symbols, expr, _, _ = get_feynman_dataset(name)
    assert [str(symbol) for symbol in symbols] == variables.split()
    assert str(expr) == formula


def test_numbers_may_be_of_any_integer_type() -> None:
    assert get_feynman_dataset(np.int64(7))[1] == get_feynman_dataset(7)[1]


@pytest.mark.parametrize("name", [0, 121, -1, 1.5, None, [1]])
def test_other_numbers_are_refused(name: Any) -> None:
    with pytest.raises(ArgumentError, match="numbered from 1 to 120"):
        get_feynman_dataset(name)


def test_an_unknown_name_is_answered_with_close_ones() -> None:
    with pytest.raises(ArgumentError, match=r"no equation 'I\.6\.20c'.* did you mean 'I\.6\.20"):
        get_feynman_dataset("I.6.20c")
    with pytest.raises(ArgumentError, match="no equation 'zzz'"):
        get_feynman_dataset("zzz")
