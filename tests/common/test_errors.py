"""Errors are KANErrors, and the builtin kinds that scripts already catch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from kan.common.errors import (
    ArgumentError,
    CheckpointError,
    FormulaError,
    KANError,
    StateError,
    check_choice,
    check_number,
    check_range,
    check_seed,
    check_whole,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ArgumentError, ValueError),
        (StateError, RuntimeError),
        (FormulaError, ValueError),
        (CheckpointError, RuntimeError),
    ],
)
def test_errors_are_also_the_builtin_kind(error: type[Exception], kind: type[Exception]) -> None:
    assert issubclass(error, kind)
    assert issubclass(error, KANError)


def test_a_wrong_choice_lists_all_choices_and_what_came() -> None:
    with pytest.raises(ArgumentError, match="`opt` must be one of 'LBFGS', 'Adam'; got 'SGD'"):
        check_choice("opt", "SGD", {"LBFGS": 1, "Adam": 2})


def test_a_right_choice_passes() -> None:
    check_choice("opt", "Adam", iter(["LBFGS", "Adam"]))


@pytest.mark.parametrize("value", [2, 2.0, np.int64(3), torch.tensor(4)])
def test_whole_numbers_of_any_type_are_taken(value: Any) -> None:
    assert check_whole("steps", value, 1) == value
    assert type(check_whole("steps", value, 1)) is int


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", None, math.nan, math.inf, [1]])
def test_what_is_no_whole_number_is_named(value: Any) -> None:
    with pytest.raises(ArgumentError, match="`steps` must be a whole number of at least 1; got"):
        check_whole("steps", value, 1)


@pytest.mark.parametrize(
    "limits", [(1, 0), 3, (1,), (0, math.nan), "ab", None, (-math.inf, 0), (0, 10**400), torch.zeros(2, 2)]
)
def test_ranges_must_be_ordered_finite_pairs(limits: Any) -> None:
    with pytest.raises(ArgumentError, match="a_range"):
        check_range("a_range", limits)


def test_tensors_and_lists_are_ranges_too() -> None:
    assert check_range("a_range", torch.tensor([-1.0, 2.0])) == (-1.0, 2.0)
    assert check_range("a_range", [0, 0]) == (0.0, 0.0)


def test_what_would_be_long_is_named_by_its_type() -> None:
    with pytest.raises(ArgumentError, match=r"`opt` must be one of 'LBFGS'; got a Tensor\.$"):
        check_choice("opt", torch.rand(50, 3), ["LBFGS"])


@pytest.mark.parametrize("value", [3, -1, 2.0, np.int64(3), torch.tensor(3)])
def test_a_seed_is_any_whole_number(value: Any) -> None:
    assert type(check_seed(value)) is int


@pytest.mark.parametrize("value", [None, "a", 0.5, True])
def test_what_is_no_whole_number_is_no_seed(value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"`seed` must be a whole number; got {value!r}"):
        check_seed(value)


def test_numbers_beyond_all_floats_are_named() -> None:
    with pytest.raises(ArgumentError, match="`lamb` must be a finite number of at least 0; got a int"):
        check_number("lamb", 10**400, least=0)
