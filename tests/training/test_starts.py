"""Several starts: the best of them is what `fit` leaves."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from kan import KAN
from kan.common.errors import ArgumentError
from kan.training import GridSchedule, Training


def objective(model: Any, dataset: Any, *, lamb: float) -> float:
    """Return the mean square error on the test data, plus `lamb` times the default penalty."""
    with torch.no_grad():
        loss = (model(dataset["test_input"]) - dataset["test_label"]).square().mean()
        return float(loss + lamb * model.get_reg("edge_forward_spline_n", 1.0, 2.0, 0.0, 0.0))


@pytest.mark.parametrize("opt", ["LBFGS", "Adam", "LM"])
def test_the_best_start_is_kept(make: Any, dataset: Any, opt: str) -> None:
    model = make()
    results = model.fit(dataset, opt=opt, steps=16, n_starts=4, progress=False)
    assert len(results["starts"]) == 4
    assert len(results["train_loss"]) == 16
    with torch.no_grad():
        error = (model(dataset["test_input"]) - dataset["test_label"]).square().mean().sqrt()
    assert float(error) == pytest.approx(results["test_loss"][-1], rel=1e-4)


@pytest.mark.parametrize("options", [{}, {"opt": "LM", "grids": [3, 6]}, {"batch": 30}, {"lamb": 0.01, "opt": "Adam"}])
@pytest.mark.parametrize("seed", range(2))
def test_more_starts_are_never_worse_than_one(make: Any, dataset: Any, options: Any, seed: int) -> None:
    def reached(number: int) -> float:
        model = make(seed=seed)
        model.fit(dataset, steps=6, n_starts=number, progress=False, **options)
        return objective(model, dataset, lamb=options.get("lamb", 0.0))

    assert reached(4) <= reached(1)


def test_penalties_judge_too(make: Any, dataset: Any) -> None:
    model = make()
    results = model.fit(dataset, steps=16, lamb=0.05, n_starts=8, progress=False)
    assert min(results["starts"]) == pytest.approx(objective(model, dataset, lamb=0.05) ** 0.5, rel=1e-4)


def test_a_penalty_of_ones_own_that_is_negative_judges_as_well(dataset: Any) -> None:
    class Rewarded(KAN):
        def get_reg(self, *_: Any, **__: Any) -> Any:
            return -torch.tanh(self.act_fun[0].coef.square().sum())

    model = Rewarded(width=[2, 2, 1], grid=3, seed=0, auto_save=False)
    results = model.fit(dataset, steps=8, lamb=10.0, n_starts=4, progress=False)
    assert np.isfinite(results["starts"]).all()
    assert max(results["starts"]) < 0


def test_penalties_judge_with_a_loader_and_a_loss_too(make: Any, dataset: Any) -> None:
    rows = torch.utils.data.TensorDataset(dataset["train_input"], dataset["train_label"])
    loader = torch.utils.data.DataLoader(rows, batch_size=len(rows))
    model = make()
    options = {"steps": 8, "lamb": 0.05, "opt": "Adam", "n_starts": 4, "progress": False}
    results = model.fit({"train_loader": loader}, loss_fn=torch.nn.functional.l1_loss, **options)
    assert min(results["starts"]) == pytest.approx(results["train_loss"][-1] + 0.05 * results["reg"][-1], rel=1e-6)


def test_test_data_judge_beside_a_loader(make: Any, dataset: Any) -> None:
    rows = torch.utils.data.TensorDataset(dataset["train_input"], dataset["train_label"])
    data = {"train_loader": torch.utils.data.DataLoader(rows, batch_size=len(rows))}
    data.update({name: dataset[name] for name in ("test_input", "test_label")})
    results = make().fit(data, steps=8, n_starts=4, progress=False)
    assert results["test_loss"][-1] == pytest.approx(min(results["starts"]), rel=1e-5)


@pytest.mark.parametrize("seed", [1, 2])
def test_without_a_test_set_more_starts_are_never_worse_on_the_training_data(
    make: Any, dataset: Any, seed: int
) -> None:
    training = {key: value for key, value in dataset.items() if key.startswith("train")}
    one, several = (make(seed=seed).fit(training, steps=6, n_starts=n, progress=False) for n in (1, 4))
    assert several["train_loss"][-1] <= one["train_loss"][-1]


def test_the_model_as_it_is_wins_if_it_is_the_best(make: Any, dataset: Any) -> None:
    model = make()
    model.fit(dataset, steps=30, progress=False)
    one, several = copy.deepcopy(model), copy.deepcopy(model)
    one.fit(dataset, opt="Adam", steps=6, progress=False)
    results = several.fit(dataset, opt="Adam", steps=6, n_starts=5, grids=[3], progress=False)
    assert np.argmin(results["starts"]) == 0
    assert all(map(torch.equal, one.parameters(), several.parameters()))


def test_a_model_that_wins_after_it_was_refined_keeps_its_grid(make: Any, dataset: Any) -> None:
    for seed in range(2):
        model = make(seed=seed)
        results = model.fit(dataset, opt="LM", steps=6, n_starts=3, grids=[3, 6, 9], progress=False)
        assert model.grid == 9
        with torch.no_grad():
            error = (model(dataset["test_input"]) - dataset["test_label"]).square().mean().sqrt()
        assert float(error) == pytest.approx(results["test_loss"][-1], rel=1e-4) == min(results["starts"])


def test_a_start_that_learns_nothing_is_given_up(make: Any, dataset: Any) -> None:
    def dead() -> Any:
        model = make()
        for layer in model.act_fun:
            for parameter in (layer.coef, layer.scale_base, layer.scale_sp):
                parameter.data.zero_()
        return model

    one = dead().fit(dataset, steps=8, progress=False)
    several = dead().fit(dataset, steps=8, n_starts=4, progress=False)
    assert several["test_loss"][-1] < 0.5 * one["test_loss"][-1]


def test_starts_are_repeatable_and_differ(make: Any, dataset: Any) -> None:
    found = [make().fit(dataset, steps=8, n_starts=3, progress=False) for _ in range(2)]
    np.testing.assert_array_equal(found[0]["starts"], found[1]["starts"])
    assert len(set(found[0]["starts"])) == 3


def test_without_a_test_set_some_training_rows_judge(make: Any, dataset: Any) -> None:
    training = {key: value for key, value in dataset.items() if key.startswith("train")}
    results = make().fit(training, steps=8, n_starts=3, progress=False)
    assert np.isfinite(results["starts"]).all()
    assert "test_loss" not in results


@pytest.mark.parametrize("stop_rule", [{"restore_best": True}, {"patience": 1}])
def test_the_stop_rule_compares_losses_on_the_same_rows_only(make: Any, stop_rule: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(12, 1, generator=generator) * 2 - 1, torch.randn(12, 1, generator=generator)
    model = make((1, 1, 1), k=2).double()
    for layer in model.act_fun:  # a start that cannot win
        for parameter in (layer.coef, layer.scale_base, layer.scale_sp):
            parameter.data.zero_()
    data = {"train_input": x, "train_label": y}
    results = model.fit(data, opt="LM", steps=64, n_starts=3, update_grid=False, progress=False, **stop_rule)
    on_some_rows, on_all_rows = np.split(results["train_loss"], [8])  # trials take an eighth of the steps
    assert min(on_some_rows) < min(on_all_rows)
    if "patience" in stop_rule:
        assert on_all_rows[-1] >= min(on_all_rows[:-1])
    else:
        with torch.no_grad():
            error = float((model(x) - y).square().mean().sqrt())
        assert error == pytest.approx(min(on_all_rows), rel=1e-6)


def test_an_optimiser_that_came_to_a_standstill_goes_on_with_other_data(make: Any, dataset: Any) -> None:
    model = make((2, 1)).double()
    data = {"train_input": dataset["train_input"], "train_label": dataset["train_label"] + dataset["train_input"] ** 9}
    data["train_label"] = data["train_label"][:, [0]]
    training = Training(model, data, opt="LM", steps=100, grids=GridSchedule(False, 10, -1, 50))
    every_row, steps = training.data, training.advance()
    part, _ = every_row.split(torch.arange(60), held=12)
    training.use(part)
    while not training.optimiser.stagnated:
        next(steps)
    training.use(every_row)
    first, *_, last = (training.record.values["train_loss"][-1] for _ in zip(range(20), steps))
    assert last < first


def test_product_nodes_and_grids_go_with_several_starts(make: Any, dataset: Any) -> None:
    model = make((2, [1, 1], 1))
    results = model.fit(dataset, steps=8, n_starts=2, grids=[3, 6], progress=False)
    assert model.grid == 6
    assert results["grid"].tolist() == [3] * 8 + [6] * 8


def test_parameters_that_are_not_trained_are_the_same_in_every_start(make: Any, dataset: Any) -> None:
    model = make()
    model.act_fun[0].scale_base.requires_grad_(False)
    before = model.act_fun[0].scale_base.clone()
    model.fit(dataset, steps=8, n_starts=3, progress=False)
    torch.testing.assert_close(model.act_fun[0].scale_base.detach(), before, rtol=0, atol=0)


@pytest.mark.parametrize("number", [0, -1, 1.5])
def test_a_number_of_starts_that_is_none_is_an_error(make: Any, dataset: Any, state_of: Any, number: Any) -> None:
    model = make()
    before = state_of(model)
    with pytest.raises(ArgumentError, match="n_starts"):
        model.fit(dataset, steps=2, n_starts=number, progress=False)
    assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())


def test_an_interrupt_leaves_the_best_start_that_is_known(make: Any, dataset: Any) -> None:
    model = make()
    model.fit(dataset, steps=20, progress=False)
    steps: list[int] = []

    def loss() -> float:
        with torch.no_grad():
            return float((model(dataset["test_input"]) - dataset["test_label"]).square().mean())

    def interrupt() -> int:
        steps.append(1)
        if len(steps) == 12:
            raise KeyboardInterrupt
        return 0

    trained = loss()
    with pytest.raises(KeyboardInterrupt):
        model.fit(dataset, steps=16, n_starts=8, metrics=[interrupt], progress=False)
    assert loss() < 1.2 * trained
    assert model.last_results["test_loss"][-1] == pytest.approx(loss() ** 0.5, rel=1e-5)
