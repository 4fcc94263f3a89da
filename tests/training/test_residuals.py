"""Residuals of any kind and their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kan import KAN, KANLayer, LevenbergMarquardt, batch_hessian
from kan.common.errors import ArgumentError
from kan.training import residuals as module
from kan.training.residuals import ResidualSquares

# torch's own forward mode builds some of its rules with torch.jit.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

X = 2 * torch.rand(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1


@pytest.fixture
def model() -> KAN:
    return KAN(width=[2, 1, 1], grid=2, seed=0, auto_save=False).double()


def laplacian(model: KAN) -> Tensor:
    return batch_hessian(model, X, create_graph=True).diagonal(dim1=1, dim2=2).sum(dim=1)


def laplacian_by_transforms(model: KAN) -> Tensor:
    bends = torch.func.vmap(torch.func.hessian(lambda x: model(x[None])[0, 0]))(X)
    return bends.diagonal(dim1=1, dim2=2).sum(dim=1)


FUNCTIONS: dict[str, Callable[[KAN], Any]] = {
    "values": lambda model: model(X)[:, 0] - 1,
    "matrix": lambda model: torch.cat([model(X), model(X) ** 2], dim=1),
    "equation and boundary": lambda model: (0.1 * laplacian(model) + 1, 3 * model(X[:5])),
    "transforms": lambda model: (0.1 * laplacian_by_transforms(model) + 1, 3 * model(X[:5])),
    "nothing beside": lambda model: (model(X) - 1, model(X[X[:, 0] > 5])),
    "neighbours": lambda model: model(X[1:]) - model(X[:-1]),
    "lattice": lambda model: (0.1 * laplacian(model) + 1).reshape(2, 4),
    "one row": lambda model: model(X).T,
    "rows of two outputs": lambda model: torch.stack([model(X)[:, 0], model(X)[:, 0] ** 2]),
    "equation before boundary": lambda model: torch.cat([0.1 * laplacian(model) + 1, 3 * model(X[:5])[:, 0]]),
    "two columns of both": lambda model: torch.cat([model(X), model(X[:5])]) * torch.tensor([1.0, 2.0]),
    "some in another order": lambda model: model(X)[[6, 0, 3, 1, 7]],
    "mean": lambda model: (model(X).mean(),),
    "mixed rows": lambda model: model(X)[:, 0].cumsum(dim=0),
    "other rows": lambda model: model(X)[::2],
    "constant": lambda model: (model(X), torch.ones(3, dtype=torch.float64)),
    "edges of their own": lambda model: (model(X), model.act_fun[0].coef.reshape(-1)[:8]),
}


def squares_of(model: KAN, function: Callable[[KAN], Any], *extra: Tensor) -> ResidualSquares:
    layers = [layer for layer in model.modules() if isinstance(layer, KANLayer)]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return ResidualSquares([*trained, *extra], layers, lambda: function(model))


def check(squares: ResidualSquares) -> None:
    """Compare gradient and curvature with differences of residuals."""
    found, start = squares.model(), squares.read()
    columns = []
    for index in range(len(start)):
        one = torch.zeros_like(start)
        one[index] = 1e-6
        squares.write(start + one)
        higher = squares._residuals()
        squares.write(start - one)
        columns.append((higher - squares._residuals()) / 2e-6)
    squares.write(start)
    jacobian, residuals = torch.stack(columns, dim=1), squares._residuals()
    assert found.value == pytest.approx(float(residuals.square().sum()))
    torch.testing.assert_close(found.gradient, jacobian.T @ residuals, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(found.curvature.tril(), (jacobian.T @ jacobian).tril(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_model_is_that_of_the_residuals(model: KAN, name: str) -> None:
    check(squares_of(model, FUNCTIONS[name]))


@pytest.mark.parametrize("name", ["values", "equation and boundary", "neighbours"])
def test_without_the_layers_the_model_is_the_same(model: KAN, name: str) -> None:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    check(ResidualSquares(trained, [], lambda: FUNCTIONS[name](model)))


@pytest.mark.parametrize(
    ("name", "at_once"),
    [
        ("matrix", True),
        ("equation and boundary", True),
        ("lattice", True),
        ("one row", True),
        ("rows of two outputs", True),
        ("equation before boundary", True),
        ("two columns of both", True),
        ("some in another order", True),
        ("mixed rows", False),
    ],
)
def test_rows_of_samples_are_made_at_once(
    model: KAN, monkeypatch: pytest.MonkeyPatch, name: str, at_once: bool
) -> None:
    squares, one_by_one = squares_of(model, FUNCTIONS[name]), []
    differentiate = module._differentiate

    def record(block: Tensor, tensors: list[Tensor]) -> list[Tensor]:
        one_by_one.append(tensors is squares._of_edges)
        return differentiate(block, tensors)

    monkeypatch.setattr(module, "_differentiate", record)
    squares.model()
    assert any(one_by_one) is not at_once


def test_parameters_beside_the_model_and_symbolic_edges_are_trained_too(model: KAN) -> None:
    model.fix_symbolic(0, 1, 0, "sin", fit_params_bool=False, verbose=False)
    speed = nn.Parameter(torch.tensor([0.7], dtype=torch.float64))
    check(squares_of(model, lambda model: (speed * model(X), speed - 1), speed))


def test_single_precision_residuals_are_not_bent(model: KAN) -> None:
    squares = squares_of(model.float(), lambda model: model(X.float()))
    squares.model()
    start = squares.read()
    assert start.dtype == torch.float64
    assert squares.bend(start, torch.ones_like(start)).abs().max() == 0


@pytest.mark.parametrize("returned", [1.0, torch.tensor([1, 2]), None])
def test_what_is_no_residual_is_refused(model: KAN, returned: Any) -> None:
    with pytest.raises(ArgumentError, match="must return residuals"):
        squares_of(model, lambda _: returned).model()


def test_a_loss_is_refused(model: KAN) -> None:
    """Its square would be minimised, with a model of rank one."""
    with pytest.raises(ArgumentError, match="single number, as a loss is"):
        squares_of(model, lambda model: model(X).square().mean()).model()


def test_one_number_may_have_one_residual() -> None:
    root = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    assert ResidualSquares([root], [], lambda: root**2 - 2).model().value == 1


def test_no_residual_at_all_is_refused(model: KAN) -> None:
    with pytest.raises(ArgumentError, match="returned no residual"):
        squares_of(model, lambda model: model(X[:0])).model()


def test_derivatives_without_a_graph_are_refused(model: KAN) -> None:
    """Alone they would not be trained; beside others they would be taken for constants."""
    with pytest.raises(ArgumentError, match="create_graph=True"):
        squares_of(model, lambda model: batch_hessian(model, X)).model()
    squares = squares_of(model, lambda model: (batch_hessian(model, X), model(X)))
    squares.model()
    squares.write(squares.read() + 0.1)
    with pytest.raises(ArgumentError, match="create_graph=True"):
        squares.value()


def test_residuals_of_another_model_are_refused(model: KAN) -> None:
    """The parameters of a refined model are new ones."""
    with pytest.raises(ArgumentError, match="after `refine` or `prune` make a new one"):
        squares_of(model, lambda model: model.copy()(X)).model()


def test_affine_parameters_and_several_columns() -> None:
    model = KAN(width=[2, 2], seed=0, auto_save=False, affine_trainable=True).double()
    optimizer = LevenbergMarquardt(model.parameters(), model=model)
    for _ in range(6):
        optimizer.step(lambda: model(X) - 1)
    assert optimizer.last_loss < 1e-4


def test_layers_that_share_parameters() -> None:
    model = KAN(width=[2, 2, 2], seed=0, auto_save=False).double()
    model.act_fun[1].coef = model.act_fun[0].coef
    optimizer = LevenbergMarquardt(model.parameters(), model=model)
    losses = [optimizer.step(lambda: model(X) - X) for _ in range(15)]
    assert losses[-1] < 0.1 * losses[0]
