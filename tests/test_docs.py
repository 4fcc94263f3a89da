"""What ``docs/`` says is true: code prints what is said, the reference is complete, pictures can be made again.

That the pages can be built, and that their links lead somewhere, is what `make docs` checks.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import io
import pydoc
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import pytest

import kan
from kan.common import algebra
from kan.common.lazy import _STAR_NAMES

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PICTURES = DOCS / "pictures"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not path.relative_to(DOCS).parts[0].startswith("_"))

MOST_BYTES_OF_A_PICTURE = 100_000
WIDEST_CODE = 100  # what `docs/static/pages.css` makes room for

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED_AS_SAID = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
DIRECTIVE = re.compile(r"^\.\. (?:auto)?(\w+):: (kan\.\S+)\n((?:[ ]+:.*\n)*)", re.MULTILINE)

# Packages that pykan's users import from, besides the files at the root of `kan/`.
PUBLIC_PACKAGES = ("compiler", "hypothesis")


class Block(NamedTuple):
    """Python code of a page, the number of its first line, and the text that follows it as what it prints."""

    code: str
    line: int
    printed: str | None


def shown(page: Path) -> str:
    """Return the page as the tests' names show it."""
    return page.relative_to(DOCS).as_posix()


def python_blocks(text: str) -> list[Block]:
    """Return the Python blocks of a page; a block of text directly after one is what it prints."""
    found = list(BLOCK.finditer(text))
    blocks = []
    for block, after in zip(found, [*found[1:], None]):
        if block.group(1) == "python":
            follows = after is not None and after.group(1) == "text" and not text[block.end() : after.start()].strip()
            line = text.count("\n", 0, block.start(2))
            blocks.append(Block(block.group(2), line, after.group(2) if follows and after else None))
    return blocks


def run(block: Block, *, page: Path, names: dict[str, Any]) -> str:
    """Execute a block with the names that those before it left, and return what it printed."""
    # Blank lines before the code make line numbers in a traceback those of the page.
    program = compile("\n" * block.line + block.code, str(page), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program, names)
    return printed.getvalue()


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page.read_text())], ids=shown)
def test_the_code_runs_and_prints_what_the_page_says(page: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    library = dict(kan.SYMBOLIC_LIB)
    try:
        for block in python_blocks(page.read_text(encoding="utf-8")):
            printed = run(block, page=page, names=names)
            if block.printed is not None:
                assert doctest.OutputChecker().check_output(block.printed, printed, PRINTED_AS_SAID), (
                    f"{shown(page)}, line {block.line}: printed\n{printed}\nbut the page says\n{block.printed}"
                )
    finally:
        plt.close("all")
        kan.SYMBOLIC_LIB.clear()
        kan.SYMBOLIC_LIB.update(library)


def links_of(text: str) -> list[str]:
    """Return the links of a page to files, without the places in them."""
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL))
    return [link.split("#")[0] for link in links if not re.match(r"#|[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere_in_the_repository_too(page: Path) -> None:
    links = links_of(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists() or "_tutorials" in link] == []


@pytest.mark.parametrize(
    ("written", "built"),
    [
        ("[a](../tutorials/hellokan.ipynb)", "[a](_tutorials/hellokan.ipynb)"),
        ("[a](../../tutorials/api/09_video.ipynb),", "[a](../_tutorials/api/09_video.ipynb),"),
        ("[all](../tutorials/)", "[all](_tutorials/index.md)"),
        ("[a page](../faq.md) `tutorials/`", "[a page](../faq.md) `tutorials/`"),
    ],
)
def test_links_to_notebooks_lead_to_their_copies_when_pages_are_built(written: str, built: str) -> None:
    pytest.importorskip("sphinx")
    extension = runpy.run_path(str(DOCS / "extensions" / "tutorials.py"))
    assert extension["led_to_copies"](written) == built


def test_every_block_says_what_language_it_is_in() -> None:
    fence = re.compile(r"^```(.*)$", re.MULTILINE)
    unnamed = [shown(page) for page in PAGES if "" in fence.findall(page.read_text(encoding="utf-8"))[::2]]
    assert unnamed == []


OF_OTHER_LIBRARIES = {*_STAR_NAMES, *algebra.__all__, "pd"}


def public_modules() -> list[str]:
    """Return the modules that users import from."""
    doors = [f"kan.{path.stem}" for path in sorted((ROOT / "kan").glob("*.py")) if path.stem != "__init__"]
    packages = [f"kan.{name}" for name in PUBLIC_PACKAGES if (ROOT / "kan" / name).is_dir()]
    return ["kan", *doors, *packages]


def public_members(owner: type) -> Iterator[str]:
    """Yield what a class of this library adds to those of torch."""
    for name in dir(owner):
        home = next(entry for entry in owner.__mro__ if name in vars(entry))
        if not name.startswith("_") and home.__module__.startswith("kan."):
            yield name


def public_names() -> Iterator[str]:
    """Yield the full name of everything public, where users find it first."""
    seen: set[Any] = set()
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            if name in OF_OTHER_LIBRARIES or (module_name != "kan" and value is getattr(kan, name, None)):
                continue
            yield f"{module_name}.{name}"
            if inspect.isclass(value) and value not in seen and not issubclass(value, Exception):
                seen.add(value)
                yield from (f"{module_name}.{name}.{member}" for member in public_members(value))


def documented_names() -> Iterator[str]:
    """Yield the full name of everything that the reference describes."""
    for page in sorted((DOCS / "reference").glob("*.md")):
        for kind, name, options in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            yield name
            if kind == "class" and ":members:" in options:
                module, owner = name.rsplit(".", 1)
                value = getattr(importlib.import_module(module), owner)
                inherited = ":inherited-members:" in options
                yield from (
                    f"{name}.{member}" for member in public_members(value) if inherited or member in vars(value)
                )


def test_every_public_name_is_in_the_reference() -> None:
    missing = sorted(set(public_names()) - set(documented_names()))
    assert missing == [], "give each its line in docs/reference/, on the page of its kind"


def test_nothing_is_in_the_reference_twice() -> None:
    names = sorted(documented_names())
    assert [name for name, following in zip(names, names[1:]) if name == following] == []


def test_first_lines_of_properties_have_no_colon() -> None:
    # Sphinx takes what stands before it for the type, and tables show the rest alone.
    lines = {}
    for name in documented_names():
        owner, member = name.rsplit(".", 1)
        value = inspect.getattr_static(pydoc.locate(owner), member)
        if isinstance(value, property):
            lines[name] = (inspect.getdoc(value) or "").split("\n")[0]
    assert "kan.KAN.edge_scores" in lines
    assert {name: line for name, line in lines.items() if ":" in line} == {}


def test_the_table_of_functions_is_that_of_the_library() -> None:
    page = (DOCS / "reference" / "functions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (`.*`) \|$", page, re.MULTILINE)
    listed = {name: int(complexity) for complexity, names in rows for name in re.findall(r"`([^`]+)`", names)}
    assert listed == {name: entry.complexity for name, entry in kan.SYMBOLIC_LIB.items()}


def test_code_fits_the_width_of_a_page() -> None:
    lines = [
        f"{shown(page)}: {line}"
        for page in PAGES
        for _, code in BLOCK.findall(page.read_text(encoding="utf-8"))
        for line in code.splitlines()
        if len(line) > WIDEST_CODE
    ]
    assert lines == []


def test_every_picture_is_shown_and_small() -> None:
    texts = "\n".join(page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"])
    pictures = [path for path in PICTURES.iterdir() if path.suffix in (".png", ".svg")]
    assert [path.name for path in pictures if f"pictures/{path.name}" not in texts] == []
    assert [path.name for path in pictures if path.stat().st_size > MOST_BYTES_OF_A_PICTURE] == []


def test_every_picture_can_be_made_again() -> None:
    made = set(re.findall(r'"(\w+\.(?:png|svg))"', (PICTURES / "make.py").read_text(encoding="utf-8")))
    assert {path.name for path in PICTURES.iterdir() if path.suffix in (".png", ".svg")} == made


@pytest.mark.parametrize("name", ["fit", "prune", "plot", "auto_symbolic", "symbolic_formula", "create_dataset"])
def test_help_on_what_is_used_most_fits_into_80_columns(name: str) -> None:
    text = inspect.getdoc(getattr(kan.KAN, name, None) or getattr(kan, name)) or ""
    prose = [line for line in text.splitlines() if not line.startswith((">>>", "..."))]
    assert [line for line in prose if len(line) + 4 > 80] == []  # `help` indents it
