"""The public methods that train; `tests/training` tests the loop."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kan import KAN, ArgumentError


def test_train_with_a_data_set_is_fit_with_a_warning(make: Any, dataset: Any) -> None:
    one, other = make(), make()
    options = {"opt": "LBFGS", "steps": 1, "lamb": 0.01, "lamb_entropy": 10.0, "progress": False}
    with pytest.warns(DeprecationWarning, match=r"`model.train\(dataset, ...\)` is now `model.fit"):
        results = one.train(dataset, **options)
    expected = other.fit(dataset, **options)
    assert results["train_loss"] == expected["train_loss"]


def test_the_warning_points_at_the_caller(make: Any, dataset: Any) -> None:
    with pytest.warns(DeprecationWarning, match="is now") as caught:
        make().train(dataset, steps=0, progress=False)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "call", [lambda m, d: m.train(d, "Adam", 2), lambda m, d: m.train(dataset=d, opt="Adam", steps=2)]
)
def test_train_takes_the_arguments_of_fit(make: Any, dataset: Any, call: Any) -> None:
    with pytest.warns(DeprecationWarning, match="is now"):
        assert len(call(make(), dataset)["train_loss"]) == 2


def test_train_knows_the_names_that_it_had(make: Any, dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(KAN, "fit", lambda self, *args, **options: seen.update(options, device=self.device))
    with pytest.warns(DeprecationWarning, match="is now `model.fit"):
        make().train(dataset, steps=3, device="meta", sglr_avoid=True)
    assert seen == {"steps": 3, "singularity_avoiding": True, "device": torch.device("meta")}


def test_train_and_eval_without_data_are_those_of_any_module(make: Any) -> None:
    model = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.eval() is model
        assert not model.act_fun[0].training
        assert model.train() is model
        assert model.act_fun[0].training
        assert not model.train(False).training
        assert model.train(True).training
        assert not model.train(mode=False).training


def test_train_with_options_and_no_data_says_what_is_missing(make: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`train` with 'lamb' also needs a data set: `model.fit\(dataset, ...\)`"):
        make().train(lamb=0.01)


def test_training_as_part_of_a_larger_module(make: Any) -> None:
    model = make()
    torch.nn.Sequential(model).eval()
    assert not model.training


def test_the_penalty_has_the_defaults_of_fit(make: Any) -> None:
    model = make()
    expected = model.reg("edge_forward_spline_n", 1.0, 2.0, 0.0, 0.0)
    assert torch.equal(model.reg(), expected)
    assert torch.equal(model.get_reg(), expected)
    assert torch.equal(model.get_reg("edge_forward_spline_n", 1.0, 2.0, 0.0, 0.0), expected)


def test_the_penalty_is_that_of_the_last_input(make: Any, x: Tensor) -> None:
    model = make()
    model(x[:9])
    assert torch.equal(model.reg(), model.reg(x=x[:9]))
    assert not torch.equal(model.reg(), model.reg(x=x))


def test_a_loop_of_the_users_own(make: Any, dataset: Any) -> None:
    model = make()
    optimiser, losses = torch.optim.Adam(model.get_params(), lr=0.02), []
    for _ in range(30):
        optimiser.zero_grad()
        loss = (model(dataset["train_input"]) - dataset["train_label"]).square().mean() + 1e-4 * model.reg()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_evaluate_gives_loss_and_size(make: Any, dataset: Any) -> None:
    model = make(grid=4)
    model.remove_edge(0, 0, 0)
    with torch.no_grad():
        loss = (model(dataset["test_input"]) - dataset["test_label"]).square().mean().sqrt()
    found = model.evaluate(dataset)
    assert found == {"test_loss": pytest.approx(loss.item()), "n_edge": 8, "n_grid": 4}


def test_evaluate_takes_what_fit_takes(make: Any, dataset: Any) -> None:
    model = make()
    plain = {name: values.tolist() for name, values in dataset.items()}
    plain["test_label"] = [row[0] for row in plain["test_label"]]
    assert model.evaluate(plain)["test_loss"] == pytest.approx(model.evaluate(dataset)["test_loss"])


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"test_label": torch.rand(5, 1)}, r"must hold 'test_input' and 'test_label'; got \['test_label'\]"),
        ({"test_input": torch.rand(5, 2), "test_label": torch.rand(5, 2)}, r"shape \(5, 1\) .* got \(5, 2\)"),
        ({"test_input": torch.rand(5, 2), "test_label": torch.rand(1, 5)}, r"shape \(5, 1\) .* got \(1, 5\)"),
    ],
)
def test_evaluate_names_what_is_missing_or_misshapen(make: Any, part: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make().evaluate(part)


def test_evaluate_leaves_the_last_input(make: Any, x: Tensor, dataset: Any) -> None:
    model = make()
    model(x[:3])
    model.evaluate(dataset)
    assert len(model.cache_data) == 3


def test_a_prediction_of_the_users_own_leaves_the_reference_data(make: Any, x: Tensor, dataset: Any) -> None:
    model = make()
    model.fit(dataset, steps=1, pred_fn=lambda rows: model(rows * 0.5), progress=False)
    assert torch.equal(model.reference_data(), x)


def test_pruned_inputs_take_all_columns_in_training(x: Tensor, dataset: Any) -> None:
    model = KAN(width=[2, 2, 1], seed=0)
    model.get_act(x)
    pruned = model.prune_input(active_inputs=[1])
    results = pruned.fit(dataset, steps=2, progress=False)
    assert results["train_loss"][-1] < results["train_loss"][0]


def test_pykans_helper_switches_off_what_training_does_not_need(make: Any) -> None:
    model = make()
    assert model.disable_symbolic_in_fit(lamb=0.1) == (True, True)
    assert (model.save_act, model.symbolic_enabled) == (True, False)
    model = make()
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.disable_symbolic_in_fit(lamb=0.0)
    assert (model.save_act, model.symbolic_enabled) == (False, True)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"in_vars": ["a"]}, ArgumentError, "`in_vars` must have 2 entries; got 1"),
        ({"out_vars": ["a", "b"]}, ArgumentError, "`out_vars` must hold 1 names"),
        ({"save_fig_freq": 0}, ArgumentError, "`save_fig_freq` must be a whole number of at least 1; got 0"),
        ({"save_fig_freq": 1.5}, ArgumentError, "`save_fig_freq` must be"),
        ({"img_folder": "taken/frames"}, OSError, "taken"),
    ],
)
def test_frames_that_cannot_be_drawn_are_an_error_before_training(
    make: Any, dataset: Any, tmp_path: Path, options: Any, error: type[Exception], message: str
) -> None:
    (tmp_path / "taken").touch()
    options = {"img_folder": "frames", **options}
    options["img_folder"] = str(tmp_path / options["img_folder"])
    model = make()
    before = {name: values.clone() for name, values in model.named_parameters()}
    with pytest.raises(error, match=message):
        model.fit(dataset, steps=1, save_fig=True, progress=False, **options)
    assert all(torch.equal(values, before[name]) for name, values in model.named_parameters())
    assert not (tmp_path / "frames").exists()


def test_a_data_set_that_is_refused_makes_no_folder_for_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError):
        KAN(width=[2, 1], auto_save=False).fit({"train_input": torch.zeros(3, 2)}, steps=1, save_fig=True)
    assert not list(tmp_path.iterdir())


def test_frames_are_as_opaque_as_beta_says(make: Any, dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, frames = make((2, 1)), []
    draw = model.draw
    monkeypatch.setattr(model, "draw", lambda **options: frames.append(draw(**options)) or frames[-1])
    model.fit(dataset, steps=1, save_fig=True, beta=0.5, progress=False)
    curves = next(artist for artist in frames[0].axes[0].get_children() if artist.get_gid() == "curves")
    scores = model.edge_scores[0][0]
    assert curves.get_colors()[:, 3] == pytest.approx(torch.tanh(0.5 * scores).tolist(), rel=1e-5)
    assert scores.min().item() > 0


@pytest.mark.parametrize("options", [{"grids": [0]}, {"n_starts": 0}, {"display_metrics": ["none"]}, {"opt": "none"}])
def test_a_refused_fit_takes_no_random_numbers(make: Any, dataset: Any, options: Any) -> None:
    model = make()
    before = model._draws
    with pytest.raises(ArgumentError):
        model.fit(dataset, batch=5, progress=False, **options)
    assert model._draws == before


@pytest.mark.parametrize("number", [np.float32(1e-3), np.int64(1), torch.tensor(0.5)])
def test_the_weight_of_penalties_is_a_number_of_any_type(make: Any, dataset: Any, number: Any) -> None:
    model = make()
    assert np.isfinite(model.fit(dataset, lamb=number, steps=1, progress=False)["train_loss"]).all()


def test_a_network_that_went_back_to_other_grids_can_be_copied_and_trained(dataset: Any) -> None:
    width = [dataset["train_input"].shape[1], 2, 1]
    model = KAN(width=width, grid=[3, 5], seed=0, auto_save=False)
    losses = model.fit(dataset, steps=2, grids=[[3, 5], 60], restore_best=True, progress=False)["train_loss"]
    assert np.isfinite(losses).all()
    x = dataset["train_input"]
    torch.testing.assert_close(model.copy()(x), model(x))
    model(x).sum().backward()


def size_of_coefficients(model: Any) -> Tensor:
    return sum(layer.coef.square().sum() for layer in model.act_fun)


class OwnPenalty(KAN):
    def get_reg(self, *_: Any, **__: Any) -> Tensor:
        return size_of_coefficients(self)


class OwnReg(KAN):
    def reg(self, *_: Any, **__: Any) -> Tensor:
        return size_of_coefficients(self)


def replaced() -> KAN:
    model = KAN(width=[2, 3, 1], seed=0)
    model.get_reg = lambda *_: size_of_coefficients(model)
    return model


@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
@pytest.mark.parametrize("made", [lambda: OwnPenalty([2, 3, 1], seed=0), lambda: OwnReg([2, 3, 1], seed=0), replaced])
def test_a_penalty_of_the_models_own_is_minimised(dataset: Any, made: Any, opt: str) -> None:
    model = made()
    before = size_of_coefficients(model).item()
    results = model.fit(dataset, opt=opt, steps=60, lamb=10.0, update_grid=False, progress=False)
    assert size_of_coefficients(model).item() < 0.3 * before
    assert results["reg"][-1] == pytest.approx(size_of_coefficients(model).item(), rel=1e-4)


def test_a_penalty_of_the_models_own_is_of_the_training_data(dataset: Any) -> None:
    class Own(KAN):
        def get_reg(self, *_: Any, **__: Any) -> Tensor:
            seen.append(len(self.cache_data))
            return sum(scale.sum() for scale in self.edge_actscale)

    seen: list[int] = []
    model = Own([2, 3, 1], seed=0)
    model.fit(dataset, steps=2, lamb=0.1, progress=False)
    assert set(seen) == {len(dataset["train_input"])}


def test_least_squares_refuse_a_penalty_that_they_do_not_know(dataset: Any) -> None:
    with pytest.raises(ArgumentError, match="get_reg"):
        OwnPenalty([2, 1]).fit(dataset, opt="LM", lamb=0.1, progress=False)


@pytest.mark.parametrize("name", ["update_grid", "update_grid_from_samples"])
def test_grid_updates_of_the_models_own_are_called(dataset: Any, name: str) -> None:
    calls: list[int] = []
    library = getattr(KAN, name)
    own = type("Own", (KAN,), {name: lambda self, x: (calls.append(len(x)), library(self, x))[1]})
    model = own([2, 3, 1], seed=0)
    before = model.act_fun[0].grid.clone()
    model.fit(dataset, steps=3, grid_update_num=1, progress=False)
    assert calls == [len(dataset["train_input"])]
    assert not torch.equal(model.act_fun[0].grid, before)


def test_during_a_fit_scores_are_those_of_the_training_data(make: Any, dataset: Any, x: Tensor) -> None:
    """Also where other data were seen before."""
    model = make()
    model.get_act(x[:5])
    seen = model.fit(dataset, steps=1, metrics=[lambda: float(len(model.reference_data()))], progress=False)
    assert list(seen["<lambda>"]) == [len(dataset["train_input"])]
