from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from kan.common.errors import ArgumentError
from kan.plotting.curves import plot_function


def test_the_points_are_joined_in_the_order_of_x():
    figure = plot_function(np.array([2.0, 0.0, 1.0]), np.array([4.0, 0.0, 1.0]))
    (line,) = figure.axes[0].lines
    assert line.get_xdata().tolist() == [0.0, 1.0, 2.0]
    assert line.get_ydata().tolist() == [0.0, 1.0, 4.0]
    assert line.get_marker() == "o"
    assert figure.get_size_inches().tolist() == [3.0, 3.0]


def test_pyplot_knows_the_figure():
    assert plot_function(np.arange(2), np.arange(2)) is plt.gcf()


def test_points_that_do_not_go_together_are_refused():
    with pytest.raises(ArgumentError, match=r"\(3,\) and \(2,\)"):
        plot_function(np.zeros(3), np.zeros(2))
