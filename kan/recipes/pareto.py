"""The Pareto frontier of runs: those that no other run beats in one respect without losing in the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kan.common.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, Any]


def pareto_frontier(x: Any, y: Any) -> tuple[Array, Array, Array]:
    """Return the points that no other point beats, where less is better in both `x` and `y`.

    A point is beaten by one that is at most as large in both and smaller in one. Of equal points the first stays (in
    pykan none does), and points with NaN are left out.

    Parameters
    ----------
    x, y : array (N,)

    Returns
    -------
    x, y : array (P,)
        The points of the frontier.
    ids : array (P,)
        Their indices, in ascending order.

    Raises
    ------
    ArgumentError
        If `x` and `y` are not 1-D and of one length.

    Examples
    --------
    >>> from kan.experiment import pareto_frontier
    >>> x, y, ids = pareto_frontier([1, 2, 2, 3, 4], [5, 3, 4, 3, 1])
    >>> ids.tolist()
    [0, 1, 4]
    """
    import numpy as np

    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 1 or x.shape != y.shape:
        raise ArgumentError(f"`x` and `y` must be 1-D and of one length; got shapes {x.shape} and {y.shape}.")
    ids: list[int] = []
    smallest = np.inf
    # In order of x and then of y, a point is beaten exactly if a point before it has no larger y.
    for point in np.lexsort((y, x)):
        if np.isnan(x[point]) or np.isnan(y[point]) or (ids and y[point] >= smallest):
            continue
        ids.append(int(point))
        smallest = y[point]
    chosen = np.array(sorted(ids), dtype=int)
    return x[chosen], y[chosen], chosen


def plot_pareto_frontier(
    x: Any, y: Any, *, x_label: str = "complexity", y_label: str = "test loss", names: Sequence[Any] | None = None
) -> Figure:
    """Draw runs as points, and their frontier as a staircase.

    Parameters
    ----------
    x, y : array (N,)
        What is to be small, such as ``results["c"]`` and ``results["test_loss"]`` of `runner1`.
    x_label, y_label : str
        What stands at the axes.
    names : sequence (N,), optional
        What is written at the points of the frontier, such as ``results["id"]``.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> from kan.experiment import plot_pareto_frontier
    >>> figure = plot_pareto_frontier([1, 2, 2, 3, 4], [5, 3, 4, 3, 1])
    """
    from kan.plotting.frontier import draw_frontier

    *_, best = pareto_frontier(x, y)
    return draw_frontier(x, y, best.tolist(), x_label=x_label, y_label=y_label, names=names)
