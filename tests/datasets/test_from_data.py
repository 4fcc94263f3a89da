"""Splitting data at hand: nothing lost, nothing global, bad data refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kan.common.errors import ArgumentError
from kan.datasets import create_dataset_from_data

X = torch.arange(20.0).reshape(10, 2)
Y = X.sum(dim=1, keepdim=True)


@pytest.mark.parametrize(("train_ratio", "n_train"), [(0.8, 8), (0.75, 7), (0.1, 1), (1, 10)])
def test_every_row_is_in_one_of_the_sets_with_its_label(train_ratio: float, n_train: int) -> None:
    dataset = create_dataset_from_data(X, Y, train_ratio)
    assert len(dataset["train_input"]) == n_train
    together = torch.cat([dataset["train_input"], dataset["test_input"]])
    assert torch.equal(together.sort(dim=0).values, X)
    assert torch.equal(torch.cat([dataset["train_label"], dataset["test_label"]]), together.sum(dim=1, keepdim=True))


def test_split_is_random_and_decided_by_the_seed() -> None:
    first, same, other = (create_dataset_from_data(X, Y, seed=seed)["train_input"] for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert not torch.equal(first.sort(dim=0).values, X[:8])


def test_global_generators_keep_their_state() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    create_dataset_from_data(X, Y)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


@pytest.mark.parametrize(
    ("inputs", "dtype"),
    [
        (X, torch.float32),
        (X.double(), torch.float64),
        (X.long(), torch.float32),
        (X.numpy(), torch.float32),
        (X.double().numpy(), torch.float64),
        (X.numpy().astype(int), torch.float32),
        (X.numpy()[:, ::-1][:, ::-1], torch.float32),
        (X.tolist(), torch.float32),
        ([row.numpy() for row in X], torch.float32),
        (list(X), torch.float32),
    ],
)
def test_arrays_of_any_kind(inputs: Any, dtype: torch.dtype) -> None:
    dataset = create_dataset_from_data(inputs, Y)
    assert dataset["train_input"].dtype == dtype
    assert torch.equal(dataset["train_input"].float(), create_dataset_from_data(X, Y)["train_input"])


def test_read_only_and_reversed_arrays() -> None:
    array = X.numpy().copy()
    array.setflags(write=False)
    dataset = create_dataset_from_data(array[::-1], Y.numpy()[::-1])
    assert torch.equal(dataset["train_input"].sum(dim=1, keepdim=True), dataset["train_label"])


@pytest.mark.parametrize("labels", [Y[:, 0], Y[:, 0].numpy(), Y[:, 0].tolist()])
def test_one_dimensional_labels_become_a_column(labels: Any) -> None:
    assert torch.equal(
        create_dataset_from_data(X, labels)["train_label"], create_dataset_from_data(X, Y)["train_label"]
    )


def test_class_labels_stay_as_a_classification_loss_wants_them() -> None:
    dataset = create_dataset_from_data(X, torch.arange(10))
    assert dataset["train_label"].dtype == torch.int64
    assert dataset["train_label"].shape == (8,)


def test_result_is_a_copy_without_a_graph() -> None:
    x = X.clone().requires_grad_()
    dataset = create_dataset_from_data(x, Y, train_ratio=1)
    assert not dataset["train_input"].requires_grad
    dataset["train_input"].zero_()
    assert torch.equal(x.detach(), X)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["inputs", "labels"])
def test_values_that_are_not_finite(name: str, bad: float) -> None:
    data = {"inputs": X.clone(), "labels": Y.clone()}
    data[name][3, 0] = bad
    with pytest.raises(ArgumentError, match=rf"`{name}` must be finite; 1 of \d+ entries.*\(3, 0\)"):
        create_dataset_from_data(**data)


@pytest.mark.parametrize(
    ("inputs", "labels", "options", "message"),
    [
        (X, Y[:9], {}, r"same number of rows; got \(10, 2\) and \(9, 1\)"),
        (X[:, 0], Y, {}, r"`inputs` must have shape \(N, I\).*got \(10,\)"),
        (X, torch.tensor(1.0), {}, "same number of rows"),
        (X, Y, {"train_ratio": 0}, r"`train_ratio` must lie in \(0, 1\]; got 0"),
        (X, Y, {"train_ratio": 1.5}, "`train_ratio`"),
        (X, Y, {"train_ratio": 0.05}, "at least one sample"),
        (X[:0], Y[:0], {}, "at least one sample"),
        ([["a", "b"]], [1.0], {}, "`inputs` must be an array of numbers"),
        ([[1.0], [1.0, 2.0]], [1.0, 2.0], {}, "`inputs` must be an array of numbers"),
    ],
)
def test_arguments_that_cannot_be_used(inputs: Any, labels: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        create_dataset_from_data(inputs, labels, **options)
