"""Rows of functions that hand on what is written into them, and whether two functions are the same."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch

from kan.layers.function_tables import Row, compute_the_same
from kan.symbolic import SYMBOLIC_LIB


def test_what_is_written_into_a_row_is_handed_on() -> None:
    written: list[Any] = []
    row = Row([torch.sin, torch.cos], lambda i, function: written.append((i, function)))
    row[-1] = torch.exp
    assert written == [(1, torch.exp)]
    assert row == (torch.sin, torch.cos)
    with pytest.raises(IndexError):
        row[2] = torch.exp


def test_every_function_of_the_library_is_only_itself() -> None:
    # Two names for one function.
    twins = [{"sqrt", "x^0.5"}, {"1/sqrt(x)", "1/x^0.5"}]
    for name, entry in SYMBOLIC_LIB.items():
        for other in SYMBOLIC_LIB:
            same = name == other or {name, other} in twins
            assert compute_the_same(entry[0], SYMBOLIC_LIB[other][0]) is same, (name, other)
            assert compute_the_same(entry[1], SYMBOLIC_LIB[other][1]) is same, (name, other)


@pytest.mark.parametrize("function", [None, "sin", lambda: 0, sympy.Symbol, lambda x: torch.ones(3)])
def test_what_cannot_be_evaluated_is_nothing_known(function: Any) -> None:
    assert not compute_the_same(function, torch.sin)
