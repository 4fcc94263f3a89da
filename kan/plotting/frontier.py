"""Runs as points, and the frontier of those that no other run beats: error against complexity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kan.common.errors import ArgumentError
from kan.plotting.canvas import new_chart
from kan.plotting.labels import label_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRONT, OTHERS = (0.10, 0.33, 0.80), "0.68"
# An axis whose values span more than this is logarithmic.
DECADES = 10.0
# Left of this share of the width a name does not fit beside its point.
LEFT_END = 0.3


def draw_frontier(
    x: Any, y: Any, best: Sequence[int], *, x_label: str, y_label: str, names: Sequence[Any] | None = None
) -> Figure:
    """Draw points and, through some of them, the frontier as a staircase.

    Parameters
    ----------
    x, y : array (N,)
        What is to be small.
    best : sequence of int
        The points of the frontier.
    x_label, y_label : str
        What stands at the axes.
    names : sequence (N,), optional
        What is written at the points of the frontier.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot knows.

    Raises
    ------
    ArgumentError
        If `x`, `y` and `names` are not of one length.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or (names is not None and len(names) != len(x)):
        raise ArgumentError(f"`x`, `y` and `names` must be of one length; got shapes {x.shape} and {y.shape}.")
    figure = new_chart((4.6, 3.4))
    axes = figure.add_subplot()
    _scale(axes, x, y)
    order = np.asarray(best, dtype=int)[np.argsort(x[best], kind="stable")]
    others = np.setdiff1d(np.flatnonzero(np.isfinite(x) & np.isfinite(y)), order)
    axes.scatter(x[others], y[others], s=22, color=OTHERS, linewidths=0, zorder=2, label="runs")
    axes.step(x[order], y[order], where="post", color=FRONT, linewidth=1.4, zorder=3)
    if len(order) and len(others):  # on to where the other runs end
        ends = (x[order[0]], max(y[others].max(), y[order[0]])), (max(x[others].max(), x[order[-1]]), y[order[-1]])
        for end, point in zip(ends, (order[0], order[-1])):
            axes.plot(*zip(end, (x[point], y[point])), color=FRONT, linewidth=1.4, alpha=0.3, zorder=1)
    axes.scatter(
        x[order], y[order], s=34, color=[FRONT], edgecolors="white", linewidths=0.8, zorder=4, label="frontier"
    )
    if names is not None:
        _name(axes, x[order], y[order], [label_text(names[point]) for point in order])
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    if len(others):
        axes.legend(frameon=False, loc="best", handletextpad=0.2)
    return figure


def _name(axes: Axes, x: np.ndarray, y: np.ndarray, texts: Sequence[str]) -> None:
    """Write names to the lower left of the points, where no run is; above them at the left end, for want of room."""
    axes.margins(0.08)
    across = axes.transAxes.inverted().transform(axes.transData.transform(np.column_stack([x, y])))[:, 0]
    for text, place, at_left in zip(texts, zip(x, y), across < LEFT_END):
        axes.annotate(
            text,
            place,
            xytext=(3, 3) if at_left else (-4, -3),
            textcoords="offset points",
            ha="left" if at_left else "right",
            va="bottom" if at_left else "top",
            fontsize=8,
        )


def _scale(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Make the axes logarithmic where values are positive and span decades."""
    for values, setter in ((x, axes.set_xscale), (y, axes.set_yscale)):
        finite = values[np.isfinite(values)]
        if len(finite) and finite.min() > 0 and finite.max() > DECADES * finite.min():
            setter("log")
