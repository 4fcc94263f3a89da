"""Formulas as MathML, which browsers draw by themselves: no script, no image, no network.

The conversion from TeX is docutils' own. What it does not know is a warning of the build, which `make docs` makes an
error, so no formula is ever shown wrongly.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

# What people, and sympy, write for something that docutils knows by another name.
SYNONYMS = {
    r"\\begin\{(align|equation|gather)\*?\}": r"\\begin{aligned}",
    r"\\end\{(align|equation|gather)\*?\}": r"\\end{aligned}",
    r"\\dots(?![a-z])": r"\\ldots",
    r"\\bm(?![a-z])": r"\\boldsymbol",
    r"\\(?:big|Big|bigg|Bigg)[lrm]?(?![a-zA-Z])": "",
}


def convert(node: nodes.Element, *, as_block: bool) -> str:
    """Return the MathML of a node that holds TeX, or the TeX itself where that fails."""
    tex = source = node.astext()
    for pattern, known in SYNONYMS.items():
        tex = re.sub(pattern, known, tex)
    try:
        return tex2mathml(tex, as_block=as_block)
    except (MathError, IndexError) as error:
        logger.warning("formula %r: %s", source, error, location=node, type="math")
        return f"<code>{source}</code>"


def visit_math(translator: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    translator.body.append(convert(node, as_block=False))
    raise nodes.SkipNode


def visit_math_block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own; wide ones scroll by themselves."""
    translator.body.append(translator.starttag(node, "div", CLASS="math-block"))
    translator.body.append(convert(node, as_block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Make this the way in which HTML pages write formulas."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
