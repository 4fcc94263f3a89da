"""The notebooks of ``tutorials/`` as pages, in groups.

There is one copy of each notebook, outside of the folder that Sphinx reads; before a build they are copied to
``docs/_tutorials/``, which git ignores, beside a page that lists them. Each folder is a group.

Links between notebooks stay as they are: ``[pruning](07_pruning.ipynb)``. Links to these pages are written as they lead
there in the repository, ``[grids](../../docs/concepts/grids.md)``, and lose ``docs/`` in the copy, which lies in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# In the order of the page; groups that are not here come after these, under their own names.
TITLES = {
    "": "Start here",
    "api": "One feature at a time",
    "accuracy": "Accuracy",
    "interpretability": "Reading a network",
    "kan2": "KAN 2.0",
    "physics": "Physics",
    "learning": "Machine learning",
}


def group_of(notebook: Path) -> str:
    """Return the group of a notebook, given by its path within ``tutorials/``."""
    return notebook.parent.as_posix().lstrip(".")


def copied(content: str) -> str:
    """Return a notebook's text with links to these pages as they lead there from the copy."""
    return re.sub(r"(\]\((?:\.\./)+)docs/", r"\1", content)


def rank_of(group: str) -> tuple[int, str]:
    """Return what groups are sorted by."""
    return (list(TITLES).index(group) if group in TITLES else len(TITLES), group)


def contents(notebooks: list[Path]) -> str:
    """Return the page that lists the notebooks, given by their paths within ``tutorials/``."""
    lines = [
        "# Tutorials",
        "",
        "Notebooks, shown with what they print and draw. Each begins with a question and ends with what was learnt.",
        "The files are in the folder `tutorials/` of the repository.",
    ]
    for group in sorted({group_of(notebook) for notebook in notebooks}, key=rank_of):
        title = TITLES.get(group, group.replace("_", " ").capitalize())
        members = sorted(notebook for notebook in notebooks if group_of(notebook) == group)
        lines += ["", f"## {title}", "", "```{toctree}", ":maxdepth: 1", ""]
        lines += [notebook.with_suffix("").as_posix() for notebook in members]
        lines += ["```"]
    return "\n".join(lines) + "\n"


def write_if_changed(path: Path, content: bytes) -> None:
    """Write a file, unless it is there already: Sphinx reads again what is newer than its cache."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def copy_notebooks(app: Sphinx) -> None:
    """Bring ``docs/_tutorials/`` to the state of ``tutorials/``."""
    source, target = Path(app.srcdir).parent / "tutorials", Path(app.srcdir) / "_tutorials"
    found = sorted(source.rglob("*.ipynb"))
    notebooks = [path.relative_to(source) for path in found if ".ipynb_checkpoints" not in path.parts]
    for notebook in notebooks:
        write_if_changed(target / notebook, copied((source / notebook).read_text(encoding="utf-8")).encode())
    write_if_changed(target / "index.md", contents(notebooks).encode())
    for old in target.rglob("*.ipynb"):
        if old.relative_to(target) not in notebooks:
            old.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy the notebooks before Sphinx looks for pages."""
    app.connect("builder-inited", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
