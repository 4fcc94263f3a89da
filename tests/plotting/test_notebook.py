from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]

SET_UP = """
import matplotlib.pyplot as plt
import torch
from kan import KAN
model = KAN(width=[2, 1], seed=0)
model.get_act(torch.rand(50, 2))
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many pictures each of these cells shows, run one after the other in one notebook."""
    folder = tmp_path_factory.mktemp("notebook")
    cells = ["model.plot()", "model.plot();", "figure = model.plot()", "model.plot(); model.plot()", "plt.subplots();"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in [SET_UP, *cells]])
    # A backend that a person or a test runner has set would hide the notebook's own.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment.update(PYTHONPATH=str(ROOT), IPYTHONDIR=str(folder / ".ipython"))
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    outputs = [cell.outputs for cell in notebook.cells[1:]]
    return {cell: sum("image/png" in shown.get("data", {}) for shown in of) for cell, of in zip(cells, outputs)}


@pytest.mark.parametrize("cell", ["model.plot()", "model.plot();", "figure = model.plot()"])
def test_a_diagram_is_shown_once(pictures: dict[str, int], cell: str) -> None:
    assert pictures[cell] == 1


def test_two_diagrams_of_one_cell_are_both_shown(pictures: dict[str, int]) -> None:
    assert pictures["model.plot(); model.plot()"] == 2


def test_other_figures_are_shown_after_a_diagram(pictures: dict[str, int]) -> None:
    assert pictures["plt.subplots();"] == 1
