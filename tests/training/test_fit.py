"""The training loop, through `fit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from kan import KAN, batch_jacobian
from kan.common.errors import ArgumentError
from kan.training import fit as fit_module
from kan.training.record import Record

Make = Callable[..., KAN]


def rmse(model: KAN, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((model(x) - y).square().mean().sqrt())


def quiet(model: KAN, dataset: Any, **options: Any) -> dict[str, np.ndarray[Any, Any]]:
    return model.fit(dataset, **{"steps": 4, "progress": False, **options})


# Learning


@pytest.mark.parametrize(("opt", "steps", "factor"), [("LBFGS", 5, 0.15), ("Adam", 60, 0.6), ("LM", 10, 0.1)])
def test_the_loss_goes_down(make: Make, dataset: Any, opt: str, steps: int, factor: float) -> None:
    model = make()
    before = rmse(model, dataset["test_input"], dataset["test_label"])
    results = quiet(model, dataset, opt=opt, steps=steps)
    assert results["test_loss"][-1] < factor * before
    assert results["train_loss"][-1] < results["train_loss"][0]


def test_penalties_make_edges_small(make: Make, dataset: Any) -> None:
    free, held = make((2, 4, 1)), make((2, 4, 1))
    quiet(free, dataset, steps=4)
    quiet(held, dataset, steps=4, lamb=0.05)
    assert held.reg().item() < 0.7 * free.reg().item()


@pytest.mark.parametrize("metric", ["edge_forward_spline_u", "edge_forward_sum", "edge_backward", "node_backward"])
def test_every_way_to_measure_edges_trains(make: Make, dataset: Any, metric: str) -> None:
    results = quiet(make(), dataset, lamb=0.01, reg_metric=metric, steps=4)
    objective = np.square(results["train_loss"]) + 0.01 * np.array(results["reg"])
    assert objective[-1] < objective[0]
    assert results["reg"][-1] > 0


def test_a_double_model_trains_in_double_precision(make: Make, dataset: Any) -> None:
    model = make().double()
    quiet(model, dataset)
    assert {entry.dtype for entry in model.parameters()} == {torch.float64}


def test_parameters_that_are_not_trained_stay(make: Make, dataset: Any) -> None:
    model = make(sb_trainable=False)
    before = model.act_fun[0].scale_base.clone()
    quiet(model, dataset)
    assert torch.equal(model.act_fun[0].scale_base, before)


def test_symbolic_edges_train(make: Make, dataset: Any) -> None:
    model = make((2, 1))
    model.fix_symbolic(0, 1, 0, "sin", fit_params_bool=False)
    before = model.symbolic_fun[0].affine.clone()
    quiet(model, dataset)
    assert not torch.equal(model.symbolic_fun[0].affine, before)


@pytest.mark.parametrize("opt", ["LBFGS", "Adam", "LM"])
def test_singularities_are_avoided_on_request(make: Make, dataset: Any, opt: str) -> None:
    model = make((2, 1))
    model.fix_symbolic(0, 0, 0, "1/x", fit_params_bool=False)
    dataset["train_input"][0, 0] = 0.0
    results = quiet(model, dataset, opt=opt, steps=1, update_grid=False, singularity_avoiding=True, y_th=5.0)
    with torch.no_grad():
        avoiding, wide, plain = (
            float((model(dataset["train_input"], **options) - dataset["train_label"]).square().mean().sqrt())
            for options in (
                {"singularity_avoiding": True, "y_th": 5.0},
                {"singularity_avoiding": True, "y_th": 1000.0},
                {},
            )
        )
    assert results["train_loss"][-1] == pytest.approx(avoiding, rel=1e-5)
    assert all(other != pytest.approx(avoiding, rel=1e-4) for other in (wide, plain))


def test_a_class_with_a_forward_of_its_own_is_trained_with_it(dataset: Any) -> None:
    class Shifted(KAN):
        def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            return super().forward(x, *args, **kwargs) + 100

    labels = {name: entry + 100 if "label" in name else entry for name, entry in dataset.items()}
    for options in ({}, {"lamb": 1e-4}, {"opt": "Adam", "steps": 2}):
        model = Shifted(width=[2, 1], seed=0, auto_save=False)
        results = quiet(model, labels, **options)
        assert results["train_loss"][-1] < 2
        assert results["train_loss"][-1] == pytest.approx(
            rmse(model, labels["train_input"], labels["train_label"]), rel=1e-3
        )


# Results


def test_results_are_arrays_with_one_number_per_step(make: Make, dataset: Any) -> None:
    results = quiet(make(), dataset, steps=5)
    assert list(results) == ["train_loss", "test_loss", "reg"]
    for column in results.values():
        assert isinstance(column, np.ndarray)
        assert column.shape == (5,)
        assert column.dtype == np.float64


def test_the_default_loss_is_recorded_as_its_root(make: Make, dataset: Any) -> None:
    model = make()
    results = quiet(model, dataset)
    for part in ("train", "test"):
        loss = rmse(model, dataset[f"{part}_input"], dataset[f"{part}_label"])
        assert results[f"{part}_loss"][-1] == pytest.approx(loss, rel=1e-5)


def test_cross_entropy_takes_integer_classes(make: Make, dataset: Any) -> None:
    classes = {name: (x[:, 0] > 0).long() + (x[:, 1] > 0).long() for name, x in dataset.items() if "input" in name}
    data = {**dataset, "train_label": classes["train_input"], "test_label": classes["test_input"]}
    model, loss_fn = make((2, 3)), nn.CrossEntropyLoss()
    results = quiet(model, data, loss_fn=loss_fn, steps=6)
    assert results["train_loss"][-1] < 0.3 * results["train_loss"][0] or results["train_loss"][-1] < 0.3
    with torch.no_grad():
        assert results["train_loss"][-1] == pytest.approx(
            float(loss_fn(model(data["train_input"]), data["train_label"])), rel=1e-4, abs=1e-6
        )


def test_the_penalty_is_recorded_without_its_weight(make: Make, dataset: Any) -> None:
    model = make()
    results = quiet(model, dataset, lamb=0.01)
    model.get_act(dataset["train_input"])
    assert results["reg"][-1] == pytest.approx(model.reg().item(), rel=1e-4)


def test_without_a_weight_the_penalty_is_zero(make: Make, dataset: Any) -> None:
    assert quiet(make(), dataset)["reg"].tolist() == [0.0] * 4


def test_metrics_in_the_style_of_pykan_are_recorded(make: Make, dataset: Any) -> None:
    model = make()

    def train_acc() -> Tensor:
        return torch.mean((model(dataset["train_input"]) > 0).to(torch.float32))

    def test_acc() -> Tensor:
        return torch.mean((model(dataset["test_input"]) > 0).to(torch.float32))

    results = quiet(model, dataset, metrics=(train_acc, test_acc))
    assert list(results) == ["train_loss", "test_loss", "reg", "train_acc", "test_acc"]
    assert len(results["train_acc"]) == 4
    assert results["train_acc"][-1] == pytest.approx(float(train_acc()))


def test_a_metric_or_loss_with_a_graph_is_recorded_without_a_warning(make: Make, dataset: Any) -> None:
    model = make((2, 1))

    def weight() -> Tensor:
        return model.act_fun[0].coef.square().mean()

    results = quiet(model, dataset, steps=1, metrics=[weight], loss_fn=nn.MSELoss())
    assert results["weight"][-1] == pytest.approx(weight().item())


def test_a_metric_may_be_an_object_without_a_name(make: Make, dataset: Any) -> None:
    class Seven:
        def __call__(self) -> int:
            return 7

    assert quiet(make(), dataset, metrics=[Seven()])["Seven"].tolist() == [7.0] * 4


def test_the_progress_bar_shows_the_metrics_asked_for(make: Make, dataset: Any, capsys: Any) -> None:
    def half() -> float:
        return 0.5

    make().fit(dataset, steps=2, metrics=[half], display_metrics=["half"])
    shown = capsys.readouterr().err
    assert "| half: 5.00e-01 |" in shown
    assert "train_loss" not in shown


def test_the_progress_bar_shows_the_losses(make: Make, dataset: Any, capsys: Any) -> None:
    results = make().fit(dataset, steps=2)
    assert f"train_loss: {results['train_loss'][-1]:.2e} | test_loss: " in capsys.readouterr().err


def test_the_progress_bar_is_updated_every_so_many_steps_and_at_the_end(
    make: Make, dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    monkeypatch.setattr(Record, "describe", lambda self: shown.append(len(self.values["reg"])) or "")
    quiet(make((2, 1)), dataset, steps=8, log=3)
    assert shown == [1, 4, 7, 8]


def test_without_progress_nothing_is_written(make: Make, dataset: Any, capfd: Any) -> None:
    quiet(make(), dataset)
    assert capfd.readouterr() == ("", "")


def test_no_steps_change_nothing(make: Make, dataset: Any, state_of: Any) -> None:
    model = make()
    before = state_of(model)
    results = quiet(model, dataset, steps=0)
    assert {name: len(column) for name, column in results.items()} == {"train_loss": 0, "test_loss": 0, "reg": 0}
    assert all(torch.equal(entry, before[name]) for name, entry in model.named_parameters())


def test_nothing_is_written_to_disk(dataset: Any, tmp_path: Path) -> None:
    KAN(width=[2, 2, 1], seed=0).fit(dataset, steps=2, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_training_inputs_become_the_data_of_the_scores(make: Make, dataset: Any) -> None:
    model = make()
    quiet(model, dataset)
    assert torch.equal(model.reference_data(), dataset["train_input"])
    assert model.acts[0].shape[0] == len(dataset["train_input"])


# Data


def test_small_batches_train(make: Make, dataset: Any) -> None:
    results = quiet(make(), dataset, batch=16, opt="Adam", steps=50)
    assert sum(results["train_loss"][-10:]) < sum(results["train_loss"][:10])


def test_epochs_count_passes_over_the_data(make: Make, dataset: Any) -> None:
    results = quiet(make(), dataset, opt="Adam", batch=16, epochs=2, steps=100)
    assert len(results["train_loss"]) == 2 * 4  # 60 rows make 4 batches of 16


def test_a_loader_trains(make: Make, dataset: Any) -> None:
    loader = DataLoader(TensorDataset(dataset["train_input"], dataset["train_label"]), batch_size=20)
    model = make()
    results = quiet(model, loader, opt="Adam", epochs=8, lr=0.02)
    assert list(results) == ["train_loss", "reg"]
    assert len(results["train_loss"]) == 8 * 3
    assert sum(results["train_loss"][-3:]) < sum(results["train_loss"][:3])


def test_a_dictionary_of_loaders_trains(make: Make, dataset: Any) -> None:
    loaders = {
        f"{part}_loader": DataLoader(TensorDataset(dataset[f"{part}_input"], dataset[f"{part}_label"]), batch_size=20)
        for part in ("train", "test")
    }
    model = make()
    results = quiet(model, loaders, opt="Adam", steps=5)
    expected = rmse(model, dataset["test_input"], dataset["test_label"])
    assert results["test_loss"][-1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("with_model", [False, True])
def test_a_prediction_of_the_users_own_is_trained(make: Make, with_model: bool) -> None:
    """The slope of the network is fitted, as in a physics loss; pykan's notebooks ask for the model, too."""
    model = make((1, 1))

    def slope_of(network: Any, x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(network(x).sum(), x, create_graph=True)[0]

    slope = slope_of if with_model else partial(slope_of, model)

    x = torch.linspace(-1, 1, steps=40)[:, None]
    data = {"train_input": x, "train_label": 2 * x, "test_input": x, "test_label": 2 * x}
    results = quiet(model, data, pred_fn=slope, steps=10)
    assert results["test_loss"][-1] < 0.02
    curve = model(x).detach()
    assert torch.allclose(curve - curve[20], x**2 - x[20] ** 2, atol=0.02)


@pytest.mark.parametrize("opt", ["LBFGS", "LM"])
def test_labels_have_the_shape_of_the_prediction_of_the_users_own(make: Make, opt: str) -> None:
    """A force in the plane has two components, its potential, the network, one."""
    model, x = make((2, 1)), 2 * torch.rand(60, 2, generator=torch.Generator().manual_seed(0)) - 1
    force = partial(batch_jacobian, model, create_graph=True)
    results = quiet(model, {"train_input": x, "train_label": 2 * x}, opt=opt, pred_fn=force, steps=20)
    assert results["train_loss"][-1] < 0.02


@pytest.mark.parametrize("opt", ["LBFGS", "LM"])
def test_a_prediction_of_one_number_per_row_goes_with_labels_in_a_column(make: Make, opt: str) -> None:
    """They were broadcast against each other."""
    model, x = make((1, 1)), torch.linspace(-1, 1, steps=40)[:, None]
    results = quiet(
        model,
        {"train_input": x, "train_label": 2 * x},
        opt=opt,
        pred_fn=lambda x: batch_jacobian(model, x, create_graph=True)[:, 0],
        steps=10,
    )
    assert results["train_loss"][-1] < 0.02


@pytest.mark.parametrize("opt", ["LBFGS", "LM", "Adam"])
@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (lambda model, x: model(x[1:]), r"must return the shape of the labels, \(40, 1\); got \(39, 1\)"),
        (lambda model, x: model(x) * torch.ones(2), r"must return the shape of the labels, \(40, 1\); got \(40, 2\)"),
        (lambda model, x: None, r"must return the shape of the labels, \(40, 1\); got NoneType"),
        (batch_jacobian, "create_graph=True"),
    ],
)
def test_a_prediction_that_cannot_be_compared_or_trained_is_refused(
    make: Make, opt: str, prediction: Any, message: str
) -> None:
    x = torch.linspace(-1, 1, steps=40)[:, None]
    with pytest.raises(ArgumentError, match=message):
        quiet(make((1, 1)), {"train_input": x, "train_label": 2 * x}, opt=opt, pred_fn=prediction, steps=2)


def test_grids_of_a_prediction_from_other_inputs_are_refined_without_them(make: Make) -> None:
    """What the network itself gets is not known: its grids keep their ranges."""
    t = torch.linspace(-1, 1, steps=40)[:, None]
    model = make((1, 1))
    before = model.act_fun[0].grid[:, [3, -4]].clone()
    data = {"train_input": torch.cat([9 * t, t], dim=1), "train_label": 2 * t}
    quiet(model, data, pred_fn=lambda x: model(x[:, 1:]), steps=4, grids=[3, 6])
    assert model.grid == 6
    torch.testing.assert_close(model.act_fun[0].grid[:, [3, -4]], before)


# Grids


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"grid_update_num": 5, "stop_grid_update_step": 10},
        {"start_grid_update_step": 3, "stop_grid_update_step": 12, "grid_update_num": 4},
        {"update_grid": False},
    ],
)
def test_grids_move_before_the_steps_of_pykan(
    make: Make, dataset: Any, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    settings = {"update_grid": True, "grid_update_num": 10, "start_grid_update_step": -1, "stop_grid_update_step": 50}
    settings.update(options)
    frequency = int(settings["stop_grid_update_step"] / settings["grid_update_num"])
    expected = [
        step
        for step in range(14)
        if settings["update_grid"]
        and step % frequency == 0
        and settings["start_grid_update_step"] <= step < settings["stop_grid_update_step"]
    ]
    model, steps, moved = make((2, 1)), [], []
    move = fit_module.update_grid
    monkeypatch.setattr(fit_module, "update_grid", lambda *a, **k: (moved.append(len(steps)), move(*a, **k)))

    def count() -> float:
        steps.append(0)
        return 0.0

    quiet(model, dataset, opt="Adam", steps=14, metrics=[count], **options)
    assert moved == expected


def test_grids_stay_with_a_prediction_of_the_users_own(make: Make, dataset: Any) -> None:
    model = make((2, 1))
    before = model.act_fun[0].grid.clone()
    quiet(model, dataset, pred_fn=model)
    assert torch.equal(model.act_fun[0].grid, before)


@pytest.mark.parametrize("opt", ["LBFGS", "LM"])
def test_a_frozen_layer_stays_as_it_is_on_other_data(make: Make, dataset: Any, opt: str) -> None:
    model = make((2, 2, 1))
    model.act_fun[0].requires_grad_(False)
    before = {name: values.clone() for name, values in model.act_fun[0].state_dict().items()}
    last = model.act_fun[1].grid.clone()
    quiet(model, {**dataset, "train_input": 3 * dataset["train_input"]}, opt=opt)
    assert all(torch.equal(values, before[name]) for name, values in model.act_fun[0].state_dict().items())
    assert not torch.equal(model.act_fun[1].grid, last)


def test_the_first_layers_bases_follow_a_moved_grid(make: Make, dataset: Any) -> None:
    """They are computed once for many steps: a stale one would record another loss than the model has."""
    model = make()
    results = quiet(model, dataset, steps=7, stop_grid_update_step=7, grid_update_num=7)
    expected = rmse(model, dataset["train_input"], dataset["train_label"])
    assert results["train_loss"][-1] == pytest.approx(expected, rel=1e-4)


# Stopping


def test_training_stops_when_the_test_loss_no_longer_falls(make: Make, dataset: Any) -> None:
    noise = torch.randn(60, 1, generator=torch.Generator().manual_seed(0))
    data = {**dataset, "train_label": dataset["train_label"] + noise}
    results = quiet(make((2, 1), grid=10), data, steps=40, patience=3)
    best = int(np.argmin(results["test_loss"]))
    assert len(results["test_loss"]) == best + 1 + 3 < 40


def test_without_a_test_set_patience_watches_the_training_loss(make: Make, dataset: Any) -> None:
    training = {name: dataset[name] for name in ("train_input", "train_label")}
    results = quiet(make((2, 1)), training, steps=30, opt="Adam", lr=5.0, patience=2)
    assert len(results["train_loss"]) == int(np.argmin(results["train_loss"])) + 3


@pytest.mark.parametrize("options", [{"batch": -1}, {"batch": 40}, {"batch": 20}, {"n_starts": 2}])
def test_the_best_parameters_come_back_on_request(make: Make, dataset: Any, options: dict[str, int]) -> None:
    noise = torch.randn(60, 1, generator=torch.Generator().manual_seed(0))
    data = {**dataset, "train_label": dataset["train_label"] + noise}
    model = make((2, 1), grid=10)
    results = quiet(model, data, steps=15, restore_best=True, **options)
    assert np.argmin(results["test_loss"]) < 14
    assert rmse(model, data["test_input"], data["test_label"]) == pytest.approx(min(results["test_loss"]), rel=1e-5)


def test_an_optimiser_that_cannot_improve_any_more_is_not_asked_again(make: Make) -> None:
    x = torch.linspace(-1, 1, steps=20)[:, None]
    model, calls = make((1, 1)), []

    def loss(prediction: Tensor, y: Tensor) -> Tensor:
        calls.append(0)
        return (prediction - y).square().mean()

    results = quiet(model, {"train_input": x, "train_label": x}, steps=3000, loss_fn=loss, stop_grid_update_step=10)
    assert len(results["train_loss"]) == 3000
    assert len(set(results["train_loss"][-1000:])) == 1
    assert len(calls) < 3000


# Interruption


class StopError(Exception):
    """What a loss of the user's own raises."""


def failing_after(calls: int, error: BaseException) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a loss that raises after some calls."""
    count = [0]

    def loss(prediction: Tensor, y: Tensor) -> Tensor:
        count[0] += 1
        if count[0] > calls:
            raise error
        return (prediction - y).square().mean()

    return loss


@pytest.mark.parametrize("options", [{}, {"opt": "Adam"}, {"lamb": 0.1, "reg_metric": "edge_backward"}])
@pytest.mark.parametrize(
    ("loss", "got"),
    [
        (nn.MSELoss(reduction="none"), r"a tensor of shape \(60, 1\)"),
        (lambda prediction, y: float((prediction - y).detach().square().sum() * 0), "0.0"),
        (lambda prediction, y: None, "None"),
    ],
)
def test_a_loss_that_is_no_number_is_named(make: Make, dataset: Any, options: Any, loss: Any, got: str) -> None:
    model = make()
    with pytest.raises(
        ArgumentError, match=f"`loss_fn` must return one number, as a tensor, such as the mean; got {got}"
    ):
        quiet(model, dataset, loss_fn=loss, **options)
    quiet(model, dataset, **options)


@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
@pytest.mark.parametrize("error", [StopError(), KeyboardInterrupt()])
def test_after_an_interruption_the_model_is_usable(make: Make, dataset: Any, opt: str, error: BaseException) -> None:
    model = make()
    model.eval()
    settings = (model.symbolic_enabled, model.save_act, model.auto_save, model.training)
    trained = [entry.requires_grad for entry in model.parameters()]
    with pytest.raises(type(error)):
        quiet(model, dataset, opt=opt, steps=50, loss_fn=failing_after(31, error))
    assert (model.symbolic_enabled, model.save_act, model.auto_save, model.training) == settings
    assert [entry.requires_grad for entry in model.parameters()] == trained
    assert bool(torch.isfinite(model(dataset["test_input"])).all())
    results = quiet(model, dataset, opt=opt)
    assert np.isfinite(results["train_loss"]).all()


def test_the_record_up_to_an_interruption_is_kept(make: Make, dataset: Any) -> None:
    model = make((2, 1))
    # Adam evaluates three times a step: for the gradient, and to record training and test loss.
    with pytest.raises(StopError):
        quiet(model, dataset, opt="Adam", steps=50, update_grid=False, loss_fn=failing_after(3 * 5, StopError()))
    kept = model.last_results
    assert {name: len(column) for name, column in kept.items()} == {"train_loss": 5, "test_loss": 5, "reg": 5}
    assert rmse(model, dataset["train_input"], dataset["train_label"]) ** 2 == pytest.approx(kept["train_loss"][-1])


def test_an_interrupted_line_search_does_not_leave_the_model_at_a_trial_point(make: Make, dataset: Any) -> None:
    for calls in range(30, 60, 5):
        model = make((2, 1))
        with pytest.raises(StopError):
            quiet(model, dataset, steps=50, update_grid=False, loss_fn=failing_after(calls, StopError()))
        loss = rmse(model, dataset["train_input"], dataset["train_label"]) ** 2
        assert loss <= model.last_results["train_loss"][-1] * (1 + 1e-5)


def test_the_last_results_are_kept(make: Make, dataset: Any) -> None:
    model = make()
    assert model.last_results is None
    assert quiet(model, dataset) is model.last_results


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lamb": -0.1}, "`lamb` must be a finite number of at least 0; got -0.1"),
        ({"lamb": float("nan")}, "`lamb` must be a finite number of at least 0"),
        ({"steps": -1}, "`steps` must be a whole number of at least 0; got -1"),
        ({"steps": 2.5}, "`steps` must be a whole number"),
        ({"epochs": -1}, "`epochs` must be"),
        ({"log": 0}, "`log` must be a whole number of at least 1"),
        ({"batch": 0}, "`batch` must be -1"),
        ({"batch": 2.5}, "`batch` must be -1"),
        ({"patience": 0}, "`patience` must be a whole number of at least 1"),
        ({"n_starts": "2"}, "`n_starts` must be a whole number of at least 1"),
        ({"loss_fn": "mse"}, "`loss_fn` must be a function; got 'mse'"),
        ({"loss_fn": nn.L1Loss}, "`loss_fn` must be a function; got the class L1Loss: make an object of it"),
        ({"pred_fn": 1}, "`pred_fn` must be a function; got 1"),
        ({"metrics": ["accuracy"]}, "`metrics` must be a list of functions"),
        ({"metrics": len}, "`metrics` must be a list of functions"),
        ({"opt": "sgd"}, "`opt` must be one of 'LBFGS', 'Adam', 'LM'; got 'sgd'"),
        ({"reg_metric": "edge"}, "`reg_metric` must be one of 'edge_forward_spline_n'"),
        ({"display_metrics": ["accuracy"]}, "`display_metrics` must be one of 'train_loss', 'test_loss', 'reg'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_changes(
    make: Make, dataset: Any, state_of: Any, options: dict[str, Any], message: str
) -> None:
    model = make()
    before, draws = state_of(model), model._draws
    with pytest.raises(ArgumentError, match=message):
        quiet(model, dataset, **options)
    assert all(torch.equal(entry, before[name]) for name, entry in model.named_parameters())
    assert model.last_results is None
    assert model.cache_data is None
    assert model._draws == draws


def test_inputs_and_labels_in_two_arguments_are_refused_with_the_remedy(make: Make, dataset: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`dataset` must be .*create_dataset_from_data.* got Tensor"):
        make().fit(dataset["train_input"], dataset["train_label"])


def test_a_test_loss_that_is_not_recorded_cannot_be_shown(make: Make, dataset: Any, state_of: Any) -> None:
    training = {name: dataset[name] for name in ("train_input", "train_label")}
    model = make()
    before = state_of(model)
    with pytest.raises(ArgumentError, match="display_metrics"):
        quiet(model, training, display_metrics=["test_loss"])
    assert all(torch.equal(entry, before[name]) for name, entry in model.named_parameters())


# Repeatability


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"opt": "Adam", "batch": 16, "steps": 6},
        {"opt": "Adam", "batch": 16, "epochs": 2},
        {"opt": "LM", "lamb": 0.01},
    ],
)
def test_one_seed_gives_one_result_bit_for_bit(make: Make, dataset: Any, options: dict[str, Any]) -> None:
    one, other = make(), make()
    first, second = quiet(one, dataset, **options), quiet(other, dataset, **options)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters()))


@pytest.mark.usefixtures("global_generators_untouched")
@pytest.mark.parametrize("options", [{}, {"opt": "Adam", "batch": 16, "epochs": 1}])
def test_global_generators_are_left_alone(make: Make, dataset: Any, options: dict[str, Any]) -> None:
    quiet(make(), dataset, **options)


def test_the_data_are_not_changed(make: Make, dataset: Any) -> None:
    before = {name: entry.clone() for name, entry in dataset.items()}
    quiet(make(), dataset, lamb=0.01)
    assert all(torch.equal(dataset[name], entry) for name, entry in before.items())


# Pictures


def test_pictures_of_the_steps_are_saved(make: Make, dataset: Any, tmp_path: Path) -> None:
    training = {name: dataset[name] for name in ("train_input", "train_label")}
    options = {"save_fig": True, "save_fig_freq": 2, "img_folder": "frames", "in_vars": ["a", "b"]}
    quiet(make((2, 1)), training, steps=3, **options)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["0.jpg", "2.jpg"]
    assert all((tmp_path / "frames" / f"{step}.jpg").read_bytes()[:2] == b"\xff\xd8" for step in (0, 2))


def test_pictures_show_the_training_data(make: Make, dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = make((2, 1)), []
    draw = model.draw
    monkeypatch.setattr(model, "draw", lambda **k: (seen.append(len(model.acts[0])), draw(**k))[1])
    quiet(model, dataset, steps=1, save_fig=True)
    assert seen == [60]


def test_a_schedule_of_grids_refines_the_model_itself(make: Any, dataset: Any) -> None:
    model = make()
    parameter = model.act_fun[0].coef
    results = model.fit(dataset, steps=4, grids=[3, 6, 12], progress=False)
    assert model.grid == 12
    assert model.act_fun[0].coef is parameter
    assert results["grid"].tolist() == [3] * 4 + [6] * 4 + [12] * 4
    assert results["train_loss"][-1] < results["train_loss"][3]


@pytest.mark.parametrize("opt", ["LBFGS", "Adam", "LM"])
def test_a_model_of_which_nothing_is_trained_is_an_error(make: Make, dataset: Any, opt: str) -> None:
    model = make()
    model.requires_grad_(False)
    with pytest.raises(ArgumentError, match="no parameter of the model is trained"):
        quiet(model, dataset, opt=opt)


@pytest.mark.parametrize("steps", [1, 12])
def test_a_base_function_that_is_trained_is_evaluated_again(steps: int) -> None:
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) - 0.5
    data = {"train_input": x, "train_label": x.prod(dim=1, keepdim=True)}
    model = KAN(width=[2, 2, 1], base_fun=nn.PReLU(), seed=0, auto_save=False)
    recorded = model.fit(data, steps=steps, update_grid=False, progress=False)["train_loss"][-1]
    assert recorded == pytest.approx(rmse(model, x, data["train_label"]), rel=1e-4)
    assert model.act_fun[0].base_fun.weight.item() != 0.25


@pytest.mark.parametrize("lamb", [0.0, 1e-6])
@pytest.mark.parametrize("way", ["hook", "object"])
def test_what_is_hooked_to_a_model_is_trained_with_it(way: str, lamb: float) -> None:
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    data = {"train_input": x, "train_label": x.prod(dim=1, keepdim=True)}
    model = KAN(width=[2, 2, 1], seed=0, auto_save=False)
    if way == "hook":
        model.register_forward_pre_hook(lambda _, inputs: (0.5 * inputs[0], *inputs[1:]))
    else:
        own = model.forward
        model.forward = lambda x, **options: own(0.5 * x, **options)
    recorded = model.fit(data, steps=3, lamb=lamb, update_grid=False, progress=False)["train_loss"][-1]
    assert recorded == pytest.approx(rmse(model, x, data["train_label"]), rel=1e-4)
