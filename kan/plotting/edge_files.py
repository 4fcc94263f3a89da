"""One small picture a file for every edge, as pykan leaves them in the folder given to ``plot``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kan.plotting.marks import RGB, fit_curve
from kan.plotting.picture import DiagramPicture, EdgePicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = 2.0
DPI = 150


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
    from matplotlib.figure import Figure

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # One figure for all: making a figure costs more than drawing a curve.
    figure = Figure(figsize=(INCHES, INCHES), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    files = []
    for depth, layer in enumerate(picture.layers):
        for i in range(layer.n_in):
            for j in range(layer.n_sub):
                _draw_edge(axes, layer.edge(i, j))
                file = folder / f"sp_{depth}_{i}_{j}.png"
                figure.savefig(file, dpi=DPI, facecolor="white", bbox_inches=None)
                files.append(file)
    return files


def _draw_edge(axes: Axes, edge: EdgePicture) -> None:
    """Draw one edge's box and curve, opaque: the diagram alone shows scores."""
    axes.clear()
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    if not edge.drawn:
        return
    side, rgb = 0.94, RGB[edge.kind]
    corners = 0.5 + side / 2 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
    axes.plot(corners[:, 0], corners[:, 1], color=rgb, linewidth=1.5, solid_joinstyle="miter", linestyle="-", marker="")
    curve = fit_curve(edge, centre=(0.5, 0.5), side=side)
    axes.plot(curve[:, 0], curve[:, 1], color=rgb, linewidth=5, solid_capstyle="round", linestyle="-", marker="")
