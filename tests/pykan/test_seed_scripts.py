"""Scripts of others, written for pykan 0.0.x and 0.2.x, run from top to bottom as they stand."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import sympy
import torch

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(autouse=True)
def no_windows_left() -> Any:
    yield
    plt.close("all")


def run(script: str, **names: Any) -> dict[str, Any]:
    return runpy.run_path(str(SCRIPTS / script), init_globals=names)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("mode", ["auto", "manual"])
def test_the_first_tutorial_ends_with_a_formula_that_fits_and_is_the_network(mode: str, tmp_path: Path) -> None:
    names = run("hello_0_0.py", mode=mode)
    model, x, y = names["model"], names["dataset"]["test_input"], names["dataset"]["test_label"][:, 0]
    formula = sympy.lambdify(sympy.symbols("x_1 x_2"), names["formula"], "numpy")
    values = torch.as_tensor(formula(*x.double().T.numpy()))
    with torch.no_grad():
        assert (values - model.double()(x.double())[:, 0]).abs().max() < 1e-4
    assert (values - y).square().mean().sqrt() < 0.05
    if mode == "manual":
        assert [layer.funs_name for layer in model.symbolic_fun] == [[["sin", "x^2"]], [["exp"]]]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_advice_of_the_readme_runs(tmp_path: Path) -> None:
    names = run("advice_0_2.py")
    assert names["pruned_model"].width[0] == [5, 0]
    assert len(names["results"]["train_loss"]) == 5
    assert list(tmp_path.iterdir()) == []
