"""The strong Wolfe line search on functions whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kan.training.line_search import StrongWolfeSearch, Trial, cubic_minimiser

C1, C2 = 1e-4, 0.9


class Line:
    """A function of one variable that records where it was evaluated and what was kept."""

    def __init__(self, value: Callable[[float], float], slope: Callable[[float], float]) -> None:
        self.value, self.slope = value, slope
        self.trials: list[Trial] = []
        self.kept: list[Trial] = []

    def __call__(self, step: float) -> Trial:
        loss = self.value(step)
        finite = math.isfinite(loss)
        trial = Trial(step, loss if finite else math.inf, self.slope(step) if finite else math.nan)
        self.trials.append(trial)
        return trial

    def search(self, first_step: float = 1.0, **options: float) -> Trial | None:
        start = Trial(0.0, self.value(0.0), self.slope(0.0))
        return StrongWolfeSearch(self, self.kept.append, start, **options).run(first_step)


def polynomial(coefficients: list[float]) -> Line:
    poly = np.polynomial.Polynomial(coefficients)
    derivative = poly.deriv()
    return Line(lambda t: float(poly(t)), lambda t: float(derivative(t)))


def satisfies_wolfe(line: Line, trial: Trial) -> bool:
    value, slope = line.value(0.0), line.slope(0.0)
    enough = line.value(trial.step) <= value + C1 * trial.step * slope
    return enough and abs(line.slope(trial.step)) <= -C2 * slope


numbers = st.floats(-5.0, 5.0, allow_nan=False).map(lambda number: round(number, 3))


@settings(max_examples=150, deadline=None)
@given(
    constant=numbers,
    slope=st.floats(-10.0, -0.1),
    quadratic=numbers,
    cubic=numbers,
    quartic=st.floats(0.05, 5.0),
    first=st.sampled_from([1e-4, 0.1, 1.0, 30.0]),
)
def test_quartics_give_a_strong_wolfe_step(constant, slope, quadratic, cubic, quartic, first):
    line = polynomial([constant, slope, quadratic, cubic, quartic])
    trial = line.search(first)
    assert trial is not None
    assert satisfies_wolfe(line, trial)
    assert len(line.trials) <= 25


@settings(max_examples=80, deadline=None)
@given(root=st.floats(0.01, 100.0), depth=st.floats(0.1, 10.0), first=st.sampled_from([1e-3, 1.0, 50.0]))
def test_cubics_give_a_strong_wolfe_step(root, depth, first):
    line = polynomial([0.0, -depth * root * root, 0.0, depth / 3.0])  # minimum at `root`
    trial = line.search(first)
    assert trial is not None
    assert satisfies_wolfe(line, trial)
    assert len(line.trials) <= 25


def test_accepted_step_is_the_last_one_evaluated_or_was_kept():
    for first in (1e-6, 0.3, 1.0, 7.0, 1e4):
        line = polynomial([1.0, -1.0, 0.3, -0.7, 0.4])
        trial = line.search(first)
        assert trial is line.trials[-1] or trial is line.kept[-1]


def test_parabola_is_minimised_in_two_evaluations():
    line = polynomial([9.0, -6.0, 1.0])
    trial = line.search(40.0)
    assert trial.step == pytest.approx(3.0)
    assert len(line.trials) == 2


def test_cubic_interpolation_finds_the_minimum_of_a_cubic():
    line = polynomial([2.0, -3.0, -1.0, 1.0])
    minimum = max(np.polynomial.Polynomial([2.0, -3.0, -1.0, 1.0]).deriv().roots())
    assert cubic_minimiser(line(0.0), line(2.0)) == pytest.approx(minimum)
    assert cubic_minimiser(line(2.0), line(0.0)) == pytest.approx(minimum)


def test_cubic_without_minimum_has_no_minimiser():
    assert math.isnan(cubic_minimiser(Trial(0.0, 0.0, -1.0), Trial(1.0, -0.5, -1.0)))


def test_a_barrier_is_never_crossed():
    line = Line(lambda t: -10.0 * t - math.log(1.0 - t) if t < 1.0 else math.nan, lambda t: -10.0 + 1.0 / (1.0 - t))
    trial = line.search(1e4)
    assert trial is not None
    assert trial.step < 1.0
    assert satisfies_wolfe(line, trial)


def test_a_far_barrier_costs_few_evaluations():
    line = Line(lambda t: (t - 1e-9) ** 2 if t < 1e-8 else math.inf, lambda t: 2.0 * (t - 1e-9))
    trial = line.search(1.0)
    assert trial is not None
    assert trial.loss < line.value(0.0)
    assert len(line.trials) <= 12


def test_no_finite_step_returns_none():
    line = Line(lambda t: 0.0 if t == 0.0 else math.nan, lambda t: -1.0)
    assert line.search() is None
    assert len(line.trials) <= 25


def test_a_wrong_slope_sign_returns_none():
    line = Line(lambda t: 1.0 + t, lambda t: -1.0)
    assert line.search() is None
    assert len(line.trials) <= 25


def test_search_stops_early_when_the_decrease_is_below_the_precision_of_the_loss():
    line = Line(lambda t: 1.0 + (1e-12 if t else 0.0), lambda t: -1e-20)
    assert line.search() is None
    assert len(line.trials) == 1


def test_the_best_decrease_is_accepted_when_evaluations_run_out():
    line = polynomial([0.0, -1.0])  # falls for ever at the same slope
    trial = line.search(1e-3, max_evaluations=5)
    assert len(line.trials) == 5
    assert trial is line.trials[-1]


def test_losses_of_1e_minus_30_are_searched_like_any_other():
    line = polynomial([9e-30, -6e-30, 1e-30])
    trial = line.search(40.0)
    assert trial.step == pytest.approx(3.0)
