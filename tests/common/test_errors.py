"""Errors are KANErrors, and the builtin kinds that scripts already catch."""

from __future__ import annotations

import pytest

from kan.common.errors import ArgumentError, CheckpointError, FormulaError, KANError, StateError, check_choice


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
