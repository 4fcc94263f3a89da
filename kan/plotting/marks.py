"""The artists of a diagram: each kind of mark is one matplotlib collection for the whole network.

All marks live in the data coordinates of one Axes (inches at scale 0.5), so the picture is made of vectors and a
network of hundreds of edges costs a handful of artists. pykan writes one PNG file an edge and pastes it into an Axes
of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kan.plotting.labels import text_style
from kan.plotting.layout import LayerLayout, Layout
from kan.plotting.picture import DiagramPicture, EdgePicture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RGB = {"spline": (0.0, 0.0, 0.0), "symbolic": (0.86, 0.06, 0.10), "both": (0.50, 0.10, 0.62)}
INNER = 0.80  # part of the box's side that the curve fills
# Below this spread, relative to the values, a curve is flat: the rest is rounding of single precision.
FLAT = 4e-6
TICK_SIZE = 0.185  # of the box's side
MINUS = "\N{MINUS SIGN}"


def colour(edge: EdgePicture) -> tuple[float, float, float, float]:
    """Return the RGBA colour of all marks of an edge."""
    return (*RGB[edge.kind], edge.alpha)


def fit_curve(edge: EdgePicture, *, centre: tuple[float, float], side: float) -> np.ndarray:
    """Return the edge's points moved into its box, shape (P, 2); flat curves lie half-way up."""
    x, y = np.asarray(edge.x, dtype=float), np.asarray(edge.y, dtype=float)
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if x.size == 0:
        return np.empty((0, 2))
    if x[-1] == x[0]:
        # One value of x only, for example a constant input column: its value drawn as a flat curve.
        x, y = np.array([-1.0, 1.0]), np.zeros(2)
    inner = INNER * side
    return np.column_stack(
        [centre[0] + _unit(x) * inner, centre[1] + _unit(y) * inner],
    )


def _unit(values: np.ndarray) -> np.ndarray:
    """Move values to [-1/2, 1/2]; values that are equal up to rounding become 0."""
    low, high = values.min(), values.max()
    # Halves first: the spread of values near the largest float would overflow.
    half = high / 2 - low / 2
    if half <= FLAT / 2 * max(abs(low), abs(high)):
        return np.zeros_like(values)
    return (values / 2 - (low / 4 + high / 4)) / half


def add_edges(axes: Axes, picture: DiagramPicture, layout: Layout, *, zoom: float) -> None:
    """Draw the lines, boxes and curves of every edge."""
    from matplotlib.collections import LineCollection, PolyCollection

    side = layout.box_side
    lines, boxes, curves, colours = [], [], [], []
    for layer, placed in zip(picture.layers, layout.layers):
        for i, j, edge in layer.drawn_edges():
            x, y = float(placed.box_x[i, j]), float(placed.box_y[i, j])
            lines += edge_lines(placed, i, j, side=side)
            boxes.append(_square(x, y, side=side))
            curves.append(fit_curve(edge, centre=(x, y), side=side))
            colours.append(colour(edge))
    width = layout.line_width * zoom
    twice = [each for each in colours for _ in range(2)]
    common: dict[str, Any] = {"capstyle": "butt", "joinstyle": "round"}
    axes.add_collection(LineCollection(lines, colors=twice, linewidths=width, zorder=1, gid="lines", **common))
    axes.add_collection(
        PolyCollection(
            boxes,
            facecolors="none",
            edgecolors=colours,
            linewidths=0.75 * width,
            joinstyle="miter",
            zorder=2,
            gid="boxes",
        )
    )
    common["capstyle"] = "round"
    axes.add_collection(
        LineCollection(curves, colors=colours, linewidths=1.35 * width, zorder=3, gid="curves", **common)
    )


def edge_lines(placed: LayerLayout, i: int, j: int, *, side: float) -> list[np.ndarray]:
    """Return the two lines of an edge: from its node up to its box, and from its box up to its sub-node."""
    x, y = placed.box_x[i, j], placed.box_y[i, j]
    lower = [(placed.node_x[i], placed.node_y), (x, placed.fan_bottom), (x, y - side / 2)]
    upper = [(x, y + side / 2), (x, placed.fan_top), (placed.sub_x[j], placed.sub_y)]
    return [np.array(lower), np.array(upper)]


def _square(x: float, y: float, *, side: float) -> np.ndarray:
    """Return the corners of a square around (x, y)."""
    half = side / 2
    return np.array([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)])


def add_samples(axes: Axes, picture: DiagramPicture, layout: Layout, *, zoom: float) -> None:
    """Draw the sample points upon the curves."""
    points, colours = [np.empty((0, 2))], [np.empty((0, 3))]
    for layer, placed in zip(picture.layers, layout.layers):
        for i, j, edge in layer.drawn_edges():
            centre = (float(placed.box_x[i, j]), float(placed.box_y[i, j]))
            inside = fit_curve(edge, centre=centre, side=layout.box_side)
            points.append(inside)
            # Opaque tints: transparent points would add up to black where many lie on a faint curve.
            tint = 1.0 - edge.alpha * (1.0 - np.array(RGB[edge.kind]))
            colours.append(np.tile(tint, (len(inside), 1)))
    at = np.concatenate(points)
    area = (2.3 * layout.line_width * zoom) ** 2
    axes.scatter(at[:, 0], at[:, 1], s=area, c=np.concatenate(colours), linewidths=0, zorder=3.5, gid="samples")


def add_nodes(axes: Axes, picture: DiagramPicture, layout: Layout, *, zoom: float) -> None:
    """Draw the links from sub-nodes to nodes, the dots of the nodes, and the sum and product symbols."""
    from matplotlib.collections import LineCollection

    links, dots, sums, products = [], [], [], []
    first = layout.layers[0]
    dots += [(x, first.node_y) for x in first.node_x]
    for layer, placed in zip(picture.layers, layout.layers):
        links += [
            [(placed.sub_x[j], placed.sub_y), (placed.out_x[node], placed.out_y)]
            for j, node in enumerate(layer.owners())
        ]
        sums += [(x, placed.sub_y) for x in placed.sub_x]
        dots += [(x, placed.out_y) for x in placed.out_x[: layer.n_sum]]
        products += [(x, placed.out_y) for x in placed.out_x[layer.n_sum :]]
    width = layout.line_width * zoom
    axes.add_collection(LineCollection(links, colors="black", linewidths=width, zorder=4, gid="links"))
    add_discs(axes, dots, radius=layout.dot_radius, face="black", line_width=0.0, gid="dots")
    for centres, turn, gid in ((sums, 0.0, "sums"), (products, np.pi / 4, "products")):
        add_symbols(axes, centres, radius=layout.symbol_radius, turn=turn, line_width=width, gid=gid)


def add_discs(
    axes: Axes, centres: list[tuple[float, float]], *, radius: float, face: Any, line_width: float, gid: str
) -> None:
    """Draw equal discs as one collection."""
    from matplotlib.collections import EllipseCollection

    size = [2 * radius] * len(centres)
    axes.add_collection(
        EllipseCollection(
            size,
            size,
            [0.0] * len(centres),
            units="xy",
            offsets=np.reshape(centres, (-1, 2)),
            offset_transform=axes.transData,
            facecolors=face,
            edgecolors="black",
            linewidths=line_width,
            zorder=5,
            gid=gid,
        )
    )


def add_symbols(
    axes: Axes, centres: list[tuple[float, float]], *, radius: float, turn: float, line_width: float, gid: str
) -> None:
    """Draw a cross in a circle at each centre: a plus, or a times sign when turned by an eighth of a circle."""
    from matplotlib.collections import LineCollection

    add_discs(axes, centres, radius=radius, face="white", line_width=line_width, gid=gid)
    arm = 0.56 * radius
    arms = [np.array([np.cos(turn + q), np.sin(turn + q)]) * arm for q in (0.0, np.pi / 2)]
    strokes = [[np.add(centre, -end), np.add(centre, end)] for centre in centres for end in arms]
    axes.add_collection(
        LineCollection(
            strokes, colors="black", linewidths=1.3 * line_width, zorder=6, capstyle="butt", gid=gid + "-cross"
        )
    )


def add_ticks(axes: Axes, picture: DiagramPicture, layout: Layout, *, zoom: float) -> None:
    """Write the range of x under each box and the range of y, turned, on its left."""
    side = layout.box_side
    size = TICK_SIZE * side * 72 * zoom
    style = {**text_style(size=size), "gid": "tick", "zorder": 5}
    half, gap = side / 2, 0.035 * side
    for layer, placed in zip(picture.layers, layout.layers):
        for i, j, edge in layer.drawn_edges():
            finite = np.isfinite(edge.x) & np.isfinite(edge.y)
            if not finite.any():
                continue
            left, right = placed.box_x[i, j] - half, placed.box_x[i, j] + half
            bottom, top = placed.box_y[i, j] - half, placed.box_y[i, j] + half
            x_low, x_high = short_numbers(edge.x[finite].min(), edge.x[finite].max())
            y_low, y_high = short_numbers(edge.y[finite].min(), edge.y[finite].max())
            style["color"], style["alpha"] = RGB[edge.kind], max(edge.alpha, 0.25) if edge.alpha > 0.01 else 0.0
            axes.text(left, bottom - gap, x_low, ha="left", va="top", **style)
            axes.text(right, bottom - gap, x_high, ha="right", va="top", **style)
            axes.text(left - gap, bottom, y_low, ha="right", va="bottom", rotation=90, **style)
            axes.text(left - gap, top, y_high, ha="right", va="top", rotation=90, **style)


def short_numbers(low: float, high: float) -> tuple[str, str]:
    """Write the ends of a range to less than a tenth of it, in at most five characters each: there is no more room."""
    low, high = float(low), float(high)
    spread = high - low
    # The eye cannot tell more apart in a box; what is smaller than the last decimal is written as 0.
    scale = spread if 0 < spread < np.inf else max(abs(low), abs(high), 1.0)
    decimals = min(max(-300, 1 - int(np.floor(np.log10(scale)))), 17)
    return _short(low, decimals=decimals), _short(high, decimals=decimals)


def _short(value: float, *, decimals: int) -> str:
    """Write one number, rounded to so many decimals, the longest way that has at most five characters."""
    value = round(value, decimals)
    if value == 0:
        return "0"
    text = ""
    for places in range(max(decimals, 0), -1, -1):
        text = f"{value:.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        if len(text) <= 5 and float(text) != 0:
            return text.replace("-", MINUS)
    for places in (1, 0):
        mantissa, power = f"{value:.{places}e}".split("e")
        text = f"{mantissa.removesuffix('.0')}e{int(power)}"
        if len(text) <= 5:
            break
    return text.replace("-", MINUS)
