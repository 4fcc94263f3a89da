from __future__ import annotations

import numpy as np
import pytest
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


@pytest.mark.parametrize("count", [100, 1500, 26])
def test_numbers_of_many_bars_do_not_overlap(count):
    figure = plot_scores(np.arange(float(count)))
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 <= right.x0 for left, right in zip(boxes, boxes[1:]))


def test_of_many_bars_every_fifth_is_numbered():
    figure = plot_scores(np.arange(100.0))
    assert _names(figure) == [str(number) for number in range(5, 101, 5)]
    assert figure.axes[0].get_xticks()[0] == 4  # the fifth bar


def test_a_single_bar_does_not_fill_the_picture():
    figure = plot_scores([0.3])
    figure.canvas.draw()
    (bar,) = figure.axes[0].patches
    assert bar.get_window_extent().width < figure.axes[0].get_window_extent().width / 3


def test_a_table_of_scores_is_refused():
    with pytest.raises(ArgumentError):
        plot_scores([[1.0]])


def test_a_notebook_shows_it_once():
    assert isinstance(plot_scores([1.0, 2.0]), NotebookFigure)
