"""What splines are where there are no samples."""

from __future__ import annotations

import pytest
import torch
from scipy.interpolate import BSpline

from kan import KAN
from kan.network import Adjoint, Jacobian
from kan.training.smoothness import Smoothness, jumps


@pytest.mark.parametrize("degree", [2, 3])
def test_rows_are_proportional_to_the_jumps_of_the_highest_derivative(degree: int) -> None:
    knots = torch.tensor([-3.0, -2.0, -1.0, 0.0, 0.3, 1.0, 1.2, 2.5, 3.0, 4.0, 5.0], dtype=torch.float64)[3 - degree :]
    rows = jumps(knots[None], degree=degree)[0]
    inner = knots[degree + 1 : -degree - 1].numpy()
    generator = torch.Generator().manual_seed(0)
    found, expected = [], []
    for _ in range(rows.shape[1] + 1):
        coefficients = torch.randn(rows.shape[1], generator=generator, dtype=torch.float64)
        highest = BSpline(knots.numpy(), coefficients.numpy(), degree).derivative(degree)
        found.append(rows @ coefficients)
        expected.append(torch.tensor(highest(inner + 1e-9) - highest(inner - 1e-9)))
    ratio = torch.stack(expected) / torch.stack(found)
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=1e-6, atol=0)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(rows), dtype=torch.float64))


def test_a_gap_between_samples_is_filled_smoothly() -> None:
    x = torch.linspace(-1, 1, 401, dtype=torch.float64)[:, None]
    known = (x[:, 0] - 0.4).abs() > 0.1  # five of 50 intervals are empty
    dataset = {"train_input": x[known], "train_label": torch.sin(3 * x[known])}
    model = KAN(width=[1, 1], grid=50, grid_eps=1.0, seed=0, auto_save=False).double()
    results = model.fit(dataset, opt="LM", steps=10, progress=False)
    assert results["train_loss"][-1] < 3e-7
    with torch.no_grad():
        assert float((model(x) - torch.sin(3 * x)).abs().max()) < 1e-4


def test_it_weighs_next_to_nothing_where_there_are_samples() -> None:
    x = torch.linspace(-1, 1, 401, dtype=torch.float64)[:, None]
    dataset = {"train_input": x, "train_label": torch.sin(torch.pi * x)}
    model = KAN(width=[1, 1], grid=5, base_fun="zero", grid_eps=1.0, seed=0, auto_save=False).double()
    loss = model.fit(dataset, opt="LM", steps=5, progress=False)["train_loss"][-1]
    bases = model.act_fun[0].bases(x.T, torch.tensor([0]))[0].T
    best = torch.linalg.lstsq(bases, dataset["train_label"]).solution
    assert loss == pytest.approx(float((bases @ best - dataset["train_label"]).square().mean().sqrt()), rel=1e-3)


@pytest.mark.parametrize("trained", [True, False])
def test_gradient_and_curvature_are_those_of_the_term(trained: bool) -> None:
    """It is quadratic, so they give its change for moves of any length."""
    generator = torch.Generator().manual_seed(0)
    model = KAN(width=[2, 3, 1], grid=4, seed=1, auto_save=False).double()
    model.act_fun[0].coef.requires_grad_(trained)
    x = torch.rand(30, 2, generator=generator, dtype=torch.float64)
    adjoint = Adjoint(model, model.prepare(x), singularity={})
    adjoint.forward()
    jacobian = Jacobian(adjoint)
    gradient, move = torch.zeros(jacobian.size).double(), torch.randn(jacobian.size, generator=generator).double()
    curvature = torch.zeros(jacobian.size, jacobian.size, dtype=torch.float64)
    with torch.no_grad():
        term = Smoothness(list(model.act_fun), jacobian)
        term.weigh(torch.diag(torch.rand(jacobian.size, generator=generator).double()))
        term.add_to(gradient, curvature)
        start, before = jacobian.read(), term.value()
        jacobian.write(start + move)
        change = 2 * gradient.dot(move) + move.dot(curvature @ move)
        assert term.value() - before == pytest.approx(float(change), rel=1e-9)
