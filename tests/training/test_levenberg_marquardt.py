"""Levenberg-Marquardt on residuals of all kinds."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch import Tensor, nn

from kan import KAN, LevenbergMarquardt, batch_hessian
from kan.common.errors import ArgumentError
from kan.training import levenberg_marquardt as module


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


def rosenbrock(x: Tensor) -> Tensor:
    return torch.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def run(optimiser: LevenbergMarquardt, residuals: Callable[[], Any], steps: int) -> list[float]:
    losses = [optimiser.step(residuals) for _ in range(steps)]
    return [*losses, optimiser.last_loss]


def test_the_valley_of_rosenbrock() -> None:
    x = parameter(-1.2, 1.0)
    losses = run(LevenbergMarquardt([x]), lambda: rosenbrock(x), 25)
    assert losses[-1] < 1e-25
    assert all(later <= earlier for earlier, later in zip(losses, losses[1:]))


def test_the_minimum_is_that_of_scipy() -> None:
    """Of a problem whose residuals do not vanish."""
    t = torch.linspace(0, 3, 40, dtype=torch.float64)
    y = 2 * torch.exp(-1.3 * t) + 0.3 * torch.sin(5 * t) + 0.1 * t

    def residuals(x: Tensor) -> Tensor:
        return x[0] * torch.exp(-x[1] * t) + x[2] * torch.sin(x[3] * t) - y

    start = [1.0, 1.0, 0.1, 4.5]
    x = parameter(*start)
    losses = run(LevenbergMarquardt([x]), lambda: residuals(x), 30)
    expected = least_squares(lambda v: residuals(torch.from_numpy(v)).numpy(), start, xtol=1e-15, ftol=1e-15)
    assert losses[-1] == pytest.approx(2 * expected.cost, rel=1e-9)
    np.testing.assert_allclose(x.detach().numpy(), expected.x, rtol=1e-4)


def test_the_minimum_of_a_network_is_not_above_that_of_scipy() -> None:
    x = torch.linspace(-1, 1, 60, dtype=torch.float64)[:, None]
    y = torch.sin(4 * x) + 0.3 * (7 * x).cos()
    model = KAN(width=[1, 2, 1], grid=4, seed=0, auto_save=False).double()
    model.update_grid(x)
    trained = [entry for layer in model.act_fun for entry in (layer.coef, layer.scale_base)]
    start = nn.utils.parameters_to_vector(trained).detach().numpy().copy()

    def residuals(numbers: Any) -> Any:
        nn.utils.vector_to_parameters(torch.from_numpy(numbers), trained)
        with torch.no_grad():
            return (model(x) - y)[:, 0].numpy()

    expected = least_squares(residuals, start, method="trf", max_nfev=40)
    nn.utils.vector_to_parameters(torch.from_numpy(start), trained)
    results = model.fit({"train_input": x, "train_label": y}, opt="LM", steps=40, update_grid=False, progress=False)
    assert 60 * results["train_loss"][-1] ** 2 <= 1.1 * 2 * expected.cost


def test_convergence_is_quadratic_where_residuals_vanish() -> None:
    x = parameter(0.5, 0.5)
    losses = run(LevenbergMarquardt([x], damping=1e-8), lambda: torch.stack([x[0].exp() - 2, x[0] * x[1] - 1]), 8)
    errors = [math.sqrt(loss) for loss in losses if loss > 1e-13]
    assert losses[-1] < 1e-28
    assert all(later < 5 * earlier**1.9 for earlier, later in zip(errors[1:], errors[2:]))


def test_a_constant_of_a_formula_comes_out_to_rounding() -> None:
    model = KAN(width=[2, 1, 1], seed=0, auto_save=False).double()
    x = 2 * torch.rand(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    y = torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)
    model(x)
    for layer, i, name in [(0, 0, "sin"), (0, 1, "x^2"), (1, 0, "exp")]:
        model.fix_symbolic(layer, i, 0, name, fit_params_bool=False, verbose=False)
    model.symbolic_fun[0].affine.data[0, 0, 0] = 3.0
    results = model.fit({"train_input": x, "train_label": y}, opt="LM", steps=30, progress=False)
    assert results["train_loss"][-1] < 2e-15


def test_a_differential_equation() -> None:
    """u'' = -sin(x), u(0) = u(pi) = 0: the solution is the sine."""
    model = KAN(width=[1, 1], grid=8, grid_range=[0, math.pi], seed=0, auto_save=False).double()
    inside = torch.linspace(0, math.pi, 40, dtype=torch.float64)[:, None]

    def residuals() -> tuple[Tensor, Tensor]:
        curvature = batch_hessian(model, inside, create_graph=True)[:, 0, 0]
        return curvature + torch.sin(inside[:, 0]), 10 * model(inside[[0, -1]])

    run(LevenbergMarquardt(model.parameters(), model=model), residuals, 12)
    assert (model(inside) - torch.sin(inside)).abs().max() < 5e-4


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_an_unknown_constant_of_any_size_is_found_beside_the_network(unit: float) -> None:
    """The curvature of one was measured against that of the other, so the smaller one stayed where it was."""
    x = torch.linspace(0, math.pi, 30, dtype=torch.float64)[:, None]
    model = KAN(width=[1, 1], grid=5, grid_range=[0, math.pi], seed=0, auto_save=False).double()
    stiffness = parameter(unit)

    def residuals() -> tuple[Tensor, Tensor]:
        bend = batch_hessian(model, x, create_graph=True)[:, 0, 0]
        return 0.1 * (stiffness / unit * bend + 2 * torch.sin(x[:, 0])), model(x) - torch.sin(x)

    losses = run(LevenbergMarquardt([*model.parameters(), stiffness], model=model), residuals, 15)
    assert losses[-1] < 0.01
    assert float(stiffness.detach() / unit) == pytest.approx(2, rel=1e-2)


def test_the_poisson_equation() -> None:
    model = KAN(width=[2, 4, 1], grid=3, seed=0, auto_save=False).double()
    line = torch.linspace(-1, 1, 8, dtype=torch.float64)
    points = torch.cartesian_prod(line, line)
    on_edge = points.abs().max(dim=1).values == 1

    def solution(x: Tensor) -> Tensor:
        return torch.sin(torch.pi * x[:, 0]) * torch.sin(torch.pi * x[:, 1])

    def residuals() -> tuple[Tensor, Tensor]:
        laplacian = batch_hessian(model, points, create_graph=True).diagonal(dim1=1, dim2=2).sum(dim=1)
        return 0.1 * (laplacian + 2 * torch.pi**2 * solution(points)), 10 * model(points[on_edge])

    losses = run(LevenbergMarquardt(model.parameters(), model=model), residuals, 15)
    assert losses[-1] < 1e-2 * losses[0]
    assert (model(points)[:, 0] - solution(points)).square().mean().sqrt() < 0.05


def test_a_step_that_fails_leaves_the_parameters_and_stagnates() -> None:
    x = parameter(1.0)
    optimiser = LevenbergMarquardt([x])
    run(optimiser, lambda: x.reshape(1), 60)
    optimiser.step(lambda: torch.cat([x, 2 - x]))
    run(optimiser, lambda: torch.cat([x, 2 - x]), 20)
    assert optimiser.stagnated
    before = x.item()
    optimiser.step(lambda: torch.cat([x, 2 - x]))
    assert x.item() == before == pytest.approx(1.0)
    optimiser.step(lambda: x - 5)
    assert not optimiser.stagnated


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_residuals_that_are_not_finite_are_never_accepted(value: float) -> None:
    x = parameter(0.5)
    optimiser = LevenbergMarquardt([x])
    optimiser.step(lambda: x - 1 if x < 0.9 else value * x)
    assert x < 0.9
    assert optimiser.last_loss < 0.25
    optimiser.step(lambda: value * x)
    assert optimiser.stagnated
    assert math.isfinite(x.item())


@pytest.mark.parametrize("tries", [1, 3])
def test_a_step_is_given_up_after_so_many_tries(tries: int) -> None:
    x, beyond = parameter(0.5), []

    def residuals() -> Tensor:
        if x < 0.6:
            return x - 1
        beyond.append(x.item())
        return math.nan * x

    optimiser = LevenbergMarquardt([x], max_tries=tries)
    optimiser.step(residuals)
    assert optimiser.stagnated
    assert x.item() == 0.5
    assert len(beyond) == tries
    LevenbergMarquardt([x]).step(residuals)
    assert 0.5 < x < 0.6


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()])
def test_after_an_exception_the_parameters_are_those_before_the_step(error: BaseException) -> None:
    x, calls = parameter(-1.2, 1.0), []

    def residuals() -> Tensor:
        calls.append(0)
        if len(calls) == 3:
            raise error
        return rosenbrock(x)

    with pytest.raises(type(error)):
        LevenbergMarquardt([x]).step(residuals)
    assert x.tolist() == [-1.2, 1.0]


def test_the_length_of_steps_can_be_chosen() -> None:
    whole, half = parameter(0.0), parameter(0.0)
    LevenbergMarquardt([whole], damping=1e-9).step(lambda: whole - 1)
    LevenbergMarquardt([half], damping=1e-9, lr=0.5).step(lambda: half - 1)
    assert whole.item() == pytest.approx(1.0, rel=1e-6)
    assert half.item() == pytest.approx(0.5, rel=1e-6)


def test_single_precision_parameters_are_solved_in_double_precision() -> None:
    x = nn.Parameter(torch.tensor([1.0, 1.0]))
    scale = torch.tensor([1.0, 1e-4])
    run(LevenbergMarquardt([x]), lambda: scale * (x - torch.tensor([3.0, 5.0])), 30)
    assert x.dtype == torch.float32
    assert torch.allclose(x, torch.tensor([3.0, 5.0]))


def test_the_state_can_be_saved_and_loaded() -> None:
    x = parameter(-1.2, 1.0)
    optimiser = LevenbergMarquardt([x])
    run(optimiser, lambda: rosenbrock(x), 5)
    y = parameter(*x.tolist())
    other = LevenbergMarquardt([y])
    other.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    assert other.last_loss == optimiser.last_loss
    assert run(other, lambda: rosenbrock(y), 5) == run(optimiser, lambda: rosenbrock(x), 5)


def test_before_the_first_step_there_is_no_loss() -> None:
    assert math.isnan(LevenbergMarquardt([parameter(1.0)]).last_loss)


@pytest.mark.parametrize(
    ("name", "wanted"), [("lr", "positive"), ("damping", "positive"), ("max_tries", "a whole number of at least 1")]
)
def test_limits_must_be_positive(name: str, wanted: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}` must be {wanted}; got 0"):
        LevenbergMarquardt([parameter(1.0)], **{name: 0})


def test_too_many_parameters_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PARAMETERS", 3)
    with pytest.raises(ArgumentError, match="at most 3; got 4"):
        LevenbergMarquardt([parameter(1.0, 2.0), parameter(1.0, 2.0)])


def test_several_groups_are_refused() -> None:
    with pytest.raises(ArgumentError, match="LevenbergMarquardt takes one group of parameters only"):
        LevenbergMarquardt([{"params": [parameter(1.0)]}, {"params": [parameter(1.0)]}])


def test_a_symbolic_edge_with_a_tiny_factor_is_trained() -> None:
    """Its curvature, 28 orders above the others', once held these."""
    x = torch.linspace(1.38, 1.42, 100, dtype=torch.float64)[:, None]
    model = KAN(width=[1, 1], seed=0, auto_save=False).double()
    model.fix_symbolic(0, 0, 0, "exp", fit_params_bool=False)
    with torch.no_grad():
        model.symbolic_fun[0].affine[0, 0] = torch.tensor([31.2, -10.0, 4e-15, 0.0], dtype=torch.float64)
    data = {"train_input": x, "train_label": 1.6 * torch.exp(31 * (x - 1.4))}
    assert model.fit(data, opt="LM", steps=40, update_grid=False, progress=False)["train_loss"][-1] < 1e-9
