"""The picture of a perceptron: nodes as dots, weights as lines, blue where positive and red where negative.

Follows the look of pykan's; it deviates in that lines are as wide as they are opaque, strong ones lie upon weak ones,
the figure grows with the layers, and the Figure is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from kan.common.errors import ArgumentError
from kan.plotting.canvas import new_canvas
from kan.plotting.marks import add_discs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POSITIVE, NEGATIVE = (0.10, 0.33, 0.80), (0.84, 0.10, 0.14)
# Inches at scale 1.
NARROWEST, WIDEST = 3.0, 16.0
NODE_DISTANCE = 0.34
LAYER_DISTANCE = 1.4
MARGIN = 0.12
LARGEST_DOT = 0.055
# Points at scale 1.
THINNEST, THICKEST = 0.25, 1.8
# Lines that nobody can see, and how dark a node without others is.
INVISIBLE = 0.004
PALE = 0.18


def draw_weights(
    weights: Sequence[np.ndarray], *, beta: float = 3.0, scale: float = 1.0, show_in_pyplot: bool = True
) -> Figure:
    """Draw the diagram of a perceptron.

    Parameters
    ----------
    weights : sequence of numpy.ndarray (O, I)
        What the lines show, layer by layer.
    beta : float
        A line's opacity is ``tanh(beta * |weight|)``.
    scale : float
        Size of the figure.
    show_in_pyplot : bool
        Whether pyplot knows the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with one Axes.

    Raises
    ------
    ArgumentError
        If `scale` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> figure = draw_weights([np.ones((3, 2)), -np.ones((1, 3))], show_in_pyplot=False)
    >>> len(figure.axes)
    1
    """
    if not (np.isfinite(scale) and scale > 0):
        raise ArgumentError(f"`scale` must be a positive number; got {scale!r}.")
    from matplotlib.collections import LineCollection

    counts = [weights[0].shape[1], *(matrix.shape[0] for matrix in weights)]
    width = float(np.clip(NODE_DISTANCE * max(counts), NARROWEST, WIDEST))
    places = [(np.arange(count) + 0.5) * (width / count) for count in counts]
    dot = min(LARGEST_DOT, 0.3 * width / max(counts))
    height = LAYER_DISTANCE * len(weights)

    axes = new_canvas(
        across=(-MARGIN, width + MARGIN),
        up=(-MARGIN - dot, height + MARGIN + dot),
        zoom=scale,
        show_in_pyplot=show_in_pyplot,
    )
    for layer, matrix in enumerate(weights):
        lines, colours, widths = _lines(matrix, places[layer], places[layer + 1], beta=beta)
        lines[:, :, 1] += layer
        lines[:, :, 1] *= LAYER_DISTANCE
        axes.add_collection(
            LineCollection(list(lines), colors=colours, linewidths=widths * scale, capstyle="butt", zorder=1)
        )
    dots = [(x, row * LAYER_DISTANCE) for row, xs in enumerate(places) for x in xs]
    # Dark where something happens.
    faces = [str(1 - (PALE + (1 - PALE) * strength)) for strength in np.concatenate(_strengths(weights, beta=beta))]
    add_discs(axes, dots, radius=dot, face=faces, line_width=0.0, gid="dots")
    return cast("Figure", axes.figure)


def _lines(
    matrix: np.ndarray, starts: np.ndarray, ends: np.ndarray, *, beta: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lines of one layer between the heights 0 and 1, weak ones first: ends, colours and widths."""
    alpha = np.tanh(beta * np.abs(np.nan_to_num(matrix)))
    order = np.argsort(alpha, axis=None, kind="stable")
    j, i = np.unravel_index(order[alpha.ravel()[order] > INVISIBLE], matrix.shape)
    lower = np.stack([starts[i], np.zeros(len(i))], axis=1)
    upper = np.stack([ends[j], np.ones(len(j))], axis=1)
    opacity = alpha[j, i]
    rgb = np.where((matrix[j, i] > 0)[:, None], POSITIVE, NEGATIVE)
    return (
        np.stack([lower, upper], axis=1),
        np.column_stack([rgb, opacity]),
        THINNEST + (THICKEST - THINNEST) * opacity,
    )


def _strengths(weights: Sequence[np.ndarray], *, beta: float) -> list[np.ndarray]:
    """Return the opacity of the strongest line at every node."""
    alphas = [np.tanh(beta * np.abs(np.nan_to_num(matrix))) for matrix in weights]
    below = [alphas[0].max(axis=0), *(alpha.max(axis=1) for alpha in alphas)]
    above = [*(alpha.max(axis=0) for alpha in alphas), below[-1]]
    return [np.maximum(*pair) for pair in zip(below, above)]
