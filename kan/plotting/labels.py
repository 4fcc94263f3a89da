"""Names of variables and the title: what to write, how large, and whether upright or turned.

Text is measured before the figure exists, so that the figure can be made large enough: no label is ever cut or drawn
over another one. pykan draws at a fixed size, and long names run into each other.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kan.common.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.text import Text

MATH_FONT = "stix"
# How far names may shrink upright, and how far when turned.
SHRINK_UPRIGHT = 0.6
SHRINK_TURNED = 0.4
LARGEST_TURNED = 0.85
TALLEST_TURNED = 3.0
SLACK = 1.04
NEIGHBOUR_GAP = 0.5  # of the letters' size, between two labels
# Measuring at a high resolution keeps the rounding to whole pixels out of the result.
MEASURING_DPI = 288


@dataclass(frozen=True)
class LabelRow:
    """Labels of one row of nodes, fitted to the room between the nodes.

    `size` is in points at scale 0.5; `above` and `below` are the largest heights over and under the anchor line, and
    `slot` the distance between nodes that the labels need, all in inches at scale 0.5.
    """

    texts: list[str]
    size: float
    turned: bool
    above: float
    below: float
    slot: float

    @property
    def height(self) -> float:
        """Height of the row."""
        return self.above + self.below


def font_family() -> list[str]:
    """Return the families of the labels: a book face, then whatever the user has set for glyphs that it lacks."""
    import matplotlib

    own = matplotlib.rcParams["font.family"]
    return ["STIXGeneral", *([own] if isinstance(own, str) else own), "DejaVu Sans"]


def text_style(*, size: float) -> dict[str, Any]:
    """Return the properties of every text in a diagram, independent of the user's settings."""
    return {
        "fontfamily": font_family(),
        "fontsize": size,
        "fontstyle": "normal",
        "fontweight": "normal",
        "math_fontfamily": MATH_FONT,
        "usetex": False,
        "color": "black",
    }


def label_text(name: Any) -> str:
    """Return what to write for `name`: strings as they are, sympy expressions as LaTeX, anything else as ``str``.

    LaTeX that matplotlib cannot set (piecewise expressions, for example) is written as plain text.
    """
    if isinstance(name, str):
        text = str(name)
    else:
        sympy = sys.modules.get("sympy")  # an expression can only come from a sympy that is loaded
        is_expression = sympy is not None and isinstance(name, sympy.Basic)
        text = f"${sympy.latex(name)}$" if sympy is not None and is_expression else str(name)
    if _can_be_set(text):
        return text
    return str(name).replace("$", r"\$")


def _can_be_set(text: str) -> bool:
    """Whether matplotlib's math text takes `text`."""
    from matplotlib.mathtext import MathTextParser

    if text.count("$") - text.count(r"\$") < 2:
        return True
    try:
        for line in text.split("\n"):
            MathTextParser("path").parse(line)
    except (ValueError, RuntimeError):
        return False
    return True


class Ruler:
    """Measures texts in inches, without the figure that they will be drawn in."""

    def __init__(self) -> None:
        """Prepare an own canvas, unknown to pyplot."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._figure = Figure(figsize=(0.2, 0.2), dpi=MEASURING_DPI)
        self._renderer = FigureCanvasAgg(self._figure).get_renderer()

    def measure(self, text: str, *, size: float) -> tuple[float, float, float]:
        """Return width, height over the baseline and depth under it, in inches, of `text` at `size` points."""
        label = self._figure.text(0.0, 0.0, text, va="baseline", ha="left", **text_style(size=size))
        box = label.get_window_extent(self._renderer)
        label.remove()
        return box.width / MEASURING_DPI, box.y1 / MEASURING_DPI, -box.y0 / MEASURING_DPI


def check_names(argument: str, names: Sequence[Any] | None, count: int) -> None:
    """Raise an :class:`ArgumentError` unless there is one name for every variable."""
    if names is not None and len(names) != count:
        raise ArgumentError(f"`{argument}` must hold {count} names, one for each variable; got {len(names)}.")


def fit_row(names: Sequence[Any], *, slot: float, size: float, widest: float, ruler: Ruler) -> LabelRow:
    """Choose size and direction of a row of labels whose nodes are `slot` inches apart.

    Upright at full size if that fits; smaller down to 60 %; then turned by 90 degrees, if turned labels stay moderately
    tall; else upright with more room than `slot`, up to `widest`, and as small as that asks for.
    """
    texts = [label_text(name) for name in names]
    measured = [ruler.measure(text, size=size) for text in texts]
    widths, above, below = ([column * SLACK for column in columns] for columns in zip(*measured))
    longest, tallest = max(widths), max(up + down for up, down in zip(above, below))
    wanted = longest + (NEIGHBOUR_GAP * size / 72 if len(texts) > 1 else 0.0)
    fit = slot / wanted if wanted > slot else 1.0  # empty names want nothing
    if fit < SHRINK_UPRIGHT and len(texts) > 1:
        turned_fit = min(LARGEST_TURNED, 0.9 * slot / tallest)
        if turned_fit >= SHRINK_TURNED and longest * turned_fit <= TALLEST_TURNED:
            return LabelRow(texts, size * turned_fit, True, longest * turned_fit, 0.0, tallest * turned_fit)
    fit = min(max(fit, SHRINK_UPRIGHT), widest / wanted if wanted > widest else 1.0)
    return LabelRow(texts, size * fit, False, max(above) * fit, max(below) * fit, wanted * fit)


def write_row(axes: Axes, row: LabelRow, xs: np.ndarray, *, top: float, zoom: float, gid: str) -> list[Text]:
    """Write one row of labels on a common baseline, its upper end at `top`."""
    style: dict[str, Any] = {**text_style(size=row.size * zoom), "ha": "center", "gid": gid, "zorder": 7}
    if row.turned:
        # Turned names hang from the inputs and stand on the outputs.
        anchor, va = (top, "top") if gid == "in_var" else (top - row.height, "bottom")
        style.update(rotation=90)
    else:
        anchor, va = top - row.above, "baseline"
    return [axes.text(float(x), anchor, text, va=va, **style) for x, text in zip(xs, row.texts)]
