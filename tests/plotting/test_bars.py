from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from kan.common.errors import ArgumentError
from kan.plotting.bars import plot_scores
from kan.plotting.notebook import NotebookFigure


def _names(figure):
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


def test_there_is_one_bar_for_every_score():
    figure = plot_scores(torch.tensor([0.5, 2.0, 1.0]))
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.5, 2.0, 1.0]
    assert _names(figure) == ["1", "2", "3"]


def test_names_stand_under_the_bars():
    assert _names(plot_scores([1, 2], ["a", sympy.Symbol("x_1")])) == ["a", "$x_{1}$"]


@pytest.mark.parametrize(
    ("count", "names"), [(17, [f"quantity {i}" for i in range(17)]), (100, None), (1500, None), (26, None)]
)
def test_names_of_many_bars_do_not_overlap(count, names):
    figure = plot_scores(np.arange(float(count)), names)
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 <= right.x0 for left, right in zip(boxes, boxes[1:]))


def test_of_many_bars_every_fifth_is_numbered():
    figure = plot_scores(np.arange(100.0))
    assert _names(figure) == [str(number) for number in range(5, 101, 5)]
    assert figure.axes[0].get_xticks()[0] == 4  # the fifth bar


def test_long_names_leave_the_bars_their_height():
    short, long = plot_scores([1, 2]), plot_scores([1, 2], ["position", "velocity of the particle, measured in flight"])
    for figure in (short, long):
        figure.canvas.draw()
    heights = [figure.axes[0].get_window_extent().height for figure in (short, long)]
    assert heights[1] > 0.9 * heights[0]


def test_a_single_bar_does_not_fill_the_picture():
    figure = plot_scores([0.3])
    figure.canvas.draw()
    (bar,) = figure.axes[0].patches
    assert bar.get_window_extent().width < figure.axes[0].get_window_extent().width / 3


@pytest.mark.parametrize(("scores", "names"), [([[1.0]], None), ([1.0, 2.0], ["a"])])
def test_impossible_arguments_are_refused(scores, names):
    with pytest.raises(ArgumentError):
        plot_scores(scores, names)


def test_a_notebook_shows_it_once():
    assert isinstance(plot_scores([1.0, 2.0]), NotebookFigure)
