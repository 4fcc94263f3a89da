"""The picture of a function's tree: inputs below, what is combined with what above them.

Works from a plain description (`TreePicture`), so that it can be tested without a function. In style 'tree', general
separability is a blue fan with a dot, a sum or product the symbol of the network's diagram, and anything else a box; in
style 'box' every node is a box with its name. It deviates from pykan in that the picture grows with the number of
inputs and the length of their names, that inputs without influence are pale and unconnected, and that the Figure is
returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from kan.common.errors import ArgumentError, check_choice
from kan.plotting.canvas import new_canvas
from kan.plotting.labels import LabelRow, Ruler, fit_row, text_style, write_row
from kan.plotting.marks import add_discs, add_symbols

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("Id", "Add", "Mul", "GS", "")
STYLES = ("tree", "box")

# Inches.
SLOT = 0.62
WIDEST = 18.0
MARGIN = 0.15
NAME_GAP = 0.08
STEM = 0.22
BOX_HEIGHT = 0.34
BOX_OVERHANG = 0.34  # of the distance of the leaves
FAN = (0.34, 1.5)
STEEPNESS = 0.34
SYMBOL_RADIUS = 0.115
DOT_RADIUS = 0.045
CORNER = 0.07
# Points.
NAME_SIZE = 16.0
KIND_SIZE = 12.0
LINE_WIDTH = 1.25

BLUE = (0.12, 0.33, 0.73)
FACE = {"GS": (0.90, 0.93, 0.985), "Add": (0.99, 0.92, 0.90), "Mul": (0.99, 0.92, 0.90), "": (0.955, 0.955, 0.955)}
PALE = 0.62


@dataclass(frozen=True)
class TreeNode:
    """A node above the leaves.

    Parameters
    ----------
    children : tuple of int
        Positions, from the left, of the nodes of the level below that it combines.
    kind : str
        'Id' (one child, passed on), 'Add', 'Mul', 'GS' (general separability) or '' (anything else).
    """

    children: tuple[int, ...]
    kind: str = ""

    def __post_init__(self) -> None:
        """Check the kind."""
        check_choice("kind", self.kind, KINDS)


@dataclass(frozen=True)
class TreePicture:
    """A tree to be drawn.

    Parameters
    ----------
    names : sequence of str or sympy.Expr
        Names of the leaves, from the left.
    levels : sequence of sequences of TreeNode
        From the level above the leaves up; the last has one node.
    idle : frozenset of int
        Positions of leaves that play no part; they are drawn pale and unconnected.
    """

    names: Sequence[Any]
    levels: Sequence[Sequence[TreeNode]]
    idle: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        """Check that every level takes up the one below, from the left to the right."""
        count = len(self.names)
        for level in self.levels:
            if [child for node in level for child in node.children] != list(range(count)):
                raise ArgumentError(f"a level must take up the {count} nodes below it in their order; got {level}.")
            count = len(level)
        if not self.levels or count != 1:
            raise ArgumentError(f"a tree must end in a level of one node; got {count}.")


@dataclass(frozen=True)
class _Placed:
    """A node with its place.

    `low` and `high` are the x of its outermost leaves, `x` that of the line that leaves it, and `feet` those of the
    lines that enter it; a node without a foot plays no part.
    """

    kind: str
    x: float
    feet: tuple[float, ...]
    low: float
    high: float


def draw_tree(picture: TreePicture, *, style: str = "tree", show_in_pyplot: bool = True) -> Figure:
    """Draw a tree.

    Parameters
    ----------
    picture : TreePicture
        What to draw.
    style : {'tree', 'box'}
        Fans and symbols, or boxes with the names of what is done.
    show_in_pyplot : bool
        Whether pyplot knows the figure, so that notebooks show it and ``plt.savefig`` saves it.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, with one Axes.

    Raises
    ------
    ArgumentError
        If `style` is unknown.

    Examples
    --------
    >>> pair = TreeNode((0, 1), "GS")
    >>> picture = TreePicture(["a", "b", "c"], [[pair, TreeNode((2,), "Id")], [TreeNode((0, 1), "Add")]])
    >>> figure = draw_tree(picture, show_in_pyplot=False)
    >>> len(figure.axes)
    1
    """
    check_choice("style", style, STYLES)
    row, slot = _letter(picture.names)
    levels = _place(picture, slot=slot, style=style)
    heights = [_height(level, style=style) for level in levels]
    bottoms = np.cumsum([STEM, *(height + STEM for height in heights)])
    axes = new_canvas(
        across=(-MARGIN, len(picture.names) * slot + MARGIN),
        up=(-MARGIN - NAME_GAP - row.height, float(bottoms[-1]) + MARGIN),
        zoom=1.0,
        show_in_pyplot=show_in_pyplot,
    )
    marks = _Marks(style=style, slot=slot)
    for x in _leaves(picture, slot=slot):
        marks.line((x, 0.0), (x, STEM))
    for level, height, bottom in zip(levels, heights, bottoms):
        for node in level:
            if node.feet:
                marks.add(node, bottom=float(bottom), height=height)
    marks.draw(axes)
    _write_names(axes, picture, row, slot=slot)
    return cast("Figure", axes.figure)


def _letter(names: Sequence[Any]) -> tuple[LabelRow, float]:
    """Return the row of names and the distance of the leaves."""
    slot = min(SLOT, WIDEST / len(names))
    row = fit_row(names, slot=slot, size=NAME_SIZE, widest=max(WIDEST / len(names), slot), ruler=Ruler())
    return row, max(slot, row.slot)


def _leaves(picture: TreePicture, *, slot: float) -> list[float]:
    """Return the x of the leaves that play a part."""
    return [(i + 0.5) * slot for i in range(len(picture.names)) if i not in picture.idle]


def _place(picture: TreePicture, *, slot: float, style: str) -> list[list[_Placed]]:
    """Place all nodes, level by level: in the middle of their children, or of all leaves under them for boxes."""
    below = [
        _Placed("Id", x := (i + 0.5) * slot, () if i in picture.idle else (x,), x, x) for i in range(len(picture.names))
    ]
    levels = []
    for level in picture.levels:
        placed = []
        for node in level:
            children = [below[child] for child in node.children if below[child].feet] or [below[node.children[0]]]
            feet = tuple(child.x for child in children if child.feet)
            low, high = children[0].low, children[-1].high
            ends = (low, high) if style == "box" and len(feet) > 1 else (children[0].x, children[-1].x)
            placed.append(_Placed(node.kind, sum(ends) / 2, feet, low, high))
        levels.append(placed)
        below = placed
    return levels


def _height(level: Sequence[_Placed], *, style: str) -> float:
    """Return the height of a level: that of its boxes or of its widest fan."""
    fans = [node for node in level if len(node.feet) > 1 and node.kind not in ("", "Id")]
    if style == "box" or not fans:
        return BOX_HEIGHT
    run = max(max(abs(foot - node.x) for foot in node.feet) for node in fans)
    symbol = SYMBOL_RADIUS if any(node.kind != "GS" for node in fans) else 0.0
    return float(np.clip(STEEPNESS * run, *FAN)) + symbol


class _Marks:
    """Collects the marks of a tree and draws each kind at once."""

    def __init__(self, *, style: str, slot: float) -> None:
        self._style = style
        self._overhang = BOX_OVERHANG * slot
        self._line_width = float(np.clip(LINE_WIDTH * (slot / SLOT) ** 0.5, 0.6, LINE_WIDTH))
        self._line_starts: dict[tuple[float, float], tuple[float, float]] = {}
        self._fans: list[Any] = []
        self._dots: list[tuple[float, float]] = []
        self._symbols: dict[str, list[tuple[float, float]]] = {"Add": [], "Mul": []}
        self._boxes: list[tuple[_Placed, float]] = []

    def line(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Add an upright black line; one that goes on from another makes it longer, so that no seam shows."""
        start, end = ((round(x, 9), round(y, 9)) for x, y in (start, end))
        self._line_starts[end] = self._line_starts.pop(start, start)

    def add(self, node: _Placed, *, bottom: float, height: float) -> None:
        """Add a node that fills its level from `bottom` on, and the line that leaves it."""
        top = bottom + height
        if node.kind == "Id" or len(node.feet) == 1:
            self.line((node.feet[0], bottom), (node.x, top))
        elif self._style == "box" or node.kind == "":
            middle = bottom + height / 2
            self._boxes.append((node, middle))
            for foot in node.feet:
                self.line((foot, bottom), (foot, middle - BOX_HEIGHT / 2))
            self.line((node.x, middle + BOX_HEIGHT / 2), (node.x, top))
        elif node.kind == "GS":
            self._fans += [[(foot, bottom), (node.x, top)] for foot in node.feet]
            self._dots.append((node.x, top))
        else:
            centre = (node.x, top - SYMBOL_RADIUS)
            self._fans += [[(foot, bottom), centre] for foot in node.feet]
            self._symbols[node.kind].append(centre)
        self.line((node.x, top), (node.x, top + STEM))

    def draw(self, axes: Axes) -> None:
        """Draw what was collected."""
        from matplotlib.collections import LineCollection

        common: dict[str, Any] = {"linewidths": self._line_width, "capstyle": "round", "joinstyle": "round"}
        lines = [[start, end] for end, start in self._line_starts.items()]
        axes.add_collection(LineCollection(lines, colors="black", zorder=1, gid="lines", **common))
        axes.add_collection(LineCollection(self._fans, colors=[BLUE], zorder=2, gid="fans", **common))
        add_discs(axes, self._dots, radius=DOT_RADIUS, face=BLUE, line_width=0.0, gid="dots")
        for kind, turn in (("Add", 0.0), ("Mul", np.pi / 4)):
            add_symbols(
                axes,
                self._symbols[kind],
                radius=SYMBOL_RADIUS,
                turn=turn,
                line_width=self._line_width,
                gid=kind,
            )
        for node, middle in self._boxes:
            self._draw_box(axes, node, middle)

    def _draw_box(self, axes: Axes, node: _Placed, middle: float) -> None:
        """Draw a box over all leaves of a node, with the name of what it does."""
        from matplotlib.patches import FancyBboxPatch

        low, high = node.low - self._overhang, node.high + self._overhang
        axes.add_patch(
            FancyBboxPatch(
                (low, middle - BOX_HEIGHT / 2),
                high - low,
                BOX_HEIGHT,
                boxstyle=f"round,pad=0,rounding_size={CORNER}",
                facecolor=FACE[node.kind],
                edgecolor="black",
                linewidth=self._line_width,
                zorder=3,
                gid="box",
            )
        )
        style = {**text_style(size=KIND_SIZE), "gid": "kind", "zorder": 4}
        axes.text((low + high) / 2, middle, node.kind, ha="center", va="center_baseline", **style)


def _write_names(axes: Axes, picture: TreePicture, row: LabelRow, *, slot: float) -> None:
    """Write the names of the leaves, those that play no part pale."""
    xs = (np.arange(len(picture.names)) + 0.5) * slot
    for i, text in enumerate(write_row(axes, row, xs, top=-NAME_GAP, zoom=1.0, gid="in_var")):
        if i in picture.idle:
            text.set_color(str(PALE))
