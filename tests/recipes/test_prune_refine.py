"""Runs that train, prune and refine in rounds."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.common.errors import ArgumentError
from kan.recipes import runner1


@pytest.fixture
def dataset() -> dict[str, Tensor]:
    x = torch.rand(60, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = x[:, [0]] ** 2 + x[:, [1]]
    return {"train_input": x[:40], "train_label": y[:40], "test_input": x[40:], "test_label": y[40:]}


def run(dataset: Any, **options: Any) -> Any:
    return runner1(
        **{"width": [2, 2, 1], "dataset": dataset, "grids": [2, 4, 6], "steps": 3, "progress": False, **options}
    )


def test_every_stage_is_recorded_under_the_version_that_pykan_gives_it(dataset: dict[str, Tensor]) -> None:
    results = run(dataset, prune_round=3, refine_round=2)
    assert sorted(results) == ["G", "c", "id", "test_loss"]
    assert results["id"].tolist() == ["0.2", "0.4", "0.6", "1.4", "1.6", "1.8", "2.6", "2.8", "2.10"]
    assert results["G"].tolist() == [2, 2, 4] * 3
    assert results["test_loss"].dtype == float


def test_the_numbers_are_those_of_the_steps_by_hand(dataset: dict[str, Tensor]) -> None:
    def edges(model: KAN, data: Any) -> Tensor:
        assert data is dataset
        return torch.tensor(model.n_edge)

    results = run(dataset, prune_round=2, refine_round=1, lamb=0.01, metrics=[edges], seed=5)
    model = KAN(width=[2, 2, 1], grid=2, seed=5)
    losses = []
    for _ in range(2):
        model.fit(dataset, steps=3, lamb=0.01, progress=False)
        model = model.prune(edge_th=1e-2, node_th=1e-2)
        losses.append(model.evaluate(dataset)["test_loss"])
        refined = model.refine(2)
        refined.fit(dataset, steps=3, progress=False)
        losses.append(refined.evaluate(dataset)["test_loss"])
    assert results["test_loss"].tolist() == pytest.approx(losses)
    assert results["edges"].tolist() == results["c"].tolist()


def test_versions_are_written_on_request(dataset: dict[str, Tensor], tmp_path: Any) -> None:
    results = run(dataset, prune_round=1, refine_round=1, ckpt_path=str(tmp_path))
    (folder,) = tmp_path.iterdir()
    (best,) = folder.glob(f"{results['id'][-1]}*.pt")
    assert KAN.loadckpt(str(best)).evaluate(dataset)["test_loss"] == pytest.approx(results["test_loss"][-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"refine_round": 4}, "`grids` must hold a grid for each of the 4 refinements"),
        ({"grids": [], "refine_round": 0}, "`grids` must hold a grid"),
        ({"prune_round": 0}, "`prune_round` must be at least 1"),
        ({"refine_round": -1}, "`refine_round` at least 0"),
    ],
)
def test_arguments_that_make_no_run(dataset: dict[str, Tensor], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        run(dataset, **options)


def test_a_test_set_is_needed(dataset: dict[str, Tensor]) -> None:
    with pytest.raises(ArgumentError, match="must hold 'test_input' and 'test_label'"):
        run({name: dataset[name] for name in ("train_input", "train_label")})


def test_metrics_without_a_name_of_their_own_are_recorded_and_others_refused_at_once(dataset: Any) -> None:
    def edges(_: Any, __: Any, *, factor: int = 1) -> int:
        return factor

    options = {"grids": [3], "steps": 1, "prune_round": 1, "refine_round": 0, "progress": False}
    results = runner1([2, 1], dataset, metrics=[functools.partial(edges, factor=2)], **options)
    assert results["partial"].tolist() == [2.0]
    with pytest.raises(ArgumentError, match="`metrics` must be a list of functions"):
        runner1([2, 1], dataset, metrics=edges, **options)
