"""Draws the diagram of a network: nodes, edges with their curves, sum and product symbols, names.

Follows the look of Liu et al., arXiv 2404.19756 and 2408.10205. It deviates from pykan in that everything is drawn
with vectors in one Axes, that the figure grows with the number of edges (see :mod:`kan.plotting.layout`), and that the
Figure is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from kan.common.errors import ArgumentError
from kan.plotting.canvas import new_canvas
from kan.plotting.labels import LabelRow, Ruler, check_names, fit_row, write_row
from kan.plotting.layout import MARGIN, WIDEST, Layout, arrange
from kan.plotting.marks import add_edges, add_nodes, add_samples, add_ticks
from kan.plotting.picture import DiagramPicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME_SIZE = 16.0  # points at scale 0.5
TITLE_SIZE = 17.0
NAME_GAP = 0.10
TITLE_GAP = 0.20
# pykan measures this offset in widths of its figure, which is 5 inches wide at scale 0.5.
OFFSET_UNIT = 5.0


@dataclass(frozen=True)
class _Lettering:
    """The three rows of text of a diagram; each may be missing."""

    inputs: LabelRow | None
    outputs: LabelRow | None
    title: LabelRow | None


def draw_diagram(
    picture: DiagramPicture,
    *,
    scale: float = 0.5,
    tick: bool = False,
    sample: bool = False,
    in_vars: Sequence[Any] | None = None,
    out_vars: Sequence[Any] | None = None,
    title: Any = None,
    varscale: float = 1.0,
    out_vars_offset: float = 0.0,
    show_in_pyplot: bool = True,
) -> Figure:
    """Draw the diagram of a network.

    Parameters
    ----------
    picture : DiagramPicture
        What to draw.
    scale : float
        Size of the whole figure; at 0.5 a network of ten edges a layer is about 5 inches wide.
    tick : bool
        Whether to write the ranges of x and y at each box.
    sample : bool
        Whether to mark the points of each curve.
    in_vars, out_vars : sequence of str or sympy.Expr, optional
        Names written under the inputs and over the outputs, expressions as LaTeX.
    title : str or sympy.Expr, optional
        Written on top.
    varscale : float
        Size of the names, relative to the usual one.
    out_vars_offset : float
        How far to move the output names up, in widths of a [2, 5, 1] network's figure.
    show_in_pyplot : bool
        Whether pyplot knows the figure, so that notebooks show it and ``plt.savefig`` saves it. Frames of a video are
        drawn without.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with one Axes. Pictures of one shape with one set of names give figures of one size.

    Raises
    ------
    ArgumentError
        If `scale` or `varscale` is not positive, or the number of names is not the number of variables.

    Examples
    --------
    >>> import numpy as np
    >>> from kan.plotting.diagram import draw_diagram
    >>> from kan.plotting.picture import DiagramPicture, EdgePicture, LayerPicture
    >>> x = np.linspace(-1, 1, 50)
    >>> layer = LayerPicture({(0, 0): EdgePicture(x, x**2), (1, 0): EdgePicture(x, np.sin(x))}, n_in=2, n_sum=1)
    >>> figure = draw_diagram(DiagramPicture([layer]), in_vars=["$x_1$", "$x_2$"], show_in_pyplot=False)
    >>> len(figure.axes)
    1
    """
    for name, value in (("scale", scale), ("varscale", varscale)):
        if not (np.isfinite(value) and value > 0):
            raise ArgumentError(f"`{name}` must be a positive number; got {value!r}.")
    check_names("in_vars", in_vars, picture.n_in)
    check_names("out_vars", out_vars, picture.n_out)

    layout = arrange(picture, tick=tick)
    lettering = _letter(layout, in_vars=in_vars, out_vars=out_vars, title=title, size=NAME_SIZE * varscale)
    needed = _needed_width(layout, lettering)
    if needed > layout.width:
        layout = arrange(picture, tick=tick, least_width=needed)

    zoom = 2 * scale
    axes = _open_canvas(layout, lettering, out_vars_offset=out_vars_offset, zoom=zoom, show_in_pyplot=show_in_pyplot)
    add_edges(axes, picture, layout, zoom=zoom)
    add_nodes(axes, picture, layout, zoom=zoom)
    if sample:
        add_samples(axes, picture, layout, zoom=zoom)
    if tick:
        add_ticks(axes, picture, layout, zoom=zoom)
    _write(axes, layout, lettering, out_vars_offset=out_vars_offset, zoom=zoom)
    return cast("Figure", axes.figure)


def _letter(
    layout: Layout, *, in_vars: Sequence[Any] | None, out_vars: Sequence[Any] | None, title: Any, size: float
) -> _Lettering:
    """Fit names and title to the layout."""
    if in_vars is None and out_vars is None and title is None:
        return _Lettering(None, None, None)
    ruler = Ruler()
    first, last = layout.layers[0], layout.layers[-1]

    def fit(names: Sequence[Any] | None, nodes: np.ndarray, size: float) -> LabelRow | None:
        if names is None or len(names) == 0:
            return None
        share = _slot_share(nodes, width=layout.width)
        return fit_row(
            names, slot=share * layout.width, size=size, widest=share * max(WIDEST, layout.width), ruler=ruler
        )

    middle = np.array([layout.width / 2])
    return _Lettering(
        inputs=fit(in_vars, first.node_x, size),
        outputs=fit(out_vars, last.out_x, size),
        title=fit(None if title is None else [title], middle, TITLE_SIZE),
    )


def _slot_share(nodes: np.ndarray, *, width: float) -> float:
    """Return the part of the width that a label over the tightest of the nodes may take."""
    ends = np.array([nodes[0], width - nodes[-1]]) * 2
    return float(np.concatenate([np.diff(nodes), ends]).min() / width)


def _needed_width(layout: Layout, lettering: _Lettering) -> float:
    """Return the width of the network that leaves room for the names of several nodes, 0 where it has that room."""
    rows = ((lettering.inputs, layout.layers[0].node_x), (lettering.outputs, layout.layers[-1].out_x))
    needs = [
        row.slot / _slot_share(nodes, width=layout.width) for row, nodes in rows if row is not None and len(nodes) > 1
    ]
    # A hair too little is enough: otherwise rounding would move a layout that fits.
    return max((need for need in needs if need > layout.width * (1 + 1e-6)), default=0.0)


def _side_room(layout: Layout, lettering: _Lettering) -> float:
    """Return by how much boxes, a long title, or the long name of a single node, reach out of the network's width."""
    single = [row for row in (lettering.inputs, lettering.outputs, lettering.title) if row and len(row.texts) == 1]
    return max([layout.overhang, *((row.slot - layout.width) / 2 for row in single)])


def _heights(lettering: _Lettering, *, out_vars_offset: float) -> tuple[float, float]:
    """Return the heights of what is written under and over the network."""
    under = over = 0.0
    if lettering.inputs is not None:
        under = NAME_GAP + lettering.inputs.height
    if lettering.outputs is not None:
        over = max(NAME_GAP + lettering.outputs.height + OFFSET_UNIT * out_vars_offset, 0.0)
    if lettering.title is not None:
        over += TITLE_GAP + lettering.title.height
    return under, over


def _open_canvas(
    layout: Layout, lettering: _Lettering, *, out_vars_offset: float, zoom: float, show_in_pyplot: bool
) -> Axes:
    """Return the Axes of a new figure, with limits around network and labels."""
    under, over = _heights(lettering, out_vars_offset=out_vars_offset)
    side = MARGIN + _side_room(layout, lettering)
    return new_canvas(
        across=(-side, layout.width + side),
        up=(-MARGIN - under, layout.height + over + MARGIN),
        zoom=zoom,
        show_in_pyplot=show_in_pyplot,
    )


def _write(axes: Axes, layout: Layout, lettering: _Lettering, *, out_vars_offset: float, zoom: float) -> None:
    """Write names and title."""
    first, last = layout.layers[0], layout.layers[-1]
    level = layout.height
    if lettering.inputs is not None:
        write_row(axes, lettering.inputs, first.node_x, top=-NAME_GAP, zoom=zoom, gid="in_var")
    if lettering.outputs is not None:
        top = level + NAME_GAP + lettering.outputs.height + OFFSET_UNIT * out_vars_offset
        write_row(axes, lettering.outputs, last.out_x, top=top, zoom=zoom, gid="out_var")
        level = max(top, level)
    if lettering.title is not None:
        top = level + TITLE_GAP + lettering.title.height
        write_row(axes, lettering.title, np.array([layout.width / 2]), top=top, zoom=zoom, gid="title")
