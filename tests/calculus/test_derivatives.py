"""Jacobians and Hessians of a batch: analytic values, torch.func, and nothing disturbed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan.calculus import batch_hessian, batch_jacobian
from kan.common.errors import ArgumentError

# Rows and columns: few passes, many small ones (which are run together), many large ones.
SIZES = [(5, 3), (5, 10), (5000, 10)]


def inputs(n_rows: int = 5, n_columns: int = 2, **options: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n_rows, n_columns, generator=generator, dtype=torch.float64).requires_grad_(
        options.get("requires_grad", False)
    )


def network(n_inputs: int = 3, n_outputs: int = 2) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = torch.nn.Linear(n_inputs, 4), torch.nn.Tanh(), torch.nn.Linear(4, n_outputs)
    return torch.nn.Sequential(*layers).double()


class Cube(torch.autograd.Function):
    """A function in the old style, with a backward that cannot be batched."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        if float(grad.sum()) == 0:
            return grad
        return 3 * x**2 * grad


def test_jacobian_of_a_scalar() -> None:
    x = inputs()
    expected = torch.stack([torch.cos(x[:, 0]) * x[:, 1], torch.sin(x[:, 0])], dim=1)
    torch.testing.assert_close(batch_jacobian(lambda x: torch.sin(x[:, [0]]) * x[:, [1]], x), expected)
    torch.testing.assert_close(batch_jacobian(lambda x: torch.sin(x[:, 0]) * x[:, 1], x), expected)


def test_scalar_mode_takes_the_first_output() -> None:
    x = inputs()
    assert torch.equal(
        batch_jacobian(lambda x: torch.stack([2 * x[:, 0], x[:, 1]], 1), x), torch.tensor([[2.0, 0.0]] * 5)
    )


@pytest.mark.parametrize("size", SIZES)
def test_jacobian_of_a_vector_is_that_of_torch_func(size: tuple[int, int]) -> None:
    n_rows, n_columns = size
    model, x = network(2, n_columns), inputs(n_rows, 2)
    result = batch_jacobian(model, x, mode="vector")
    assert result.shape == (n_rows, n_columns, 2)
    torch.testing.assert_close(result, torch.func.vmap(torch.func.jacrev(model))(x))


@pytest.mark.parametrize("size", SIZES)
def test_hessian_is_that_of_torch_func(size: tuple[int, int]) -> None:
    model, x = network(size[1], 1), inputs(*size)
    expected = torch.func.vmap(torch.func.jacrev(torch.func.jacrev(lambda row: model(row)[0])))(x)
    torch.testing.assert_close(batch_hessian(model, x), expected)


def test_functions_that_cannot_be_batched() -> None:
    x = inputs(5, 10)
    expected = torch.diag_embed(3 * x**2)
    torch.testing.assert_close(batch_jacobian(Cube.apply, x, mode="vector"), expected)
    torch.testing.assert_close(batch_hessian(lambda x: Cube.apply(x).sum(1), x), torch.diag_embed(6 * x))


def test_a_mistake_in_the_function_is_raised() -> None:
    class Broken(Cube):
        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no derivative here")

    with pytest.raises(RuntimeError, match="no derivative here"):
        batch_jacobian(Broken.apply, inputs(5, 10), mode="vector")


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("derivative", [batch_jacobian, batch_hessian])
def test_nothing_is_disturbed(derivative: Any, requires_grad: bool) -> None:
    model, x = network(), inputs(5, 3, requires_grad=requires_grad)
    result = derivative(model, x)
    assert not result.requires_grad
    assert x.requires_grad is requires_grad
    assert x.grad is None
    assert all(parameter.grad is None for parameter in model.parameters())


def test_graph_reaches_the_parameters() -> None:
    model, x = network(3, 1), inputs(5, 3)
    batch_hessian(model, x, create_graph=True).square().sum().backward()
    assert model[0].weight.grad is not None
    assert model[0].weight.grad.abs().max() > 0
    assert x.grad is None


def test_graph_of_the_inputs_is_kept() -> None:
    base = inputs(requires_grad=True)
    result = batch_jacobian(lambda x: x[:, [0]] ** 3 * x[:, [1]], base * 2, create_graph=True)
    (gradient,) = torch.autograd.grad(result[:, 0].sum(), base)
    u, v = (2 * base).unbind(dim=1)
    torch.testing.assert_close(gradient, torch.stack([12 * u * v, 6 * u**2], dim=1))


@pytest.mark.parametrize("size", SIZES)
def test_derivatives_can_be_nested(size: tuple[int, int]) -> None:
    x = inputs(*size)

    def first(x: torch.Tensor) -> torch.Tensor:
        return batch_jacobian(lambda x: x[:, [0]] ** 3 * x[:, [1]] ** 2, x, create_graph=True)

    def second(x: torch.Tensor) -> torch.Tensor:
        return batch_jacobian(first, x, create_graph=True, mode="vector")[:, 0]

    third = batch_jacobian(second, x, mode="vector")
    u, v = x[:, 0], x[:, 1]
    torch.testing.assert_close(third[:, 0, 0], 6 * v**2)
    torch.testing.assert_close(third[:, 0, 1], 12 * u * v)
    torch.testing.assert_close(third[:, 1, 1], 6 * u**2)


@pytest.mark.parametrize("n_columns", [2, 9])
def test_double_backward_agrees_with_finite_differences(n_columns: int) -> None:
    x = inputs(2, n_columns, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: batch_jacobian(torch.tanh, x, create_graph=True, mode="vector"), x)
    assert torch.autograd.gradcheck(lambda x: batch_hessian(lambda x: torch.sin(x).prod(1), x, create_graph=True), x)


def test_inside_no_grad() -> None:
    with torch.no_grad():
        assert torch.equal(batch_jacobian(lambda x: x**2, inputs(), mode="vector"), torch.diag_embed(2 * inputs()))
        assert batch_hessian(lambda x: x**2, inputs()).shape == (5, 2, 2)


@pytest.mark.parametrize(
    "func", [torch.ones_like, lambda x: torch.ones_like(x, requires_grad=True) * 2, lambda x: x.detach()]
)
@pytest.mark.parametrize("n_columns", [2, 9])
def test_functions_without_the_inputs_give_zeros(func: Any, n_columns: int) -> None:
    x = inputs(5, n_columns)
    zeros = torch.zeros(5, n_columns, n_columns, dtype=torch.float64)
    assert torch.equal(batch_jacobian(func, x, mode="vector"), zeros)
    assert torch.equal(batch_hessian(func, x), zeros)


def test_linear_functions_have_no_second_derivative() -> None:
    assert torch.equal(batch_hessian(lambda x: x.sum(1), inputs()), torch.zeros(5, 2, 2).double())


def test_empty_batch() -> None:
    assert batch_jacobian(torch.tanh, inputs(0), mode="vector").shape == (0, 2, 2)
    assert batch_hessian(torch.tanh, inputs(0)).shape == (0, 2, 2)


@pytest.mark.parametrize("x", [torch.ones(3), torch.ones(2, 2, 2), torch.ones(3, 2, dtype=torch.int64), [[1.0]]])
def test_inputs_of_the_wrong_kind(x: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`x` must be a floating tensor of shape \(N, I\)"):
        batch_jacobian(torch.tanh, x)


@pytest.mark.parametrize("func", [lambda x: x.sum(), lambda x: x[:2], lambda x: x[:, :, None]])
def test_functions_that_mix_rows(func: Any) -> None:
    with pytest.raises(ArgumentError, match="one row for each row of x; got"):
        batch_hessian(func, inputs())


def test_unknown_mode() -> None:
    with pytest.raises(ArgumentError, match="`mode` must be one of 'scalar', 'vector'"):
        batch_jacobian(torch.tanh, inputs(), mode="matrix")
