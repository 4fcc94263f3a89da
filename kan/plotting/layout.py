"""Where the parts of a diagram go: pure arithmetic on the picture's shape, no matplotlib.

Unit: one inch of the figure at ``scale=0.5``, pykan's default, in both directions. The origin is the lower left corner
of the network itself, without labels and title.

From bottom to top a layer has: the input nodes; a fan of lines up to the boxes; the boxes, one an edge, ordered by
input; a fan of lines to the sub-nodes (sum symbols); short links to the next nodes. pykan shrinks the boxes of a layer
with E edges to 1/E of a fixed width, which makes a hundred edges illegible. Here the width grows with the square root
of E, and dense layers put their boxes in two or three staggered rows. The spacing is such that the line of every box
passes straight through the gaps between the boxes of the other rows, so no line ever crosses a box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kan.plotting.picture import DiagramPicture, LayerPicture

MARGIN = 0.12
BOX_SIDE = 0.42
BOX_SIDE_WITH_TICKS = 0.56
NARROWEST = 2.4
WIDEST = 18.0
# Distance of neighbouring boxes in one row, in box sides, for 1, 2 and 3 rows. With R rows staggered by 1/R of the
# distance, lines of other rows stay clear of a box while distance / R > 1/2.
SPACING = {1: 1.24, 2: 1.40, 3: 1.78}
SPACING_WITH_TICKS = {1: 1.52, 2: 1.90, 3: 2.64}
# From which box side on a layer is spread over more rows.
SMALLEST_SIDE = {1: 0.30, 2: 0.26, 3: 0.0}
ROW_GAP = 0.20
ROW_GAP_WITH_TICKS = 0.46
TICK_ROOM = 0.30


@dataclass(frozen=True)
class LayerLayout:
    """Positions of one layer's parts; x coordinates as arrays, heights as numbers."""

    node_x: np.ndarray  # (I,)
    node_y: float
    box_x: np.ndarray  # (I, O) centres
    box_y: np.ndarray  # (I, O)
    fan_bottom: float  # where the lines from the nodes turn upright
    fan_top: float  # where the lines to the sub-nodes leave the upright
    sub_x: np.ndarray  # (O,)
    sub_y: float
    out_x: np.ndarray  # (n_out,) nodes of the next row
    out_y: float


@dataclass(frozen=True)
class Layout:
    """The whole network's positions and the sizes that all layers share."""

    layers: list[LayerLayout]
    width: float
    height: float
    overhang: float  # how far boxes and their ticks reach out of the width on either side
    box_side: float
    dot_radius: float
    symbol_radius: float
    line_width: float  # points at scale 0.5


def arrange(picture: DiagramPicture, *, tick: bool = False, least_width: float = 0.0) -> Layout:
    """Place every part of `picture`.

    Parameters
    ----------
    picture : DiagramPicture
        What to draw; only its shape is looked at, so every picture of one shape has one layout.
    tick : bool
        Whether to leave room for ticks around the boxes.
    least_width : float
        Width that the labels need.

    Returns
    -------
    Layout
        Positions in inches at ``scale=0.5``.
    """
    spacing = SPACING_WITH_TICKS if tick else SPACING
    largest = BOX_SIDE_WITH_TICKS if tick else BOX_SIDE
    side, width = _box_side_and_width(picture, spacing=spacing, largest=largest)
    most_nodes = max(max(layer.n_in, layer.n_sub, layer.n_out) for layer in picture.layers)
    width = max(width, least_width, min(0.24 * most_nodes, WIDEST))
    symbol = min(0.105 * math.sqrt(side / largest), 0.36 * width / most_nodes)
    node_x = _spread(picture.n_in, width)
    layers, height = [], symbol
    for layer in picture.layers:
        placed = _place_layer(
            layer, node_x=node_x, node_y=height, width=width, side=side, symbol=symbol, spacing=spacing, tick=tick
        )
        layers.append(placed)
        node_x, height = placed.out_x, placed.out_y
    return Layout(
        layers=layers,
        width=width,
        height=height + symbol,
        overhang=max(0.0, side / 2 + (TICK_ROOM * side if tick else 0.0) - min(each.box_x.min() for each in layers)),
        box_side=side,
        dot_radius=0.6 * symbol,
        symbol_radius=symbol,
        line_width=float(np.clip(1.25 * math.sqrt(side / BOX_SIDE), 0.35, 1.25)),
    )


def _box_side_and_width(picture: DiagramPicture, *, spacing: dict[int, float], largest: float) -> tuple[float, float]:
    """Return the side of the boxes and the network's width that the densest layer asks for."""
    edges = max(layer.n_in * layer.n_sub for layer in picture.layers)
    limit = WIDEST * largest / BOX_SIDE
    room = min(5.2 * math.sqrt(max(edges, 10) / 10) * largest / BOX_SIDE, limit)
    for rows in (1, 2, 3):
        side = min(largest, room * rows / (edges * spacing[rows]))
        if side >= SMALLEST_SIDE[rows]:
            break
    return side, max(edges / rows * spacing[rows] * side, NARROWEST)


def _place_layer(
    layer: LayerPicture,
    *,
    node_x: np.ndarray,
    node_y: float,
    width: float,
    side: float,
    symbol: float,
    spacing: dict[int, float],
    tick: bool,
) -> LayerLayout:
    """Place one layer above its input nodes at `node_x`, `node_y`."""
    count = layer.n_in * layer.n_sub
    rows = next((r for r in (1, 2) if count * spacing[r] * side <= width * (1 + 1e-9) * r), 3)
    box_x = _spread(count, width).reshape(layer.n_in, layer.n_sub)
    sub_x = _spread(layer.n_sub, width)
    owners = np.array(layer.owners(), dtype=int)
    out_x = np.array([sub_x[owners == node].mean() for node in range(layer.n_out)])

    lower_fan = _fan_height(np.abs(box_x - node_x[:, None]).max(initial=0.0), steepness=0.30, low=0.42, high=0.95)
    upper_fan = _fan_height(np.abs(box_x - sub_x[None, :]).max(initial=0.0), steepness=0.20, low=0.50, high=1.9)
    link = _fan_height(np.abs(sub_x - out_x[owners]).max(initial=0.0), steepness=0.35, low=0.14, high=0.45)

    fan_bottom = node_y + symbol + lower_fan
    bottom = fan_bottom + (TICK_ROOM * side if tick else 0.0)
    pitch = side * (1 + (ROW_GAP_WITH_TICKS if tick else ROW_GAP))
    row = np.arange(count).reshape(box_x.shape) % rows
    top = bottom + side + (rows - 1) * pitch
    sub_y = top + upper_fan + symbol
    return LayerLayout(
        node_x=node_x,
        node_y=node_y,
        box_x=box_x,
        box_y=bottom + side / 2 + row * pitch,
        fan_bottom=fan_bottom,
        fan_top=top,
        sub_x=sub_x,
        sub_y=sub_y,
        out_x=out_x,
        out_y=sub_y + 2 * symbol + link,
    )


def _spread(count: int, width: float) -> np.ndarray:
    """Return `count` positions spread evenly over `width`, half a step from either end."""
    return (np.arange(count) + 0.5) * (width / max(count, 1))


def _fan_height(run: float, *, steepness: float, low: float, high: float) -> float:
    """Return the height of a fan of lines whose longest one runs `run` sideways."""
    return float(np.clip(steepness * run, low, high))
