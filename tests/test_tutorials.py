"""The notebooks in ``tutorials/`` are as their readers expect them, and run from the first cell to the last.

All are looked at; of those that run fast, as many are executed as fit into the time for the tests. `make tutorials`
executes all.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from execute import complaints, execute, name_of, notebooks, tidied
from nbclient.exceptions import CellExecutionError

ALL = notebooks()
TUTORIALS = Path(__file__).resolve().parent.parent / "tutorials"

MOST_BYTES = 300_000
MOST_SECONDS_OF_ONE = 10
MOST_SECONDS_OF_ALL = 100

NAME = re.compile(r"hellokan\.ipynb|[a-z0-9]+/\d\d(_[a-z0-9]+)+\.ipynb")
OF_ONE_MACHINE = re.compile(
    r"(?<![\w.:/])/(?:home|root|tmp|usr|opt|var|work|Users|mnt)/|[A-Z]:\\+Users|\bat 0x[0-9a-f]{6,}"
)


def seconds_of(path: Path) -> int:
    """Return how long the execution of a notebook took when it was last written."""
    return json.loads(path.read_text(encoding="utf-8"))["metadata"]["tutorial"]["seconds"]


def fast() -> list[Path]:
    """Return notebooks that can be executed within the time for the tests: the first tutorial, then the shortest."""
    chosen, total = [], 0
    for path in sorted(ALL, key=lambda path: (path.name != "hellokan.ipynb", seconds_of(path), path)):
        total += seconds_of(path)
        if seconds_of(path) <= MOST_SECONDS_OF_ONE and total <= MOST_SECONDS_OF_ALL:
            chosen.append(path)
    return chosen


def outputs_of(notebook: nbformat.NotebookNode) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def written(*sources: str) -> nbformat.NotebookNode:
    """Return a notebook of these code cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


each = pytest.mark.parametrize("path", ALL, ids=name_of)


@each
def test_names_are_numbered_and_in_lower_case(path: Path) -> None:
    assert NAME.fullmatch(name_of(path)), "hellokan.ipynb, or group/01_words.ipynb"


@each
def test_it_asks_a_question_shows_a_picture_and_says_what_was_learnt(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    first, last = notebook.cells[0], notebook.cells[-1]
    assert first.cell_type == last.cell_type == "markdown"
    assert re.match(r"# \S.*\n\n\*\*The question\.\*\* ", first.source)
    assert re.match(r"## What we learnt\n\n- (.|\n)*\n\n## What to try next\n\n- ", last.source)
    assert any(kind.startswith("image/") for output in outputs_of(notebook) for kind in output.get("data", {}))


@each
def test_it_was_executed_in_order_without_an_error_or_a_warning(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert [output for output in outputs_of(notebook) if output.output_type == "error"] == []
    assert complaints(notebook) == []


@each
def test_it_is_small_and_the_same_wherever_it_was_executed(path: Path) -> None:
    assert path.stat().st_size <= MOST_BYTES
    notebook = nbformat.read(path, as_version=4)
    texts = [
        text
        for output in outputs_of(notebook)
        for text in [output.get("text"), *output.get("data", {}).values()]
        if isinstance(text, str)
    ]
    assert [text for text in texts if OF_ONE_MACHINE.search(text)] == []
    written_again = nbformat.writes(tidied(notebook, seconds=seconds_of(path))) + "\n"
    assert path.read_text(encoding="utf-8") == written_again, "write it with tutorials/execute.py"


@pytest.mark.parametrize("path", fast(), ids=name_of)
def test_it_runs_without_a_complaint(path: Path, tmp_path: Path) -> None:
    assert complaints(execute(path, tmp_path)) == []


def test_hello_is_among_those_that_run() -> None:
    assert TUTORIALS / "hellokan.ipynb" in fast()


def test_warnings_and_errors_are_seen_and_progress_bars_are_not(tmp_path: Path) -> None:
    bar = "import sys; sys.stderr.write('| loss: 1e-3 | : 100%|####| 20/20 [00:00<00:00, 99.1it/s]\\r'); print('end')"
    path = tmp_path / "warning.ipynb"
    nbformat.write(written(bar, "import warnings; warnings.warn('mind the gap')"), path)
    notebook = execute(path, tmp_path)
    assert [output["text"] for output in notebook.cells[0].outputs] == ["end\n"]
    assert len(complaints(notebook)) == 1
    assert "mind the gap" in complaints(notebook)[0]

    nbformat.write(written("1 / 0"), path)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(path, tmp_path)
