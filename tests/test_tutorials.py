"""Each notebook in ``tutorials/`` runs from its first to its last cell, as a reader would run it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT / "tutorials"

# Every notebook is listed: the fast ones run here, the slow ones only by hand.
FAST = ("hellokan.ipynb",)
SLOW: tuple[str, ...] = ()

SECONDS_FOR_A_CELL = 60
PROGRESS = re.compile(r"\d+%\|.*\|\s*[\d.]+[kM]?/[\d.]+[kM]?\s*\[|\d+it \[")


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what the notebook wrote to standard error, apart from progress bars."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    written = "\n".join(output["text"] for output in outputs if output.get("name") == "stderr")
    lines = re.split(r"[\r\n]+", written)
    return [line for line in lines if line.strip() and not PROGRESS.search(line)]


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Execute the notebook at `path` in `folder` and return it with its outputs."""
    # The kernel imports this tree, draws into the notebook, and reads no settings of the person who runs the test.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
    environment["IPYTHONDIR"] = str(folder / ".ipython")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS_FOR_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment)
    return notebook


def test_every_notebook_is_listed() -> None:
    assert {path.name for path in TUTORIALS.glob("*.ipynb")} == {*FAST, *SLOW}


@pytest.mark.parametrize("name", FAST)
def test_the_notebook_runs_without_a_complaint(name: str, tmp_path: Path) -> None:
    notebook = run(TUTORIALS / name, tmp_path)
    assert complaints(notebook) == []


def test_a_warning_in_a_notebook_would_be_seen(tmp_path: Path) -> None:
    bar = "import sys; sys.stderr.write('| loss: 1e-3 | : 100%|####| 20/20 [00:00<00:00, 99.1it/s]\\r')"
    cells = [bar, "import warnings; warnings.warn('mind the gap')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "warning.ipynb")
    assert any("mind the gap" in line for line in complaints(run(tmp_path / "warning.ipynb", tmp_path)))
    assert not any("loss" in line for line in complaints(run(tmp_path / "warning.ipynb", tmp_path)))
