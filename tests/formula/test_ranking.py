from __future__ import annotations

import numpy as np
import pytest

from kan.common.errors import ArgumentError
from kan.formula.ranking import Preference, free_parameters, r2_bits
from kan.symbolic.library import SYMBOLIC_LIB


def winner(r2, **options):
    names = list(r2)
    complexity = [SYMBOLIC_LIB[name].complexity for name in names]
    return Preference(**options).rank(names, list(r2.values()), complexity)[0].name


def test_losses_are_pykans():
    # pykan 0.2.8: log2(1 + 1e-5 - r2) and 0.8 * complexity + 0.2 * that.
    entry = Preference().rank(["sin"], [0.99], [2])[0]
    assert entry.r2_loss == pytest.approx(np.log2(0.01001))
    assert entry.loss == pytest.approx(0.8 * 2 + 0.2 * np.log2(0.01001))
    assert r2_bits(1.0) == pytest.approx(np.log2(1e-5))


@pytest.mark.parametrize(
    ("r2", "expected"),
    [
        # In pykan '0' wins: its complexity saves 1.6 bits, the fit gains 0.2 * 6.6.
        ({"0": 0.0, "sin": 0.99}, "sin"),
        ({"0": 0.0, "x": 0.6}, "x"),
        ({"0": 0.0, "x": 0.7, "gaussian": 0.98}, "gaussian"),
        ({"x": 0.9, "x^2": 0.9999}, "x^2"),
        ({"x": 0.99, "sin": 0.9999, "arctan": 0.99995}, "sin"),
    ],
)
def test_a_poor_fit_is_never_chosen_because_it_is_short(r2, expected):
    assert winner(r2) == expected


@pytest.mark.parametrize(
    ("r2", "expected"),
    [
        ({"x": 1 - 3e-6, "x^2": 1 - 1e-6, "sin": 1 - 1e-7}, "x"),
        ({"x^2": 1 - 3e-6, "sin": 1 - 1e-6, "gaussian": 1 - 1e-7}, "x^2"),
        ({"exp": 1 - 2e-5, "tanh": 1 - 9e-6, "x^5": 1 - 3e-5}, "exp"),
        ({"sin": 1 - 2e-4, "tanh": 1 - 1e-4, "arctan": 1 - 1e-4}, "sin"),
    ],
)
def test_among_good_fits_the_simple_one_wins(r2, expected):
    assert winner(r2) == expected


def test_equal_fits_go_by_the_order_of_the_library():
    assert winner({"sin": 0.99 - 1e-6, "cos": 0.99}) == "sin"


def test_a_clearly_better_fit_of_the_same_complexity_wins():
    assert winner({"x^2": 1 - 2e-3, "sin": 1 - 3e-4}) == "sin"


def test_without_weight_on_simplicity_the_fit_decides():
    assert winner({"x": 0.99, "arctan": 0.996}, weight_simple=0.0) == "arctan"
    assert winner({"abs": 0.962, "gaussian": 0.980}, weight_simple=0.0) == "gaussian"
    assert winner({"sin": 0.98, "cos": 0.98 + 1e-12}, weight_simple=0.0) == "sin"
    assert winner({"gaussian": 0.98, "x^2": 0.98}, weight_simple=0.0) == "x^2"  # of equal fits the simpler


def test_functions_that_do_not_fit_come_last():
    ranking = Preference().rank(["0", "x", "sin"], [0.0, 0.5, 0.999], [0, 1, 2])
    assert [entry.name for entry in ranking] == ["sin", "0", "x"]
    assert [entry.adequate for entry in ranking] == [True, False, False]


def test_with_all_weight_on_simplicity_a_poor_fit_does_not_win():
    assert winner({"sin": 0.2, "cos": 0.9999}, weight_simple=1.0) == "cos"


def test_losses_can_be_replaced():
    assert winner({"x": 0.995, "sin": 0.999}, c_loss_fun=lambda c: -c) == "sin"
    assert winner({"x": 0.995, "sin": 0.999}, r2_loss_fun=lambda r2: 0 * r2) == "x"


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_the_weight_is_checked(weight):
    with pytest.raises(ArgumentError, match="weight_simple"):
        Preference(weight_simple=weight)


def test_free_parameters_count_what_changes_the_curve():
    assert [free_parameters(name) for name in ("0", "x", "x^2", "exp", "sin")] == [1, 2, 3, 3, 4]
