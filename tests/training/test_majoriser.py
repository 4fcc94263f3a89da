"""The model of the penalties lies above them and touches them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.network import Jacobian
from kan.training.majoriser import add_penalty
from kan.training.objective import AdjointPoint, Objective
from kan.training.penalties import penalty

LAMB = 0.3
WEIGHTS: list[dict[str, float]] = [
    {"lamb_entropy": 0.0},
    {"lamb_l1": 0.0},
    {},
    {"lamb_coef": 1.0},
    {"lamb_l1": 0.0, "lamb_entropy": 0.0, "lamb_coef": 0.5, "lamb_coefdiff": 2.0},
]


def model_of(
    width: Any, weights: dict[str, float], *, trained: bool = True
) -> tuple[KAN, Tensor, Jacobian, float, Tensor, Tensor]:
    """Return a network, data, and value, gradient and curvature of its penalty."""
    model = KAN(width=width, seed=1, auto_save=False).double()
    model.act_fun[0].coef.requires_grad_(trained)
    x = 2 * torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    objective = Objective(model, None, None, LAMB, weights, {})
    point = AdjointPoint(objective, LAMB, model.prepare(x), torch.zeros(40, 1, dtype=torch.float64))
    point.errors()
    jacobian = Jacobian(point.adjoint)
    gradient = torch.zeros(jacobian.size, dtype=torch.float64)
    curvature = torch.zeros(jacobian.size, jacobian.size, dtype=torch.float64)
    with torch.no_grad():
        add_penalty(point, jacobian, gradient, curvature)
        value = LAMB * penalty(model, model.trace(x), **weights).item()
    return model, x, jacobian, value, gradient, curvature


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_gradient_is_that_of_the_penalty(weights: dict[str, float], trained: bool) -> None:
    model, x, jacobian, _, gradient, _ = model_of([2, 3, 1], weights, trained=trained)
    (LAMB * penalty(model, model.trace(x), **weights)).backward()
    found = jacobian.gather([(p, p.grad) for p in model.parameters() if p.grad is not None])
    torch.testing.assert_close(2 * gradient, found)


@pytest.mark.parametrize("weights", [entry for entry in WEIGHTS if entry.get("lamb_entropy") == 0.0])
@pytest.mark.parametrize("size", [1e-3, 0.1, 1.0, 10.0])
def test_the_model_of_sizes_lies_above_them(weights: dict[str, float], size: float) -> None:
    """Of one layer, whose inputs are data: there it holds exactly."""
    model, x, jacobian, value, gradient, curvature = model_of([2, 3], weights)
    start = jacobian.read()
    for seed in range(5):
        move = size * torch.randn(len(start), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        jacobian.write(start + move)
        exact = LAMB * penalty(model, model.trace(x), **weights).item()
        assert exact <= value + float(2 * gradient.dot(move) + move.dot(curvature @ move)) * (1 + 1e-12)


def test_the_curvature_is_positive() -> None:
    *_, curvature = model_of([2, 3, 1], {})
    eigenvalues = torch.linalg.eigvalsh(curvature)
    assert eigenvalues.min() > -1e-12 * eigenvalues.max()
    assert eigenvalues.max() > 0


def test_coefficients_that_are_zero_may_leave_it() -> None:
    model = KAN(width=[1, 1], seed=0, auto_save=False).double()
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    model.act_fun[0].coef.data[0, 0, :3] = 0
    model.fit({"train_input": x, "train_label": x**2}, opt="LM", steps=5, lamb=1e-6, lamb_coef=1.0, progress=False)
    assert (model.act_fun[0].coef[0, 0, :3].abs() > 1e-3).all()
