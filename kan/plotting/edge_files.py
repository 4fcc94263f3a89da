"""One small picture a file for every edge, as pykan leaves them in the folder given to ``plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kan.plotting.marks import RGB, fit_curve
from kan.plotting.picture import DiagramPicture, EdgePicture

INCHES = 2.0
DPI = 150
SIDE = 0.94  # of the picture's, for the box


def save_edges(picture: DiagramPicture, folder: str | Path) -> list[Path]:
    """Write ``sp_{l}_{i}_{j}.png`` for every edge into `folder`, which is made if it is not there.

    Parameters
    ----------
    picture : DiagramPicture
        The network whose edges to draw. A removed edge gives an empty picture.
    folder : str or Path
        Where to write.

    Returns
    -------
    list of Path
        The files, by layer, input and sub-node.
    """
    pen = _Pen()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for depth, layer in enumerate(picture.layers):
        for i in range(layer.n_in):
            for j in range(layer.n_sub):
                files.append(folder / f"sp_{depth}_{i}_{j}.png")
                pen.write(layer.edge(i, j), files[-1])
    return files


class _Pen:
    """Draws edges, one after the other, with one set of artists: making them costs more than drawing them."""

    def __init__(self) -> None:
        """Make a figure, unknown to pyplot, with a box and a curve."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D

        figure = Figure(figsize=(INCHES, INCHES), dpi=DPI, facecolor="white")
        self._canvas = FigureCanvasAgg(figure)
        corners = 0.5 + SIDE / 2 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
        style: dict[str, Any] = {"linestyle": "-", "marker": "", "transform": figure.transFigure}
        self._box = Line2D(corners[:, 0], corners[:, 1], linewidth=1.5, solid_joinstyle="miter", **style)
        self._curve = Line2D([], [], linewidth=5, solid_joinstyle="round", solid_capstyle="round", **style)
        figure.add_artist(self._box)
        figure.add_artist(self._curve)

    def write(self, edge: EdgePicture, file: Path) -> None:
        """Write one edge's box and curve, opaque: the diagram alone shows scores."""
        for line in (self._box, self._curve):
            line.set_visible(edge.drawn)
            if edge.drawn:
                line.set_color(RGB[edge.kind])
        self._curve.set_data(*fit_curve(edge, centre=(0.5, 0.5), side=SIDE).T)
        self._canvas.print_png(str(file))
