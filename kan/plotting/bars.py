"""Bars of scores, for the attribution of features and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kan.common.errors import ArgumentError
from kan.plotting.canvas import new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# No more numbers than this stand under the bars.
MOST_NUMBERS = 25
COLOUR, WIDTH = (0.10, 0.33, 0.80), 0.7
# In inches.
BAR, NARROWEST, WIDEST, HEIGHT = 0.45, 3.0, 16.0, 2.6


def plot_scores(scores: Any) -> Figure:
    """Draw one numbered bar for every score.

    Parameters
    ----------
    scores : array of shape (I,)
        The scores.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot knows.

    Raises
    ------
    ArgumentError
        If `scores` is not 1-D.
    """
    heights = np.asarray(scores, dtype=float)
    if heights.ndim != 1:
        raise ArgumentError(f"`scores` must be 1-D; got shape {heights.shape}.")
    count = len(heights)
    every = _round_step(count / MOST_NUMBERS)
    ticks = np.arange(every - 1, count, every)

    figure = new_chart((min(max(NARROWEST, BAR * count), WIDEST), HEIGHT))
    axes = figure.add_subplot()
    axes.bar(np.arange(count), heights, width=WIDTH, color=COLOUR)
    room = max(count, NARROWEST / BAR / 2) / 2  # a few bars do not fill the picture
    axes.set_xlim((count - 1) / 2 - room, (count - 1) / 2 + room)
    axes.set_xticks(ticks, labels=ticks + 1)
    axes.set_ylabel("score")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _round_step(least: float) -> int:
    """Return the first of 1, 2, 5, 10, 20, 50, ... that is at least so large."""
    decade = 1
    while 5 * decade < least:
        decade *= 10
    return next(factor * decade for factor in (1, 2, 5) if factor * decade >= least)
