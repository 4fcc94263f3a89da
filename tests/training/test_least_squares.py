"""The objective of a fit as a sum of squares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kan import KAN
from kan.common.errors import ArgumentError
from kan.MLP import MLP
from kan.training import least_squares as module
from kan.training.least_squares import PredictedSquares, SquaresPoint, squares_at
from kan.training.objective import Objective
from kan.training.perceptron import PerceptronObjective


def objective_of(model: Any, **options: Any) -> Objective:
    return Objective(
        **{
            "network": model,
            "loss_fn": None,
            "pred_fn": None,
            "lamb": 0.0,
            "penalty_weights": {},
            "singularity": {},
            **options,
        }
    )


@pytest.fixture
def data() -> tuple[Tensor, Tensor]:
    x = 2 * torch.rand(30, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    return x, torch.stack([x[:, 0] * x[:, 1], x[:, 0].exp()], dim=1)


@pytest.fixture
def model() -> KAN:
    return KAN(width=[2, [2, 1], 2], seed=0, affine_trainable=True, auto_save=False).double()


@pytest.mark.parametrize("lamb", [0.0, 0.1])
def test_value_and_gradient_are_those_of_the_objective(model: KAN, data: Any, lamb: float) -> None:
    squares = squares_at(objective_of(model, lamb=lamb), *data)
    assert isinstance(squares, SquaresPoint)
    found = squares.model()
    exact = objective_of(model, lamb=lamb).at(*data, repeatedly=False)
    loss, reg = exact.terms()
    expected = loss + lamb * reg
    assert found.value == pytest.approx(expected.item())
    assert squares.value() == pytest.approx(expected.item())
    assert squares.terms()[1].item() == pytest.approx(reg.item())
    start, small = squares.read(), 1e-5
    for seed in range(3):
        move = torch.randn(len(start), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        squares.write(start + small * move)
        higher = squares.value()
        squares.write(start - small * move)
        assert 2 * float(found.gradient.dot(move)) == pytest.approx((higher - squares.value()) / (2 * small), rel=1e-5)


def test_the_curvature_is_that_of_the_squares(model: KAN, data: Any) -> None:
    """Where the residuals vanish it is the Hessian, which differences of the value give."""
    x, _ = data
    squares = squares_at(objective_of(model), x, model(x).detach())
    found, start, small = squares.model(), squares.read(), 1e-4
    for seed in range(3):
        move = torch.randn(len(start), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        squares.write(start + small * move)
        assert -found.gain(small * move) == pytest.approx(squares.value() - found.value, rel=1e-2)


def test_memory_is_bounded_by_pieces(model: KAN, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = squares_at(objective_of(model), *data)
    monkeypatch.setattr(module, "_MOST_NUMBERS", 7 * (len(whole.read()) + 1))
    pieces = squares_at(objective_of(model), *data)
    one, other = whole.model(), pieces.model()
    assert pieces._rows.shape[1] == 7
    torch.testing.assert_close(one.curvature.tril(), other.curvature.tril())
    torch.testing.assert_close(one.gradient, other.gradient)
    start, move = whole.read(), 0.1 * torch.ones(len(one.gradient), dtype=torch.float64)
    expected = whole.bend(start, move)
    whole.write(start)
    torch.testing.assert_close(pieces.bend(start, move), expected)


def test_the_bend_is_the_second_derivative_along_a_move(model: KAN, data: Any) -> None:
    x, y = data
    squares = squares_at(objective_of(model), x, y)
    squares.model()
    start = squares.read()
    move = 1e-2 * torch.randn(len(start), generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def errors(step: float) -> Tensor:
        squares.write(start + step * move)
        return (model(x) - y).detach().reshape(-1) * y.numel() ** -0.5

    second = (errors(0.01) - 2 * errors(0.0) + errors(-0.01)) / 0.01**2
    found = squares.bend(start, move)
    along = torch.zeros_like(found)
    for index in range(0, len(start), 7):  # some columns of the Jacobian, by differences
        one = torch.zeros_like(start)
        one[index] = 1e-6
        squares.write(start + one)
        higher = (model(x) - y).detach().reshape(-1) * y.numel() ** -0.5
        squares.write(start - one)
        lower = (model(x) - y).detach().reshape(-1) * y.numel() ** -0.5
        along[index] = ((higher - lower) / 2e-6) @ second
        assert found[index] == pytest.approx(float(along[index]), rel=0.05, abs=1e-6)


def test_a_single_precision_network_is_computed_in_double_precision(data: Any) -> None:
    model = KAN(width=[2, 2, 2], seed=0, auto_save=False)
    x, y = (entry.float() for entry in data)
    squares = squares_at(objective_of(model), x, y)
    twin = KAN(width=[2, 2, 2], seed=0, auto_save=False).double()
    assert squares.value() == pytest.approx((twin(x.double()) - y.double()).square().mean().item(), rel=1e-12)
    numbers = squares.read() + 0.1
    squares.write(numbers)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.equal(squares.read(), numbers.float().double())


def test_parameters_that_others_changed_are_seen(model: KAN, data: Any) -> None:
    squares = squares_at(objective_of(model), *data)
    before = squares.value()
    model.act_fun[0].mask.data[0, 0] = 0
    expected = (model(data[0]) - data[1]).square().mean().item()
    assert squares.value() == pytest.approx(expected) != before


def shifted() -> Any:
    class Shifted(KAN):
        def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            return super().forward(x, *args, **kwargs) + 1

    return Shifted(width=[2, 2, 2], seed=0, auto_save=False).double()


@pytest.mark.parametrize(
    "make",
    [shifted, lambda: KAN(width=[2, 2, 2], k=1, auto_save=False).double(), lambda: MLP(width=[2, 3, 2]).double()],
)
def test_other_models_are_differentiated_by_autograd(make: Callable[[], Any], data: Any) -> None:
    model, (x, y) = make(), data
    kind = PerceptronObjective if isinstance(model, MLP) else Objective
    squares = squares_at(kind(model, None, None, 0.0, {}, {}), x, y)
    assert isinstance(squares, PredictedSquares)
    expected = (model(x) - y).square().mean()
    assert squares.model().value == pytest.approx(expected.item())
    assert squares.terms()[0].item() == pytest.approx(expected.item())


def test_a_loss_of_the_users_own_is_refused(model: KAN, data: Any) -> None:
    with pytest.raises(ArgumentError, match="cannot use `loss_fn`"):
        squares_at(objective_of(model, loss_fn=nn.L1Loss()), *data)


@pytest.mark.parametrize("options", [{"pred_fn": lambda x: x}, {"penalty_weights": {"reg_metric": "edge_backward"}}])
def test_penalties_without_a_model_are_refused(model: KAN, data: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="use lamb=0, or opt='LBFGS'"):
        squares_at(objective_of(model, lamb=0.1, **options), *data)


# Through `fit`


def quiet(model: Any, dataset: Any, **options: Any) -> Any:
    return model.fit(dataset, opt="LM", **{"steps": 8, "progress": False, **options})


def objectives(results: Any, lamb: float) -> Any:
    return np.square(results["train_loss"]) + lamb * np.array(results["reg"])


@pytest.mark.parametrize(
    "weights", [{}, {"lamb_entropy": 10.0}, {"lamb_coef": 1.0, "lamb_coefdiff": 0.5}, {"lamb_l1": 0.0}]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_exact_objective_never_rises(make: Any, dataset: Any, weights: Any, dtype: torch.dtype) -> None:
    model = make((2, 3, 1)).to(dtype)
    results = quiet(model, dataset, lamb=0.01, update_grid=False, steps=12, **weights)
    values = objectives(results, 0.01)
    assert (values[1:] <= values[:-1] * (1 + 1e-9)).all()
    assert values[-1] < 0.8 * values[0]
    model.get_act(dataset["train_input"])
    assert results["reg"][-1] == pytest.approx(model.reg(**weights).item(), rel=1e-3)


def test_penalties_are_minimised_as_well_as_by_lbfgs(make: Any, dataset: Any) -> None:
    one, other = make((2, 1)), make((2, 1))
    found = quiet(one, dataset, lamb=0.1, update_grid=False, steps=40)
    expected = other.fit(dataset, lamb=0.1, update_grid=False, steps=40, progress=False)
    assert objectives(found, 0.1)[-1] <= 1.01 * objectives(expected, 0.1)[-1]


def test_products_and_several_outputs_train(make: Any, dataset: Any) -> None:
    x = dataset["train_input"]
    data = {"train_input": x, "train_label": torch.stack([x[:, 0] * x[:, 1], x[:, 0] + x[:, 1]], dim=1)}
    assert quiet(make((2, [1, 1], 2)), data, steps=15)["train_loss"][-1] < 5e-3


def test_batches_of_rows_train(make: Any, dataset: Any) -> None:
    results = quiet(make((2, 1)), dataset, batch=40, steps=20)
    assert results["test_loss"][-1] < 0.05


def test_steps_go_on_after_the_grids_have_moved(make: Any, dataset: Any) -> None:
    model = make((2, 1))
    before = model.act_fun[0].grid.clone()
    results = quiet(model, dataset, steps=12, grid_update_num=4, stop_grid_update_step=12)
    assert not torch.equal(model.act_fun[0].grid, before)
    assert results["train_loss"][-1] < 0.2 * results["train_loss"][0]


def test_nothing_is_computed_again_when_nothing_can_be_gained(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, calls = torch.linspace(-1, 1, steps=20, dtype=torch.float64)[:, None], []
    model_of = SquaresPoint.model
    monkeypatch.setattr(SquaresPoint, "model", lambda self: (calls.append(0), model_of(self))[1])
    results = quiet(make((1, 1)).double(), {"train_input": x, "train_label": x}, steps=500, stop_grid_update_step=5)
    assert len(results["train_loss"]) == 500
    assert len(calls) < 50


def test_the_best_parameters_come_back(make: Any, dataset: Any) -> None:
    noise = torch.randn(60, 1, generator=torch.Generator().manual_seed(0))
    data = {**dataset, "train_label": dataset["train_label"] + noise}
    model = make((2, 1), grid=10)
    results = quiet(model, data, steps=10, restore_best=True, patience=4)
    assert len(results["test_loss"]) < 10
    loss = (model(data["test_input"]) - data["test_label"]).square().mean().sqrt()
    assert loss.item() == pytest.approx(min(results["test_loss"]), rel=1e-5)


def test_a_prediction_of_the_users_own_is_trained(make: Any) -> None:
    model, x = make((1, 1)), torch.linspace(-1, 1, steps=40)[:, None]

    def slope(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(model(x).sum(), x, create_graph=True)[0]

    assert quiet(model, {"train_input": x, "train_label": 2 * x}, pred_fn=slope)["train_loss"][-1] < 1e-2


def test_edges_without_a_spline_and_constant_columns_do_no_harm(make: Any, dataset: Any) -> None:
    x = dataset["train_input"].clone()
    x[:, 1] = 0.5
    model = make((2, 3, 1), grid=10)
    model.remove_edge(0, 0, 1)
    results = quiet(model, {"train_input": x, "train_label": x[:, [0]] ** 2}, steps=30)
    assert results["train_loss"][-1] < 0.01
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_an_interrupted_step_leaves_the_parameters_of_the_last_one(
    make: Any, dataset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calls = make((2, 1)), []
    value_of = SquaresPoint.value

    def value(self: SquaresPoint) -> float:
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return value_of(self)

    monkeypatch.setattr(SquaresPoint, "value", value)
    with pytest.raises(KeyboardInterrupt):
        quiet(model, dataset, update_grid=False)
    loss = (model(dataset["train_input"]) - dataset["train_label"]).square().mean().sqrt()
    assert loss.item() == pytest.approx(model.last_results["train_loss"][-1], rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"loss_fn": torch.nn.functional.l1_loss},
        {"lamb": 0.1, "reg_metric": "edge_backward"},
        {"lamb": 0.1, "pred_fn": lambda x: x[:, :1]},
    ],
)
def test_what_is_no_sum_of_squares_is_refused_before_anything_changes(make: Any, dataset: Any, options: Any) -> None:
    model = make((2, 1))
    before = [parameter.clone() for parameter in model.parameters()]
    with pytest.raises(ArgumentError, match="opt='LM'"):
        model.fit(dataset, opt="LM", grids=[6], progress=False, **options)
    assert all(map(torch.equal, before, model.parameters()))
