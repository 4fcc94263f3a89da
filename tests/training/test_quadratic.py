"""Models of sums of squares, and the damped normal equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from kan.training.quadratic import NormalEquations, Quadratic, add_products


def random_model(*, rows: int = 30, size: int = 5) -> tuple[Tensor, Tensor, Quadratic]:
    """Return a Jacobian (rows, size), residuals, and the model of their squares."""
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.randn(rows, size, generator=generator, dtype=torch.float64)
    residuals = torch.randn(rows, generator=generator, dtype=torch.float64)
    curvature = jacobian.T @ jacobian
    return (
        jacobian,
        residuals,
        Quadratic(
            float(residuals.square().sum()),
            jacobian.T @ residuals,
            curvature,
            curvature.diagonal().max().expand(len(curvature)),
        ),
    )


@pytest.mark.parametrize("count", [1, 5, 128, 129, 300])
def test_products_of_rows_are_added_to_the_lower_triangle(count: int) -> None:
    rows = torch.randn(count, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    total = torch.ones(count, count, dtype=torch.float64)
    add_products(rows, total)
    torch.testing.assert_close(total.tril(), (rows @ rows.T + 1).tril())


def test_without_damping_a_step_is_that_of_least_squares() -> None:
    jacobian, residuals, model = random_model()
    equations = NormalEquations(model)
    assert equations.factorise(0.0)
    expected = np.linalg.lstsq(jacobian.numpy(), -residuals.numpy(), rcond=None)[0]
    np.testing.assert_allclose(equations.solve(model.gradient).numpy(), expected, rtol=1e-10)


def test_damping_adds_to_the_diagonal_in_units_of_it() -> None:
    _, _, model = random_model()
    equations = NormalEquations(model)
    assert equations.factorise(0.5)
    matrix = model.curvature + 0.5 * torch.diag(model.curvature.diagonal())
    torch.testing.assert_close(equations.solve(model.gradient), -torch.linalg.solve(matrix, model.gradient))


def test_only_the_lower_triangle_counts() -> None:
    _, _, model = random_model()
    half = model._replace(curvature=model.curvature.tril())
    move = torch.arange(5, dtype=torch.float64)
    assert half.gain(move) == pytest.approx(model.gain(move))
    one, other = NormalEquations(model), NormalEquations(half)
    assert one.factorise(0.1)
    assert other.factorise(0.1)
    torch.testing.assert_close(one.solve(model.gradient), other.solve(model.gradient))


def test_the_gain_is_what_the_squares_lose() -> None:
    jacobian, residuals, model = random_model()
    move = 0.1 * torch.arange(5, dtype=torch.float64)
    expected = residuals.square().sum() - (residuals + jacobian @ move).square().sum()
    assert model.gain(move) == pytest.approx(float(expected))


def test_unknowns_without_curvature_stay() -> None:
    _, _, model = random_model()
    model.curvature[2], model.curvature[:, 2], model.gradient[2] = 0, 0, 0
    equations = NormalEquations(model)
    assert equations.factorise(1e-3)
    assert equations.solve(model.gradient)[2] == 0


def test_an_unknown_on_which_little_depends_is_held_by_the_damping() -> None:
    """Scaled in full, it would take as large a step as it likes at any damping."""
    jacobian, residuals, _ = random_model()
    jacobian[:, 2] *= 1e-9
    curvature = jacobian.T @ jacobian
    model = Quadratic(1.0, jacobian.T @ residuals, curvature, curvature.diagonal().max().expand(len(curvature)))
    equations = NormalEquations(model)
    assert equations.factorise(1e-3)
    assert abs(equations.solve(model.gradient)[2]) < 1e-3


def test_an_indefinite_matrix_is_told() -> None:
    curvature = torch.tensor([[1.0, 0.0], [2.0, 1.0]], dtype=torch.float64)
    equations = NormalEquations(
        Quadratic(1.0, torch.ones(2, dtype=torch.float64), curvature, torch.ones(2, dtype=torch.float64))
    )
    assert not equations.factorise(0.5)
    assert equations.factorise(2.0)


def test_lengths_are_in_scaled_unknowns() -> None:
    curvature = torch.diag(torch.tensor([4.0, 9.0], dtype=torch.float64))
    equations = NormalEquations(
        Quadratic(1.0, torch.ones(2, dtype=torch.float64), curvature, torch.full((2,), 9.0, dtype=torch.float64))
    )
    assert equations.length(torch.tensor([1.0, 1.0], dtype=torch.float64)) == pytest.approx(13**0.5)
