"""The notebooks of ``tutorials/`` as pages, in groups.

There is one copy of each notebook, outside of the folder that Sphinx reads; before a build they are copied to
``docs/_tutorials/``, which git ignores, beside pages that list them. Each folder is a group, with a page of its own.

Links are written as they lead somewhere in the repository:

- between notebooks, ``[pruning](07_pruning.ipynb)``, they stay as they are;
- from notebooks to these pages, ``[grids](../../docs/concepts/grids.md)``, they lose ``docs/`` in the copy;
- from these pages to notebooks, ``[digits](../../tutorials/learning/02_digits.ipynb)``, they lead to the copy when a
  page is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

INTRODUCTION = (
    "Notebooks, shown with what they print and draw. Each begins with a question and ends with what was learnt. "
    "The files are in the folder `tutorials/` of the repository, and open in Jupyter "
    "(`pip install jupyterlab`, then `jupyter lab tutorials`)."
)

# In the order of the page; groups that are not here come after these, under their own names.
TITLES = {
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


def led_to_copies(content: str) -> str:
    """Return a page's text with links to notebooks as they lead to the copies; the folder's is to their first page."""

    def copy(link: re.Match[str]) -> str:
        return f"]({link['up']}_tutorials/{link['notebook'] or 'index.md'})"

    return re.sub(r"\]\((?P<up>(?:\.\./)*)\.\./tutorials/(?P<notebook>[^)\s]*)\)", copy, content)


def rank_of(group: str) -> tuple[int, str]:
    """Return what groups are sorted by; what is in no folder comes first."""
    titles = ["", *TITLES]
    return (titles.index(group) if group in titles else len(titles), group)


def page(title: str, text: str, entries: list[str], *, depth: int) -> str:
    """Return a page that lists others."""
    lines = [
        f"# {title}",
        "",
        *([text, ""] if text else []),
        "```{toctree}",
        f":maxdepth: {depth}",
        ":titlesonly:",
        "",
        *entries,
        "```",
    ]
    return "\n".join(lines) + "\n"


def contents(notebooks: list[Path]) -> dict[str, str]:
    """Return the pages that list the notebooks, given by their paths within ``tutorials/``: all, and one per group."""
    pages, entries = {}, []
    for group in sorted({group_of(notebook) for notebook in notebooks}, key=rank_of):
        members = sorted(notebook for notebook in notebooks if group_of(notebook) == group)
        if group:
            title = TITLES.get(group, group.replace("_", " ").capitalize())
            pages[f"{group}/index.md"] = page(title, "", [notebook.stem for notebook in members], depth=1)
            entries.append(f"{group}/index")
        else:
            entries += [notebook.stem for notebook in members]
    pages["index.md"] = page("Tutorials", INTRODUCTION, entries, depth=2)
    return pages


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
    pages = contents(notebooks)
    for name, text in pages.items():
        write_if_changed(target / name, text.encode())
    for old in [*target.rglob("*.ipynb"), *target.rglob("*.md")]:
        if old.relative_to(target) not in notebooks and old.relative_to(target).as_posix() not in pages:
            old.unlink()


def lead_to_copies(_app: Sphinx, name: str, content: list[str]) -> None:
    """Mend the links of a page that was read; the copies need nothing."""
    if not name.startswith("_tutorials/"):
        content[0] = led_to_copies(content[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy the notebooks before Sphinx looks for pages, and lead the links of pages to the copies."""
    app.connect("builder-inited", copy_notebooks)
    app.connect("source-read", lead_to_copies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
