"""Checkpoints, copies and the history of a model."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN, CheckpointError
from kan.common.errors import ArgumentError, StateError

CHECKPOINTS = sorted(
    path.name[: -len("_config.yml")] for path in (Path(__file__).parent.parent / "data").glob("*_config.yml")
)


def log(model: KAN, capsys: Any) -> list[str]:
    capsys.readouterr()
    model.history()
    return capsys.readouterr().out.splitlines()


# Checkpoints


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints_of_pykan_give_the_output_of_pykan(pykan_data: Path, name: str) -> None:
    model = KAN.loadckpt(str(pykan_data / name))
    expected = torch.load(pykan_data / f"{name}_expected.pt", weights_only=True)
    assert isinstance(model, KAN)
    with torch.no_grad():
        error = (model(expected["x"]) - expected["y"]).abs().max() / expected["y"].abs().max()
    assert float(error) < 2e-6


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_activations_are_those_of_pykan(pykan_data: Path, name: str) -> None:
    model = KAN.loadckpt(str(pykan_data / name))
    expected = torch.load(pykan_data / f"{name}_expected.pt", weights_only=True)
    model.get_act(expected["x"])
    for attribute in ("acts", "acts_premult", "spline_postacts", "spline_postsplines"):
        ours, theirs = getattr(model, attribute), expected[attribute]
        if attribute == "acts_premult" and len(theirs) == len(ours) + 1:
            theirs = theirs[1:]
        assert len(ours) == len(theirs)
        for mine, reference in zip(ours, theirs):
            scale = max(1.0, float(reference.abs().max()))
            assert mine.shape == reference.shape, attribute
            assert float((mine - reference).abs().max()) < 1e-5 * scale, attribute


def test_a_checkpoint_of_pykan_begins_one_history(pykan_data: Path, capsys: Any) -> None:
    model = KAN.loadckpt(str(pykan_data / "sum_only"))
    assert log(model, capsys) == ["### Round 0 ###", "load => 0.0"]


def test_a_checkpoint_begins_one_history(make: Any, capsys: Any) -> None:
    model = make()
    model.remove_edge(0, 0, 0)
    model.saveckpt("mark")
    assert log(KAN.loadckpt("mark"), capsys) == ["### Round 0 ###", "load => 0.0"]


def test_loading_gives_the_callers_class(make: Any, x: Tensor) -> None:
    class Mine(KAN):
        pass

    make().saveckpt("mark")
    assert type(Mine.loadckpt("mark")) is Mine


def test_a_saved_model_is_one_file_and_comes_back(make: Any, x: Tensor, tmp_path: Path) -> None:
    model = make((2, [2, 1], 1))
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.saveckpt("./folder/mark")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["mark.pt"]
    loaded = KAN.loadckpt("./folder/mark")
    assert torch.equal(loaded(x), model(x))
    assert loaded.symbolic_fun[0].funs_name == model.symbolic_fun[0].funs_name
    assert loaded.constructor_arguments() == model.constructor_arguments()


def test_data_are_saved_only_on_request(make: Any, x: Tensor) -> None:
    model = make()
    model.saveckpt("without")
    model.saveckpt("with", with_data=True)
    assert KAN.loadckpt("without").cache_data is None
    assert torch.equal(KAN.loadckpt("with").cache_data, x)


def test_a_missing_checkpoint_is_an_error() -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint 'nothing'"):
        KAN.loadckpt("nothing")


def test_the_device_can_be_chosen(make: Any) -> None:
    make(auto_save=False).saveckpt("mark")  # a version cannot be kept of a model without numbers
    assert KAN.loadckpt("mark", device="meta").device.type == "meta"


# Copies


@pytest.mark.parametrize("way", [lambda m: m.copy(), copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_and_share_nothing(make: Any, x: Tensor, dataset: Any, way: Any) -> None:
    model = make()
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.fit(dataset, steps=1, lamb=0.01, progress=False)
    output = model(x)
    twin = way(model)
    assert torch.equal(twin(x), output)
    pointers = [{entry.data_ptr() for entry in m.parameters()} for m in (model, twin)]
    assert not pointers[0] & pointers[1]
    twin.fit(dataset, steps=1, progress=False)
    twin.remove_edge(1, 1, 0)
    assert torch.equal(model(x), output)


def test_a_copy_has_a_history_of_its_own(make: Any, capsys: Any) -> None:
    model = make()
    twin = model.copy()
    twin.remove_edge(0, 0, 0)
    assert log(model, capsys) == ["### Round 0 ###", "init => 0.0"]
    assert log(twin, capsys)[-1] == "1.0 => remove_edge => 1.1"


# History


def test_everything_that_changes_a_model_is_recorded(make: Any, dataset: Any, capsys: Any) -> None:
    model = make((2, 3, 1))
    model.fit(dataset, steps=1, progress=False)
    model.prune_edge(threshold=-1.0)
    model.remove_edge(0, 0, 0)
    model.remove_node(1, 1)
    model.fix_symbolic(0, 1, 0, "sin", fit_params_bool=False)
    model.unfix_symbolic(0, 1, 0)
    model.unfix_symbolic_all()
    model = model.prune(node_th=-1.0, edge_th=-1.0)
    model = model.prune_node(threshold=-1.0)
    model = model.prune_input(threshold=-1.0)
    model = model.refine(4)
    model.auto_symbolic(lib=["x"], verbose=0)
    methods = [line.split(" => ")[1] for line in log(model, capsys)[2:]]
    assert methods == [
        *("fit", "prune_edge", "remove_edge", "remove_node", "fix_symbolic", "unfix_symbolic", "unfix_symbolic_all"),
        *("prune", "prune_node", "prune_input", "refine", "auto_symbolic"),
    ]
    assert (model.round, model.state_id) == (0, len(methods))


def test_what_is_not_to_be_recorded_is_not(make: Any, capsys: Any) -> None:
    model = make()
    model.remove_edge(0, 0, 0, log_history=False)
    model.remove_node(1, 0, log_history=False)
    model.prune_edge(threshold=-1.0, log_history=False)
    model.fix_symbolic(0, 1, 1, "sin", fit_params_bool=False, log_history=False)
    model.unfix_symbolic(0, 1, 1, log_history=False)
    model.unfix_symbolic_all(log_history=False)
    child = model.prune_node(threshold=-1.0, log_history=False).prune_input(threshold=-1.0, log_history=False)
    assert log(model, capsys) == log(child, capsys) == ["### Round 0 ###", "init => 0.0"]
    assert child.rewind("0.0").n_edge == 9


def test_without_auto_save_nothing_is_recorded(make: Any, dataset: Any, capsys: Any) -> None:
    model = make(auto_save=False)
    model.fit(dataset, steps=1, progress=False)
    child = model.refine(4)
    assert log(model, capsys) == log(child, capsys) == [""]
    assert not child.auto_save


def test_rewinding_brings_the_function_back_and_opens_a_round(make: Any, x: Tensor, capsys: Any) -> None:
    model = make()
    output = model(x)
    model.remove_node(1, 0)
    older = model.rewind("0.0")
    assert "rewind to model version 0.0, renamed as 1.0" in capsys.readouterr().out
    assert torch.equal(older(x), output)
    assert not torch.equal(model(x), output)
    assert (older.round, older.state_id) == (1, 0)
    older.remove_edge(0, 0, 0)
    assert (older.round, older.state_id) == (1, 1)


def test_checking_out_goes_on_from_the_older_version(make: Any, x: Tensor, capsys: Any) -> None:
    model = make()
    output = model(x)
    for i in range(3):
        model.remove_edge(0, 0, i)
    older = model.checkout("0.0")
    assert torch.equal(older(x), output)
    assert (older.round, older.state_id) == (1, 0)
    older.remove_edge(0, 1, 0)
    assert log(older, capsys)[-2:] == ["0.2 => remove_edge => 0.3", "1.0 => remove_edge => 1.1"]
    assert (model.round, model.state_id) == (0, 3)


def test_later_versions_can_be_checked_out_after_earlier_ones(make: Any, x: Tensor) -> None:
    model = make()
    model.remove_edge(0, 0, 0)
    model.remove_edge(0, 0, 1)
    later = model.checkout("0.1").checkout("0.2")
    assert torch.equal(later(x), model(x))
    assert (later.round, later.state_id) == (1, 2)


def test_versions_are_numbered_as_in_pykan_through_copies_and_older_versions(make: Any) -> None:
    model = make()
    model.remove_edge(0, 0, 0)
    names = []
    for step in (
        lambda model: model.copy(),
        lambda model: model.refine(4),
        lambda model: model.copy(),
        lambda model: model.prune(-1.0, -1.0),
        lambda model: model.rewind("2.3"),
        lambda model: model.refine(5),
        lambda model: model.checkout("3.4"),
        lambda model: model.refine(6),
    ):
        model = step(model)
        names.append(f"{model.round}.{model.state_id}")
    assert names == ["1.1", "1.2", "2.2", "2.3", "3.3", "3.4", "4.4", "4.5"]


def test_earlier_versions_know_the_data(make: Any, x: Tensor) -> None:
    model = make()
    model.remove_edge(0, 0, 0)
    for older in (model.rewind("0.0"), model.checkout("0.0")):
        assert torch.equal(older.reference_data(), x)
        older.prune(node_th=-1.0)


@pytest.mark.parametrize("way", ["rewind", "checkout"])
def test_earlier_versions_keep_the_folder(make: Any, way: str, tmp_path: Path) -> None:
    model = make(ckpt_path="./model")
    model.remove_edge(0, 0, 0)
    older = getattr(model, way)("0.0")
    assert older.ckpt_path == "./model"
    assert older.refine(4).ckpt_path == "./model"
    count = len(list((tmp_path / "model").rglob("*.pt")))
    older.remove_edge(0, 1, 1)
    assert len(list((tmp_path / "model").rglob("*.pt"))) > count


@pytest.mark.parametrize("way", ["rewind", "checkout"])
def test_earlier_versions_come_to_where_the_model_is_now(make: Any, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    model, devices = make(), []
    checkout = model._history.checkout

    def watched(*args: Any, device: Any = None) -> KAN:
        devices.append(device)
        return checkout(*args, device=device)

    monkeypatch.setattr(model._history, "checkout", watched)
    getattr(model, way)("0.0")
    assert devices == [model.device]


def test_versions_in_a_folder_outlive_memory(make: Any, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make(ckpt_path="./model")
    output = model(x)
    monkeypatch.setattr("kan.checkpoints.history.MAX_VERSIONS", 1)
    model.remove_edge(0, 0, 0)
    assert torch.equal(model.rewind("0.0")(x), output)


def test_an_unknown_version_is_refused_with_the_known_ones(make: Any) -> None:
    with pytest.raises(ArgumentError, match=r"no version '0\.7'.*0\.0"):
        make().rewind("0.7")


def test_a_model_can_continue_at_a_version(capsys: Any) -> None:
    model = KAN(width=[2, 1], state_id=4, round=2)
    assert (model.round, model.state_id) == (2, 4)


def test_the_last_lines_of_the_history_can_be_chosen(make: Any, capsys: Any) -> None:
    model = make()
    model.remove_edge(0, 0, 0)
    capsys.readouterr()
    model.history(1)
    assert capsys.readouterr().out == "0.0 => remove_edge => 0.1\n"


def test_parameters_are_saved_under_the_names_of_the_oldest_pykan(tmp_path: Path) -> None:
    model, x = KAN(width=[2, 2, 1], seed=0), torch.rand(20, 2)
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    before, folder = model(x), str(tmp_path / "model_ckpt")
    with pytest.warns(DeprecationWarning, match="`saveckpt` is for whole models"):
        model.save_ckpt("first", folder)
    model.unfix_symbolic(0, 0, 0)
    model.act_fun[0].coef.data += 1
    with pytest.warns(DeprecationWarning, match="`loadckpt` is for whole models"):
        model.load_ckpt("first", folder)
    assert torch.equal(model(x), before)
    with pytest.warns(DeprecationWarning, match="load_ckpt"), pytest.raises(CheckpointError):
        model.load_ckpt("second", folder)


@pytest.mark.parametrize("back", ["rewind", "checkout"])
def test_a_version_with_parameters_that_were_computed_from_others_is_refused(back: str) -> None:
    model = KAN(width=[2, 2, 1], seed=0)
    torch.nn.utils.parametrizations.weight_norm(model.act_fun[0], "coef")
    model.log_history("step")
    with pytest.raises(StateError, match=r"`act_fun\.0\.coef` was computed from other parameters"):
        getattr(model, back)("0.1")
