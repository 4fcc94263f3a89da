"""The public methods of the perceptron."""

from __future__ import annotations

import copy
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from torch import Tensor

from kan.common.errors import ArgumentError, StateError
from kan.models import MLP


@pytest.fixture
def model() -> MLP:
    return MLP(width=[2, 6, 5, 1], seed=2)


def test_fit_learns_and_records(model: MLP, dataset: dict[str, Tensor]) -> None:
    def accuracy() -> Tensor:
        return torch.tensor(0.5)

    results = model.fit(dataset, steps=20, metrics=[accuracy], display_metrics=["accuracy", "reg"], progress=False)
    assert sorted(results) == ["accuracy", "reg", "test_loss", "train_loss"]
    assert results["train_loss"][-1] < 0.1 * results["train_loss"][0]
    assert model.last_results is results


def test_fit_takes_pykans_arguments_and_leaves_the_model_where_it_is(model: MLP, dataset: dict[str, Tensor]) -> None:
    options: dict[str, Any] = {"in_vars": ["x"], "out_vars": ["y"], "beta": 5, "device": "cuda", "log": 2}
    model.fit(dataset, "Adam", 2, lamb=1e-3, lamb_l1=0.5, lamb_entropy=1.0, batch=10, progress=False, **options)
    assert model.device.type == "cpu"


def test_more_penalty_means_smaller_weights(dataset: dict[str, Tensor]) -> None:
    models = [MLP([2, 5, 1]), MLP([2, 5, 1])]
    for model, lamb in zip(models, (0.0, 0.1)):
        model.fit(dataset, steps=10, lamb=lamb, progress=False)
    sizes = [sum(matrix.abs().sum().item() for matrix in model.w) for model in models]
    assert sizes[1] < 0.5 * sizes[0]


def test_a_bad_argument_changes_nothing(model: MLP, dataset: dict[str, Tensor]) -> None:
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ArgumentError, match="`opt` must be one of"):
        model.fit(dataset, opt="SGD")
    with pytest.raises(ArgumentError, match="`train_label` must have shape"):
        model.fit({**dataset, "train_label": dataset["train_label"][:-1]})
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_what_goes_on_inside_is_read_at_the_last_input(model: MLP, x: Tensor) -> None:
    names = ("acts", "acts_scale", "wa_forward", "wa_backward", "edge_scores", "node_scores")
    assert [getattr(model, name) for name in names] == [None] * 6
    model.get_act({"train_input": x})
    model(x[:10])
    acts, scales, carried, backward, edges, nodes = (getattr(model, name) for name in names)
    assert [tuple(act.shape) for act in acts] == [(10, 2), (10, 6), (10, 5)]
    assert [len(scale) for scale in scales] == [6, 5, 1]
    assert [matrix.shape for matrix in carried] == [matrix.shape for matrix in model.w]
    assert [len(node) for node in nodes] == [2, 6, 5, 1]
    assert all(torch.equal(*pair) for pair in zip(backward, edges))
    assert torch.equal(model.attribute(), nodes[0])


def test_scores_refer_to_the_training_data(model: MLP, dataset: dict[str, Tensor]) -> None:
    model.fit(dataset, steps=1, progress=False)
    before = model.attribute()
    model(dataset["test_input"] * 3)
    assert torch.equal(model.attribute(), before)
    assert torch.equal(model.cache_data, dataset["test_input"] * 3)


def test_data_are_needed(model: MLP) -> None:
    for call in (model.attribute, model.get_act, lambda: model.plot(metric="fa"), lambda: model.reg("act", 1.0, 2.0)):
        with pytest.raises(StateError, match="has not seen any data"):
            call()


def test_the_penalty_is_differentiable(model: MLP, x: Tensor) -> None:
    model(x)
    model.get_reg("fa", 1.0, 2.0).backward()
    assert all(parameter.grad is not None for parameter in model.linears[0].parameters())
    assert torch.allclose(model.reg("w", 1.0, 0.0), torch.stack([matrix.abs().sum() for matrix in model.w]).sum())


@pytest.mark.parametrize("metric", ["w", "act", "fa"])
def test_it_is_drawn(model: MLP, x: Tensor, metric: str) -> None:
    model.get_act(x)
    figure = model.plot(metric=metric)
    assert figure is plt.gcf()
    plt.close("all")


def test_an_unknown_metric_is_refused(model: MLP) -> None:
    with pytest.raises(ArgumentError, match="`metric` must be one of 'w', 'act', 'fa'"):
        model.plot(metric="backward")


def test_swaps_keep_the_function_and_lower_the_cost(model: MLP, x: Tensor) -> None:
    before, costs = model(x), [model.connection_cost]
    for swap in (lambda: model.auto_swap_l(1), lambda: model.auto_swap_l(2), model.auto_swap):
        swap()
        costs.append(model.connection_cost)
    assert sorted(costs, reverse=True) == costs
    assert costs[-1] < costs[0]
    model.swap(1, 0, 3)
    assert torch.allclose(model(x), before, atol=1e-6)
