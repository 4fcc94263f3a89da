"""The picture of runs and their frontier."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path

from kan.common.errors import ArgumentError
from kan.plotting.frontier import draw_frontier

X, Y, BEST = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 2.0, 3.0], [0, 2]


def draw(x=X, y=Y, best=BEST, **options):
    return draw_frontier(x, y, best, x_label="edges", y_label="loss", **options).axes[0]


def test_the_frontier_is_a_staircase_through_its_points():
    axes = draw()
    others, front = (points.get_offsets() for points in axes.collections)
    np.testing.assert_array_equal(others, [[2, 6], [4, 3]])
    np.testing.assert_array_equal(front, [[1, 5], [3, 2]])
    stairs = axes.lines[0]
    np.testing.assert_array_equal(stairs.get_xydata(), [[1, 5], [3, 2]])
    assert stairs.get_drawstyle() == "steps-post"


def test_axes_are_named_and_logarithmic_where_values_span_decades():
    axes = draw(x=[1, 2, 3, 4], y=[1e-5, 1, 2, 3])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("edges", "loss")
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    assert draw(y=[0.0, 1.0, 2.0, 100.0]).get_yscale() == "linear"


def test_points_of_the_frontier_bear_their_names():
    assert [text.get_text() for text in draw(names=["0.1", "0.2", "0.3", "0.4"]).texts] == ["0.1", "0.3"]


def test_names_keep_off_the_stairs_and_within_the_picture():
    axes = draw(x=[1, 10, 100, 1000], y=[1.0, 1e-2, 1e-4, 1e-6], best=[0, 1, 2, 3], names=["a long name"] * 4)
    figure = axes.figure
    figure.canvas.draw()
    corners = axes.transData.transform(
        [(1, 1), (10, 1), (10, 1e-2), (100, 1e-2), (100, 1e-4), (1000, 1e-4), (1000, 1e-6)]
    )
    for text in axes.texts:
        box = text.get_window_extent()
        assert not Path(corners).intersects_bbox(box, filled=False)
        assert figure.bbox.containsx(box.x0)
        assert figure.bbox.containsx(box.x1)


def test_a_legend_tells_the_frontier_from_other_runs_where_there_are_any():
    assert draw().get_legend() is not None
    assert draw(best=[0, 1, 2, 3]).get_legend() is None


def test_a_point_that_is_no_number_is_left_out():
    axes = draw(x=[*X, 1.0], y=[*Y, float("nan")])
    assert len(axes.collections[0].get_offsets()) == 2


@pytest.mark.parametrize("count", [0, 1])
def test_few_points_are_drawn_too(count):
    axes = draw(x=X[:count], y=Y[:count], best=BEST[:count])
    axes.figure.canvas.draw()
    assert len(axes.collections[1].get_offsets()) == count


def test_lengths_must_agree():
    with pytest.raises(ArgumentError, match="must be of one length"):
        draw(y=Y[:2])
    with pytest.raises(ArgumentError, match="must be of one length"):
        draw(names=["one"])
