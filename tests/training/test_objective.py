"""The objective of a fit, and the choice between its two ways to a gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN, create_dataset
from kan.MLP import MLP
from kan.training.objective import Objective


@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
def test_hooks_on_parameters_see_and_change_the_gradients_of_a_fit(opt: str) -> None:
    dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=50, test_num=10)
    model = KAN(width=[2, 3, 1], seed=0)
    layer = model.act_fun[0]
    held = {"coef": layer.coef, "scale_base": layer.scale_base, "scale_sp": layer.scale_sp}
    before = {name: values.detach().clone() for name, values in held.items()}

    def without_first_edge(gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[0, 0] = 0
        return gradient

    for values in held.values():
        values.register_hook(without_first_edge)
    model.fit(dataset, opt=opt, steps=3, update_grid=False, progress=False)
    for name, values in held.items():
        changed = (values.detach() != before[name]).reshape(2, 3, -1).any(dim=2)
        assert not changed[0, 0]
        assert changed.sum() == 5
    assert torch.isfinite(model(dataset["test_input"])).all()


@pytest.mark.parametrize("repeatedly", [True, False], ids=["adjoint", "autograd"])
def test_what_hangs_on_a_constant_node_gets_no_gradient_from_the_penalty(repeatedly: bool) -> None:
    x = torch.rand(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = KAN(width=[2, 3, 3, 1], seed=0).double()
    model.act_fun[0].mask.data[:, 0] = 0
    model.act_fun[1].mask.data[1:, 0] = 0
    model.node_bias_0.data[0] = 0.37  # the only input of node 0 in the next layer, which is constant therefore
    Objective(model, lambda prediction, _: 0 * prediction.sum(), None, 1.0, {}, {}).at(
        x, x[:, :1], repeatedly=repeatedly
    ).differentiate()
    gradient = model.act_fun[1].coef.grad
    assert not gradient[0, 0].any()
    assert gradient[1, 1].any()


@pytest.mark.parametrize("repeatedly", [True, False], ids=["adjoint", "autograd"])
def test_a_penalty_of_coefficients_that_are_not_trained_counts_without_a_gradient(repeatedly: bool) -> None:
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = KAN(width=[2, 1], seed=0).double()
    model.act_fun[0].coef.requires_grad_(False)
    point = Objective(model, None, None, 0.1, {"lamb_coef": 2.0}, {}).at(x, x[:, [0]], repeatedly=repeatedly)
    loss, penalty = point.terms()
    torch.testing.assert_close(point.differentiate(), loss + 0.1 * penalty)
    torch.testing.assert_close(penalty, model.reg(lamb_coef=2.0, x=x))
    assert model.act_fun[0].coef.grad is None


@pytest.mark.parametrize("options", [{"opt": "LBFGS"}, {"opt": "Adam"}, {"opt": "LBFGS", "batch": 20}])
@pytest.mark.parametrize("make", [lambda: KAN(width=[2, 3, 1], seed=0), lambda: MLP(width=[2, 3, 1])])
def test_a_loss_may_read_scores_of_the_samples_that_it_is_given(make: Any, options: dict[str, Any]) -> None:
    dataset = create_dataset(lambda x: x[:, [0]] + 0.3 * x[:, [1]], n_var=2, train_num=100, test_num=30)

    def trained(price: float) -> list[float]:
        model, seen = make(), set()

        def loss(prediction: Tensor, label: Tensor) -> Tensor:
            assert len(model.acts[0]) == len(prediction)
            seen.add(len(prediction))
            return (prediction - label).square().mean() + price * model.node_scores[0][1]

        model.fit(dataset, loss_fn=loss, steps=10, progress=False, **options)
        assert seen == ({20} if "batch" in options else {100, 30})
        assert len(model.acts[0]) == 100
        scores: list[float] = model.node_scores[0].tolist()
        return scores

    free, dear = trained(0.0), trained(1.0)
    assert dear[1] < 0.5 * free[1]
    assert dear[0] > 0.5 * free[0]


def test_a_loss_may_read_scores_where_the_penalty_is_not_the_usual() -> None:
    dataset = create_dataset(lambda x: x[:, [0]] + 0.3 * x[:, [1]], n_var=2, train_num=50, test_num=20)
    model, scores = KAN(width=[2, 2, 1], seed=0), []

    def loss(prediction: Tensor, label: Tensor) -> Tensor:
        scores.append(model.feature_score)
        assert len(model.acts[0]) == len(prediction)
        return (prediction - label).square().mean() + scores[-1].sum()

    model.fit(dataset, loss_fn=loss, lamb=1e-3, reg_metric="edge_backward", steps=2, progress=False)
    assert all(entry.requires_grad for entry in scores)
    assert not torch.equal(scores[-1], scores[0])
