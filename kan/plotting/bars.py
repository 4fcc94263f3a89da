"""Bars of scores, for the attribution of features and nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kan.common.errors import ArgumentError
from kan.plotting.canvas import new_chart
from kan.plotting.labels import label_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Names longer than this, where there are several, are turned.
UPRIGHT_LETTERS = 40
# Without names, no more numbers than this stand under the bars.
MOST_NUMBERS = 25
COLOUR, WIDTH = (0.10, 0.33, 0.80), 0.7
# In inches. A letter is that of matplotlib's ordinary labels.
BAR, NARROWEST, WIDEST, HEIGHT, LETTER = 0.45, 3.0, 16.0, 2.6, 0.09


def plot_scores(scores: Any, names: Sequence[Any] | None = None) -> Figure:
    """Draw one bar for every score.

    Parameters
    ----------
    scores : array of shape (I,)
        The scores.
    names : sequence of str or sympy.Expr, optional
        What stands under the bars; 1, 2, 3, ... when not given.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot knows.

    Raises
    ------
    ArgumentError
        If `scores` is not 1-D, or there is not one name for every score.
    """
    heights = np.asarray(scores, dtype=float)
    if heights.ndim != 1:
        raise ArgumentError(f"`scores` must be 1-D; got shape {heights.shape}.")
    if names is not None and len(names) != len(heights):
        raise ArgumentError(f"`names` must hold {len(heights)} names, one for each score; got {len(names)}.")
    count = len(heights)
    every = 1 if names is not None else _round_step(count / MOST_NUMBERS)
    ticks = np.arange(every - 1, count, every)
    texts = [str(i + 1) for i in ticks] if names is None else [label_text(name) for name in names]
    turned = sum(len(text) for text in texts) > max(UPRIGHT_LETTERS, 4 * count)
    below = LETTER * max(map(len, texts)) if turned else 0.0

    size = (min(max(NARROWEST, BAR * count), WIDEST), HEIGHT + below)
    figure = new_chart(size)
    axes = figure.add_subplot()
    axes.bar(np.arange(count), heights, width=WIDTH, color=COLOUR)
    room = max(count, NARROWEST / BAR / 2) / 2  # a few bars do not fill the picture
    axes.set_xlim((count - 1) / 2 - room, (count - 1) / 2 + room)
    axes.set_xticks(ticks, labels=texts, rotation=90 if turned else 0)
    axes.set_ylabel("score")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _round_step(least: float) -> int:
    """Return the first of 1, 2, 5, 10, 20, 50, ... that is at least so large."""
    decade = 1
    while 5 * decade < least:
        decade *= 10
    return next(factor * decade for factor in (1, 2, 5) if factor * decade >= least)
