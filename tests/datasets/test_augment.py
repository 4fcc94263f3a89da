"""Auxiliary columns: right values in front, arguments untouched, gradients through."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan.common.errors import ArgumentError
from kan.datasets import augment_input, create_dataset

sympy = pytest.importorskip("sympy")
a, b, c = sympy.symbols("a b c")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_new_columns_come_first_in_the_dtype_of_the_data(dtype: torch.dtype) -> None:
    x = torch.rand(7, 2, dtype=dtype)
    expected = torch.cat([x.sum(dim=1, keepdim=True), x.prod(dim=1, keepdim=True), x], dim=1)
    result = augment_input((a, b), [a + b, a * b], x)
    assert result.dtype == dtype
    torch.testing.assert_close(result, expected)


def test_dataset_comes_back_new_and_the_old_one_is_untouched() -> None:
    dataset = create_dataset(lambda x: x[:, [0]], train_num=5, test_num=3)
    old = dict(dataset)
    result = augment_input([a, b], [a**2], dataset)
    assert result["train_input"].shape == (5, 3)
    assert result["test_input"].shape == (3, 3)
    assert torch.equal(result["train_input"][:, 0], old["train_input"][:, 0] ** 2)
    assert result["train_label"] is old["train_label"]
    assert list(dataset) == list(old)
    assert all(dataset[name] is old[name] for name in old)


def test_dataset_without_a_test_set() -> None:
    assert augment_input([a], [2 * a], {"train_input": torch.ones(4, 1)})["train_input"].tolist() == [[2, 1]] * 4


def test_constants_fill_a_column() -> None:
    result = augment_input([a], [sympy.pi, 2, sympy.Rational(1, 3), 0.5], torch.zeros(2, 1, dtype=torch.float64))
    assert result.tolist() == [[pytest.approx(torch.pi), 2, pytest.approx(1 / 3), 0.5, 0]] * 2


def test_gradients_pass() -> None:
    x = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    result = augment_input([a, b], [sympy.sin(a) * b], x)
    (gradient,) = torch.autograd.grad(result[:, 0].sum(), x)
    torch.testing.assert_close(gradient, torch.stack([torch.cos(x[:, 0]) * x[:, 1], torch.sin(x[:, 0])], dim=1))


def test_samples_can_be_mapped_over() -> None:
    """As in networks of auxiliary columns that `torch.func` differentiates."""
    x = torch.rand(5, 2, dtype=torch.float64)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda row: augment_input([a, b], [a * b], row[None])[0]))(x)
    torch.testing.assert_close(jacobian[:, 0], x.flip(1))


def test_symbols_name_the_first_columns() -> None:
    assert augment_input([a], [a], torch.tensor([[1.0, 2.0]])).tolist() == [[1, 1, 2]]


@pytest.mark.parametrize(
    ("orig_vars", "aux_vars", "x", "message"),
    [
        ([a, b], [a + c], torch.ones(3, 2), r"aux_vars\[0\] = a \+ c also holds c"),
        (
            [a, b],
            [a, sympy.log(b)],
            torch.tensor([[1.0, 1.0], [1.0, -1.0]]),
            r"aux_vars\[1\].*1 of 2 rows of `x`.*row 1",
        ),
        ([a, b, c], [a], torch.ones(3, 2), r"each of the 3 symbols.*got \(3, 2\)"),
        ([a], [a], torch.ones(3), "`x` must have shape"),
        (["a"], [1], torch.ones(3, 1), "must be sympy symbols; got 'a'"),
        ([a], ["a"], torch.ones(3, 1), "not text"),
        (a, [a], torch.ones(3, 1), "must be sequences"),
        ([a], a, torch.ones(3, 1), "must be sequences"),
        ([a], [a], {"x": torch.ones(3, 1)}, "must hold 'train_input'"),
        ([a], [sympy.besselj(0, a)], torch.ones(3, 1), "besselj.*no torch counterpart"),
    ],
)
def test_arguments_that_cannot_be_used(orig_vars: Any, aux_vars: Any, x: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        augment_input(orig_vars, aux_vars, x)
