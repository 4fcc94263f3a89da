from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from kan.common.errors import ArgumentError
from kan.plotting.bars import plot_scores


def _names(figure):
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


def test_there_is_one_bar_for_every_score():
    figure = plot_scores(torch.tensor([0.5, 2.0, 1.0]))
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.5, 2.0, 1.0]
    assert _names(figure) == ["1", "2", "3"]


def test_names_stand_under_the_bars():
    assert _names(plot_scores([1, 2], ["a", sympy.Symbol("x_1")])) == ["a", "$x_{1}$"]


def test_names_of_many_bars_do_not_overlap():
    figure = plot_scores(np.arange(17.0), [f"quantity {i}" for i in range(17)])
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 <= right.x0 for left, right in zip(boxes, boxes[1:]))


@pytest.mark.parametrize(("scores", "names"), [([[1.0]], None), ([1.0, 2.0], ["a"])])
def test_impossible_arguments_are_refused(scores, names):
    with pytest.raises(ArgumentError):
        plot_scores(scores, names)
