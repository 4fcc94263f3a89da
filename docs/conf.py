"""How Sphinx builds these pages: ``make docs`` writes them to ``docs/_build/html``.

Nothing is fetched and nothing is computed: formulas become MathML (`extensions/mathml.py`), and notebooks are shown
with the outputs that they are committed with (`extensions/tutorials.py`).
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

import kan  # noqa: E402


class KAN(kan.MultKAN):
    """Stands in for `kan.KAN`, which Sphinx would describe as "alias of MultKAN"."""


KAN.__doc__ = (kan.MultKAN.__doc__ or "").replace("`KAN` is the same class.", "`MultKAN` is the same class.")
KAN.__module__ = "kan"
kan.KAN = KAN  # type: ignore[misc]

project = "pykan"
author = "The pykan maintainers"
copyright = author
release = version = kan.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "myst_nb",
    "mathml",
    "tutorials",
]
exclude_patterns = ["_build", "pictures/make.py"]

# In a docstring, `name` is a link where there is something of that name, and code everywhere else.
default_role = "py:obj"
autosummary_generate = False  # tables only; every name has its place on a page of the reference
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the section on parameters has them in words
autodoc_preserve_defaults = True
add_module_names = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

myst_enable_extensions = ["amsmath", "dollarmath", "html_image"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_output_stderr = "remove"  # progress bars
copybutton_exclude = ".linenos, .gp, .go"

html_title = "pykan"
html_math_renderer = "mathml"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_show_copyright = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"
