"""Bars of scores, for the attribution of features and nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kan.common.errors import ArgumentError
from kan.plotting.labels import label_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Names longer than this, where there are several, are turned.
UPRIGHT_LETTERS = 40


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
    import matplotlib.pyplot as plt

    heights = np.asarray(scores, dtype=float)
    if heights.ndim != 1:
        raise ArgumentError(f"`scores` must be 1-D; got shape {heights.shape}.")
    if names is not None and len(names) != len(heights):
        raise ArgumentError(f"`names` must hold {len(heights)} names, one for each score; got {len(names)}.")
    count = len(heights)
    texts = [str(i + 1) for i in range(count)] if names is None else [label_text(name) for name in names]

    figure = plt.figure(figsize=(min(max(3.0, 0.45 * count), 16.0), 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(np.arange(count), heights, width=0.7)
    turned = sum(len(text) for text in texts) > max(UPRIGHT_LETTERS, 4 * count)
    axes.set_xticks(np.arange(count), labels=texts, rotation=90 if turned else 0)
    axes.set_ylabel("score")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
