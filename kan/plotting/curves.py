"""The picture of one edge's function, for ``get_fun``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kan.common.errors import ArgumentError
from kan.plotting.canvas import new_chart

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_function(x: np.ndarray, y: np.ndarray) -> Figure:
    """Draw the points (x, y) of a function, joined in the order of x.

    Parameters
    ----------
    x, y : numpy.ndarray
        Points, both of shape (N,), in any order.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot knows.

    Raises
    ------
    ArgumentError
        If `x` and `y` are not 1-D and of one length.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 1 or x.shape != y.shape:
        raise ArgumentError(f"`x` and `y` must be 1-D and of one length; got shapes {x.shape} and {y.shape}.")
    order = np.argsort(x, kind="stable")
    figure = new_chart((3, 3))
    figure.add_subplot().plot(x[order], y[order], marker="o")
    return figure
