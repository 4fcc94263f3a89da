"""The penalties of a perceptron, against pykan's, and its place in the training loop."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.network import Perceptron
from kan.training import GridSchedule, PerceptronObjective, Training, perceptron_penalty
from kan.training.perceptron import REG_METRICS


@pytest.mark.parametrize(
    ("reg_metric", "expected"), [("w", 17.005072), ("act", 10.435509), ("fa", 49.480431), ("a", 4.220858)]
)
def test_penalties_are_pykans(reg_metric: str, expected: float) -> None:
    # From pykan 0.2.8: MLP(width=[3, 4, 2], seed=3), reg(reg_metric, 1., 2.).
    t = torch.linspace(-1, 1, 7)
    model = Perceptron([3, 4, 2], seed=3)
    trace = model.trace(torch.stack([t, t**2, torch.sin(3 * t)], dim=1))
    assert perceptron_penalty(model, trace, reg_metric=reg_metric).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reg_metric", REG_METRICS)
def test_penalties_are_differentiated(reg_metric: str, dataset: dict[str, Tensor]) -> None:
    model, x = Perceptron([2, 3, 1]).double(), dataset["train_input"].double()

    def of_weight(weight: Tensor) -> Tensor:
        trace = torch.func.functional_call(Traced(model), {"model.linears.0.weight": weight}, (x,))
        return perceptron_penalty(model, trace, reg_metric=reg_metric)

    assert torch.autograd.gradcheck(of_weight, model.linears[0].weight)  # type: ignore[arg-type]


class Traced(torch.nn.Module):
    def __init__(self, model: Perceptron) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Any:
        return self.model.trace(x)


def train(model: Perceptron, dataset: Any, **options: Any) -> Training:
    training = Training(
        model, dataset, grids=GridSchedule(True, 10, -1, 50), objective=PerceptronObjective, progress=False, **options
    )
    training.run()
    return training


def test_it_minimises_loss_and_penalty(dataset: dict[str, Tensor]) -> None:
    model = Perceptron([2, 5, 1])
    record = train(model, dataset, steps=30, lamb=1e-2).record.values
    trace = model.trace(dataset["train_input"])
    loss = (trace.output - dataset["train_label"]).square().mean().sqrt()
    assert record["train_loss"][-1] == pytest.approx(loss.item())
    assert record["reg"][-1] == pytest.approx(perceptron_penalty(model, trace).item())
    totals = [error**2 + 1e-2 * reg for error, reg in zip(record["train_loss"], record["reg"])]
    assert totals == sorted(totals, reverse=True)


def test_a_penalty_of_another_model_is_refused(dataset: dict[str, Tensor]) -> None:
    with pytest.raises(ArgumentError, match="`reg_metric` must be one of 'w', 'act', 'fa', 'a'"):
        train(Perceptron([2, 1]), dataset, penalty_weights={"reg_metric": "edge_backward"})


def test_training_is_that_of_torch(dataset: dict[str, Tensor]) -> None:
    """Adam by hand gives the same parameters."""
    model, twin = Perceptron([2, 4, 1]), Perceptron([2, 4, 1])
    train(model, dataset, opt="Adam", steps=5, lr=0.05)
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.05)
    for _ in range(5):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(twin(dataset["train_input"]), dataset["train_label"]).backward()
        optimiser.step()
    assert all(torch.allclose(*pair, atol=1e-6) for pair in zip(model.parameters(), twin.parameters()))
