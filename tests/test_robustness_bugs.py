"""Bugs of pykan 0.2.8 that must not come back, by number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kan import KAN, SYMBOLIC_LIB, KANError, add_symbolic


def make(width: Any = (2, 3, 1), **options: Any) -> KAN:
    return KAN(width=list(width), **{"seed": 0, **options})


@pytest.fixture
def x() -> Tensor:
    return torch.rand(60, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def dataset(x: Tensor) -> dict[str, Tensor]:
    y = x[:, [0]] ** 2 + x[:, [1]]
    return {"train_input": x, "train_label": y, "test_input": x, "test_label": y}


def fit(model: KAN, dataset: Any, **options: Any) -> dict[str, np.ndarray]:
    return model.fit(dataset, **{"steps": 3, "progress": False, **options})


def test_01_both_edges_into_a_hidden_node_removed_and_fitted_again(dataset: Any) -> None:
    model = make()
    fit(model, dataset)
    model.remove_edge(0, 0, 1)
    model.remove_edge(0, 1, 1)
    results = fit(model, dataset, steps=3, lamb=0.01)
    assert all(np.isfinite(column).all() for column in results.values())
    assert all(bool(torch.isfinite(entry).all()) for entry in model.parameters())


def test_02_a_constant_input_column_has_a_finite_gradient_after_a_grid_update(x: Tensor) -> None:
    x[:, 1] = 0.7
    model = make()
    model.update_grid_from_samples(x)
    x.requires_grad_()
    model(x).sum().backward()
    gradients = [x.grad, *(entry.grad for entry in model.parameters() if entry.grad is not None)]
    assert all(bool(torch.isfinite(entry).all()) for entry in gradients)


def test_03_training_the_child_of_refine_leaves_the_parent(x: Tensor, dataset: Any) -> None:
    model = make()
    output = model(x)
    fit(model.refine(6), dataset)
    assert torch.equal(model(x), output)


def test_04_prune_with_a_node_threshold_leaves_the_original(x: Tensor) -> None:
    model = make()
    output = model(x)
    model.prune(node_th=0.3)
    assert torch.equal(model(x), output)


def test_05_pruning_all_nodes_is_an_error_and_changes_nothing(x: Tensor) -> None:
    model = make()
    output = model(x)
    with pytest.raises(KANError, match="would leave hidden layer 1 without nodes"):
        model.prune(node_th=1e9)
    assert torch.equal(model(x), output)


def test_05_a_model_without_edges_trains_on_without_nan(x: Tensor, dataset: Any) -> None:
    model = make()
    model(x)
    with pytest.warns(UserWarning, match="edge layer 0 without edges, so that the network is constant"):
        empty = model.prune(node_th=-1.0, edge_th=1e9)
    assert empty.n_edge == 0
    results = fit(empty, dataset, lamb=0.01)
    assert np.isfinite(results["train_loss"]).all()
    assert bool(torch.isfinite(empty(x)).all())


def test_06_copy_works_after_prune_input(x: Tensor) -> None:
    model = make()
    model(x)
    pruned = model.prune_input(active_inputs=[1])
    assert torch.equal(pruned.copy()(x), pruned(x))


def test_06_a_grid_given_as_a_numpy_number_is_saved_and_loaded(x: Tensor) -> None:
    model = make(grid=np.int64(4), k=np.int32(2))
    model.saveckpt("numbers")
    loaded = KAN.loadckpt("numbers")
    assert (loaded.grid, loaded.k) == (4, 2)
    assert torch.equal(loaded(x), model(x))


def test_07_the_formula_of_an_unconverted_network_is_not_zero(x: Tensor) -> None:
    model = make()
    model(x)
    with pytest.raises(KANError, match="spline"):
        model.symbolic_formula()


def test_08_a_state_dict_says_which_functions_are_set(x: Tensor) -> None:
    model, other = make(), make(seed=1)
    model.fix_symbolic(0, 1, 2, "tanh", fit_params_bool=False)
    other.load_state_dict(model.state_dict())
    assert other.symbolic_fun[0].funs_name == model.symbolic_fun[0].funs_name
    assert torch.equal(other(x), model(x))


def test_09_an_unknown_optimiser_is_an_error(dataset: Any) -> None:
    with pytest.raises(ValueError, match=r"`opt` must be one of 'LBFGS', 'Adam', 'LM'; got 'SGD'"):
        fit(make(), dataset, opt="SGD")


def test_10_children_do_not_save_either_when_their_parent_does_not(x: Tensor) -> None:
    model = make(auto_save=False)
    model(x)
    children = [model.prune(node_th=-1.0), model.refine(6), model.prune_input(threshold=-1.0), model.copy()]
    assert not any(child.auto_save for child in children)


def test_11_two_models_in_one_folder_do_not_rewind_into_each_other(x: Tensor) -> None:
    one, other = make(ckpt_path="./model"), make(seed=5, ckpt_path="./model")
    before = [model(x) for model in (one, other)]
    for model in (one, other):
        model.remove_node(1, 0)
    after = [model.rewind("0.0")(x) for model in (one, other)]
    assert all(torch.equal(first, second) for first, second in zip(before, after))


@pytest.mark.usefixtures("global_generators_untouched")
def test_12_the_constructor_leaves_global_generators_alone() -> None:
    make()


@pytest.mark.parametrize(
    ("name", "value"),
    [("sqrt", 0.0), ("log", 0.0), ("1/x", 0.0), ("arcsin", 2.0), ("x^1.5", 0.0), ("1/sqrt(x)", 0.0), ("arctanh", 1.0)],
)
def test_13_avoiding_singularities_gives_finite_gradients(name: str, value: float) -> None:
    model = make((1, 1))
    model.fix_symbolic(0, 0, 0, name, fit_params_bool=False)
    x = torch.tensor([[value], [-value], [0.3]], requires_grad=True)
    y = model(x, singularity_avoiding=True, y_th=10.0)
    y.sum().backward()
    gradients = [y, x.grad, model.symbolic_fun[0].affine.grad]
    assert all(bool(torch.isfinite(entry).all()) for entry in gradients)


def test_14_functions_of_the_users_own_work_while_singularities_are_avoided(
    x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SYMBOLIC_LIB, "cube", None)
    add_symbolic("cube", lambda value: value**3, c=2)
    model = make((2, 1))
    for i, name in enumerate(("cube", "x^1.5")):
        model.fix_symbolic(0, i, 0, name, fit_params_bool=False)
    assert bool(torch.isfinite(model(x.abs(), singularity_avoiding=True)).all())


def test_15_prune_keeps_the_settings(x: Tensor) -> None:
    settings = {
        "grid_eps": 0.3,
        "grid_range": [-2, 2],
        "sb_trainable": False,
        "sp_trainable": False,
        "affine_trainable": True,
        "symbolic_enabled": False,
        "base_fun": "identity",
    }
    model = make(**settings)
    model(x)
    child = model.prune(node_th=-1.0)
    assert {name: child.constructor_arguments()[name] for name in settings} == settings
    assert [p.requires_grad for p in child.parameters()] == [p.requires_grad for p in model.parameters()]


def test_16_copy_leaves_no_files(x: Tensor, tmp_path: Path) -> None:
    model = make()
    model(x)
    model.copy()
    model.refine(6).prune(node_th=-1.0).copy()
    assert list(tmp_path.iterdir()) == []
