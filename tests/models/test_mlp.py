"""The public methods of the perceptron."""

from __future__ import annotations

import copy
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import Tensor

from kan.common.errors import ArgumentError, StateError
from kan.models import MLP
from kan.training.record import Record


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


def test_a_loss_of_the_users_own_is_trained_and_recorded(model: MLP, dataset: dict[str, Tensor]) -> None:
    results = model.fit(dataset, steps=3, loss_fn=torch.nn.L1Loss(), progress=False)
    for part in ("train", "test"):
        with torch.no_grad():
            loss = (model(dataset[f"{part}_input"]) - dataset[f"{part}_label"]).abs().mean()
        assert results[f"{part}_loss"][-1] == pytest.approx(loss.item(), rel=1e-5)
    assert results["train_loss"][-1] < results["train_loss"][0]


def test_a_prediction_of_the_users_own_is_trained(model: MLP, dataset: dict[str, Tensor]) -> None:
    results = model.fit(dataset, steps=3, pred_fn=lambda x: model(x) + 100.0, progress=False)
    with torch.no_grad():
        loss = (model(dataset["train_input"]) + 100 - dataset["train_label"]).square().mean().sqrt()
    assert results["train_loss"][-1] == pytest.approx(loss.item(), rel=1e-5)
    assert loss < 10


def test_the_first_step_of_adam_is_as_long_as_its_rate(model: MLP, dataset: dict[str, Tensor]) -> None:
    before = [parameter.detach().clone() for parameter in model.parameters()]
    model.fit(dataset, "Adam", 1, lr=0.03, progress=False)
    moves = torch.cat([(now - then).flatten() for now, then in zip(model.parameters(), before)])
    assert torch.allclose(moves.abs(), torch.tensor(0.03), atol=1e-4)


def test_epochs_count_passes_over_the_data(model: MLP, dataset: dict[str, Tensor]) -> None:
    results = model.fit(dataset, "Adam", epochs=2, batch=20, progress=False)
    assert len(results["train_loss"]) == 2 * 3  # 50 rows make 3 batches of 20


def test_training_stops_when_the_test_loss_no_longer_falls(model: MLP, dataset: dict[str, Tensor]) -> None:
    results = model.fit(dataset, "Adam", 40, lr=0.5, patience=2, restore_best=True, progress=False)
    assert len(results["test_loss"]) == int(np.argmin(results["test_loss"])) + 1 + 2 < 40
    with torch.no_grad():
        loss = (model(dataset["test_input"]) - dataset["test_label"]).square().mean().sqrt()
    assert loss.item() == pytest.approx(min(results["test_loss"]), rel=1e-5)


def test_the_last_parameters_stay_without_a_request(model: MLP, dataset: dict[str, Tensor]) -> None:
    results = model.fit(dataset, "Adam", 40, lr=0.5, patience=2, progress=False)
    with torch.no_grad():
        loss = (model(dataset["test_input"]) - dataset["test_label"]).square().mean().sqrt()
    assert loss.item() == pytest.approx(results["test_loss"][-1], rel=1e-5)
    assert results["test_loss"][-1] > min(results["test_loss"])


def test_the_progress_bar_shows_what_is_asked_for_when_it_is_asked_for(
    model: MLP, dataset: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    describe = Record.describe
    monkeypatch.setattr(Record, "describe", lambda self: shown.append((len(self.values["reg"]), describe(self))) or "")
    model.fit(dataset, steps=6, log=3, display_metrics=["reg"], progress=False)
    assert shown == [(step, "| reg: 0.00e+00 |") for step in (1, 4, 6)]


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
    assert [getattr(model, name) for name in names[:3]] == [None] * 3
    for name in names[3:]:
        with pytest.raises(StateError, match="has not seen any data"):
            getattr(model, name)
    model.get_act({"train_input": x})
    model(x[:10])
    acts, scales, carried, backward, edges, nodes = (getattr(model, name) for name in names)
    assert [tuple(act.shape) for act in acts] == [(10, 2), (10, 6), (10, 5)]
    assert [len(scale) for scale in scales] == [6, 5, 1]
    assert [matrix.shape for matrix in carried] == [matrix.shape for matrix in model.w]
    assert [len(node) for node in nodes] == [2, 6, 5, 1]
    assert all(torch.equal(*pair) for pair in zip(backward, edges))
    assert torch.equal(model.attribute(), nodes[0])


def test_scores_refer_to_the_last_input(model: MLP, dataset: dict[str, Tensor]) -> None:
    model.fit(dataset, steps=1, progress=False)
    of_training = model.attribute()
    model.get_act(dataset["train_input"])
    assert torch.equal(model.attribute(), of_training)
    model(dataset["test_input"] * 3)
    assert not torch.allclose(model.attribute(), of_training)


@pytest.mark.parametrize("name", ["acts_scale", "wa_forward", "edge_scores", "node_scores"])
def test_what_is_read_has_the_gradient_of_its_definition(model: MLP, x: Tensor, name: str) -> None:
    model, x = model.double(), x.double()
    model(x)
    first, second, third = model.linears
    hidden = [x, model.act_fun(first(x))]
    hidden.append(model.act_fun(second(hidden[1])))
    spreads = [entry.std(dim=0) for entry in (*hidden, third(hidden[2]))]
    carried = [layer.weight * start for layer, start in zip(model.linears, spreads)]
    nodes, edges = [torch.ones_like(spreads[-1])], []
    for weights, ends in zip(carried[::-1], spreads[:0:-1]):
        edges.append(weights.abs() * (nodes[-1] / (ends + 1e-4))[:, None])
        nodes.append(edges[-1].sum(dim=0) / weights.shape[1] ** 0.5)
    expected = {
        "acts_scale": spreads[1:],
        "wa_forward": carried,
        "edge_scores": edges[::-1],
        "node_scores": nodes[::-1],
    }
    totals = [sum(entry.square().sum() for entry in entries) for entries in (getattr(model, name), expected[name])]
    ours, theirs = (torch.autograd.grad(each, list(model.parameters()), materialize_grads=True) for each in totals)
    for mine, reference in zip(ours, theirs):
        torch.testing.assert_close(mine, reference)


def test_data_are_needed(model: MLP) -> None:
    plots = [lambda metric=metric: model.plot(metric=metric) for metric in ("act", "fa")]
    for call in (model.attribute, model.get_act, *plots, lambda: model.reg("act", 1.0, 2.0)):
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
    rows = model.w[0].detach().clone()
    model.swap(1, 0, 3)
    assert torch.equal(model.w[0], rows[[3, 1, 2, 0, 4, 5]])
    assert torch.allclose(model(x), before, atol=1e-6)


def test_the_penalty_is_that_of_the_data_last_seen(model: MLP, x: Tensor) -> None:
    model.get_act(x)
    model(x[:5])
    assert torch.equal(model.reg("act"), model.reg("act", x=x[:5]))
    assert not torch.equal(model.reg("act"), model.reg("act", x=x))
