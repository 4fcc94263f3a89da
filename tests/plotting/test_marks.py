from __future__ import annotations

import numpy as np
import pytest

from kan.plotting.marks import MINUS, fit_curve, short_numbers
from kan.plotting.picture import EdgePicture

X = np.linspace(0, 4, 9)


def _fit(x, y):
    return fit_curve(EdgePicture(np.asarray(x), np.asarray(y)), centre=(10.0, 20.0), side=1.0)


def test_a_curve_fills_its_box_up_to_the_margin():
    points = _fit(X, np.exp(X))
    assert points.min(0) == pytest.approx([9.6, 19.6])
    assert points.max(0) == pytest.approx([10.4, 20.4])
    assert points[4, 0] == pytest.approx(10.0)


@pytest.mark.parametrize(
    "y", [np.zeros(9), np.full(9, -3.0), 7 + 1e-6 * np.sin(X).astype(np.float32)], ids=["0", "-3", "rounding"]
)
def test_a_constant_is_a_line_at_half_height(y):
    points = _fit(X, y)
    assert (points[:, 1] == 20.0).all()
    assert np.ptp(points[:, 0]) == pytest.approx(0.8)


def test_a_small_but_real_curve_is_not_flat():
    assert np.ptp(_fit(X, 1e-12 * X)[:, 1]) == pytest.approx(0.8)


def test_a_single_value_of_x_is_a_flat_line():
    points = _fit([2.0, 2.0], [1.0, 1.0])
    assert points == pytest.approx(np.array([[9.6, 20.0], [10.4, 20.0]]))


def test_points_that_are_not_finite_are_left_out():
    points = _fit([0.0, 1.0, 2.0, 3.0], [0.0, np.nan, np.inf, 1.0])
    assert points == pytest.approx(np.array([[9.6, 19.6], [10.4, 20.4]]))
    assert _fit([0.0], [np.nan]).shape == (0, 2)
    assert _fit(np.empty(0), np.empty(0)).shape == (0, 2)


def test_the_largest_floats_do_not_overflow():
    assert np.isfinite(_fit(X, 1.7e308 * np.linspace(-1, 1, 9))).all()


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (-1.0, 1.0, ("-1", "1")),
        (-0.953, 0.871, ("-1", "0.9")),
        (-0.0999, 0.0512, ("-0.1", "0.05")),
        (-1.3, -3.7e-5, ("-1.3", "0")),
        (0.0, 0.0, ("0", "0")),
        (0.5, 0.5, ("0.5", "0.5")),
        (1.2e-9, 3.4e-7, ("0", "3e-7")),
        (-123456.0, 2e8, ("0", "2e8")),
        (-1.79e308, 1.7e308, ("-2e308", "2e308")),
        (1e5, 1.2e5, ("1e5", "1.2e5")),
        (-1.2e5, 1.54e6, ("-1e5", "1.5e6")),
        (1000.1, 1000.3, ("1000", "1000")),
        (-1000.1, 0.0, ("-1000", "0")),
    ],
)
def test_ticks_are_short_numbers(low, high, written):
    assert tuple(text.replace(MINUS, "-") for text in short_numbers(low, high)) == written
