"""The frontier, against trying all pairs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kan.common.errors import ArgumentError
from kan.recipes import pareto_frontier, plot_pareto_frontier

NUMBERS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


def is_beaten(x: np.ndarray, y: np.ndarray, point: int) -> bool:
    """Whether another point is at most as large in both and smaller in one, or equal and first."""
    at_most = (x <= x[point]) & (y <= y[point])
    smaller = (x < x[point]) | (y < y[point])
    return bool((at_most & (smaller | (np.arange(len(x)) < point))).any())


@given(NUMBERS)
def test_the_points_are_those_that_no_other_beats(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    found_x, found_y, ids = pareto_frontier(x, y)
    assert ids.tolist() == [point for point in range(len(x)) if not is_beaten(x, y, point)]
    assert np.array_equal(found_x, x[ids])
    assert np.array_equal(found_y, y[ids])


def test_of_equal_points_the_first_stays() -> None:
    assert pareto_frontier([2, 2, 2], [3, 3, 3])[2].tolist() == [0]


def test_points_that_are_no_numbers_are_left_out() -> None:
    nan = float("nan")
    assert pareto_frontier([nan, 1, 0], [0, 2, nan])[2].tolist() == [1]
    assert pareto_frontier([1, 2], [float("inf"), 3])[2].tolist() == [0, 1]


def test_lengths_must_agree() -> None:
    with pytest.raises(ArgumentError, match=r"of one length; got shapes \(2,\) and \(1,\)"):
        pareto_frontier([1, 2], [1])


def test_the_picture_shows_the_frontier() -> None:
    axes = plot_pareto_frontier([1, 2, 3], [3, 4, 1], x_label="edges", names=["a", "b", "c"]).axes[0]
    assert np.array_equal(axes.collections[1].get_offsets(), [[1, 3], [3, 1]])
    assert [text.get_text() for text in axes.texts] == ["a", "c"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("edges", "test loss")
    plt.close("all")
