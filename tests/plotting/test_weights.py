"""The picture of a perceptron."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from kan.common.errors import ArgumentError
from kan.plotting.weights import NEGATIVE, POSITIVE, draw_weights


def parts(figure):
    *lines, dots = figure.axes[0].collections
    return lines, dots


def draw(weights, **options):
    return draw_weights(weights, show_in_pyplot=False, **options)


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in ((4, 3), (2, 4))]


def test_there_is_a_dot_for_every_node_and_a_line_for_every_weight(weights):
    lines, dots = parts(draw(weights))
    assert [len(layer.get_paths()) for layer in lines] == [12, 8]
    assert len(dots.get_offsets()) == 3 + 4 + 2


def test_signs_have_colours_and_sizes_are_opaque_and_wide():
    ((layer,), _) = parts(draw([np.array([[0.1, -0.4, 0.2]])], beta=2.0))
    opacity = np.tanh([0.2, 0.4, 0.8])
    np.testing.assert_allclose(layer.get_colors()[:, 3], opacity)
    np.testing.assert_allclose(layer.get_colors()[:, :3], [POSITIVE, POSITIVE, NEGATIVE])
    assert np.all(np.diff(layer.get_linewidths()) > 0)


def test_lines_end_in_the_nodes_that_they_connect():
    weights = [np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])]
    ((layer,), dots) = parts(draw(weights))
    (line,) = layer.get_paths()
    centres = dots.get_offsets()
    np.testing.assert_allclose(line.vertices, [centres[1], centres[2]])


def test_idle_nodes_are_pale():
    _, dots = parts(draw([np.array([[5.0, 0.0]])]))
    used, idle, output = dots.get_facecolors()[:, 0]
    assert used < 0.01
    assert output < 0.01
    assert idle > 0.8


def test_weights_that_are_no_numbers_are_left_out():
    ((layer,), _) = parts(draw([np.array([[np.nan, 1.0]])]))
    assert len(layer.get_paths()) == 1


def test_the_figure_grows_with_the_network_and_the_scale(weights):
    width, height = draw(weights).get_size_inches()
    assert draw([*weights, np.ones((1, 2))]).get_size_inches()[1] > height
    np.testing.assert_allclose(draw(weights, scale=2.0).get_size_inches(), [2 * width, 2 * height])
    assert draw([np.ones((60, 3))]).get_size_inches()[0] > width


def test_pyplot_knows_the_figure_on_request(weights):
    assert draw_weights(weights) is plt.gcf()
    assert draw(weights) is not plt.gcf()


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_sizes_that_make_no_figure_are_refused(weights, scale):
    with pytest.raises(ArgumentError, match="`scale` must be a positive number"):
        draw(weights, scale=scale)


def test_a_wide_network_is_drawn_in_a_moment(weights):
    figure = draw([np.random.default_rng(0).normal(size=(64, 784))])
    figure.canvas.draw()
    assert figure.get_size_inches()[0] < 20
