"""Sampled data sets: pykan's numbers, nothing global, clear errors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kan.common.errors import ArgumentError
from kan.datasets import create_dataset

RECORDED = torch.load(Path(__file__).parents[1] / "data" / "pykan_datasets.pt", weights_only=True)["cases"]


def target(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [-1]] ** 2)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def default_dtype(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['dtype']}-{case['options']['seed']}")
def test_numbers_are_those_pykan_wrote(case: dict[str, Any]) -> None:
    dataset = create_dataset(target, dtype=case["dtype"], **case["options"])
    assert list(dataset) == list(case["dataset"])
    for name, expected in case["dataset"].items():
        assert dataset[name].dtype == case["dtype"]
        # Drawn numbers are equal to the last bit; functions of them may round differently elsewhere.
        exact = name.endswith("input") and not case["options"].get("normalize_input")
        torch.testing.assert_close(dataset[name], expected, **({"rtol": 0, "atol": 0} if exact else {}))


def test_draws_follow_manual_seed_and_the_default_dtype(default_dtype: torch.dtype) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        columns = [torch.rand(size) * 3.0 + -1.0 for _ in range(2) for size in (30, 20)]
    dataset = create_dataset(target, ranges=[-1, 2], train_num=30, test_num=20, seed=5)
    assert dataset["train_input"].dtype == default_dtype
    assert torch.equal(dataset["train_input"], torch.stack(columns[0::2], dim=1))
    assert torch.equal(dataset["test_input"], torch.stack(columns[1::2], dim=1))


def test_global_generators_keep_their_state() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    create_dataset(target, train_num=10, test_num=10)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    assert before[2] == random.getstate()


def test_seed_decides() -> None:
    first, same, other = (create_dataset(target, train_num=5, test_num=5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first["train_input"], same["train_input"])
    assert not torch.equal(first["train_input"], other["train_input"])


def test_a_range_without_width_gives_a_constant() -> None:
    dataset = create_dataset(lambda x: x[:, 1] * x[:, 0] ** 2, ranges=[[0, 3], [9.81, 9.81]])
    for part in ("train_input", "test_input"):
        assert (dataset[part][:, 1] == torch.tensor(9.81)).all()
        assert dataset[part][:, 0].std() > 0.5


@pytest.mark.parametrize("ranges", [[[0, 1], [5, 6]], np.array([[0, 1], [5, 6]]), ((0, 1), (5, 6))])
def test_each_variable_has_its_range(ranges: Any) -> None:
    x = create_dataset(target, ranges=ranges)["train_input"]
    assert x[:, 0].min() >= 0
    assert x[:, 0].max() <= 1
    assert x[:, 1].min() >= 5
    assert x[:, 1].max() <= 6


@pytest.mark.parametrize(
    ("f_mode", "f"),
    [
        ("col", lambda x: x[:, 0] * x[:, 1]),
        ("col", lambda x: x[:, [0]] * x[:, [1]]),
        ("col", lambda x: (x[:, 0] * x[:, 1]).numpy()),
        ("row", lambda x: x[0] * x[1]),
        ("row", lambda x: x[[0]] * x[[1]]),
    ],
)
def test_labels_become_one_column(f_mode: str, f: Any) -> None:
    dataset = create_dataset(f, f_mode=f_mode, train_num=8, test_num=4)
    for part in ("train", "test"):
        x, y = dataset[f"{part}_input"], dataset[f"{part}_label"]
        assert torch.equal(y, x[:, [0]] * x[:, [1]])


def test_lists_of_rows_are_labels() -> None:
    dataset = create_dataset(lambda x: [row[0] for row in x], train_num=5)
    assert torch.equal(dataset["train_label"], dataset["train_input"][:, [0]])


def test_labels_hold_no_graph_and_no_view_of_the_inputs() -> None:
    weight = torch.ones(1, requires_grad=True)
    assert not create_dataset(lambda x: x[:, [0]] * weight, train_num=3)["train_label"].requires_grad
    dataset = create_dataset(lambda x: x, train_num=3)
    dataset["train_label"].zero_()
    assert dataset["train_input"].abs().min() > 0


def test_integer_labels_stay_integers() -> None:
    dataset = create_dataset(lambda x: (x[:, [0]] > 0).long(), train_num=10)
    assert dataset["train_label"].dtype == torch.int64


def test_normalised_columns_have_mean_zero_and_std_one() -> None:
    dataset = create_dataset(target, normalize_input=True, normalize_label=True, dtype=torch.float64)
    for name in ("train_input", "train_label"):
        torch.testing.assert_close(dataset[name].mean(dim=0), torch.zeros(dataset[name].shape[1]).double())
        torch.testing.assert_close(dataset[name].std(dim=0), torch.ones(dataset[name].shape[1]).double())


@pytest.mark.parametrize("constant", [3, 0.1257])
@pytest.mark.parametrize("train_num", [1, 10, 1000])
def test_normalising_a_constant_column_gives_zeros(train_num: int, constant: float) -> None:
    dataset = create_dataset(lambda x: constant + 0 * x[:, [0]], train_num=train_num, normalize_label=True)
    assert torch.equal(dataset["train_label"], torch.zeros(train_num, 1))
    assert torch.equal(dataset["test_label"], torch.zeros(1000, 1))


def test_no_test_samples() -> None:
    dataset = create_dataset(target, test_num=0)
    assert dataset["test_input"].shape == (0, 2)
    assert dataset["test_label"].shape == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"f_mode": "columns"}, "`f_mode` must be one of 'col', 'row'"),
        ({"n_var": 0}, "`n_var` must be a whole number of at least 1; got 0"),
        ({"train_num": 0}, "`train_num`"),
        ({"test_num": -1}, "`test_num`"),
        ({"train_num": 10.5}, "`train_num`"),
        ({"ranges": [0, 1, 2]}, r"shape \(2,\).*n_var=2.*got shape \(3,\)"),
        ({"ranges": [[0, 1]] * 3}, r"got shape \(3, 2\)"),
        ({"ranges": [[0, 1], [2]]}, "`ranges` must be numbers"),
        ({"ranges": "wide"}, "`ranges` must be numbers"),
        ({"ranges": [[0, 1], [1, -1]]}, r"variable 1 has \[1, -1\]"),
        ({"ranges": [2, 1]}, "low <= high"),
        ({"ranges": [0, float("inf")]}, "finite low <= high"),
        ({"dtype": torch.int64}, "`dtype` must be a floating dtype.*got torch.int64"),
    ],
)
def test_arguments_that_cannot_be_used(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        create_dataset(target, **options)


def test_a_formula_as_text_is_no_function() -> None:
    with pytest.raises(ArgumentError, match=r"`f` must be a function of a tensor of samples; got 'x\*y'"):
        create_dataset("x*y")  # type: ignore[arg-type]


@pytest.mark.parametrize("f", [lambda x: x.sum(), lambda x: x[:3], lambda x: x[None], lambda x: 3.0])
def test_wrong_number_of_labels(f: Any) -> None:
    with pytest.raises(ArgumentError, match="for 10 samples in mode 'col'; got shape"):
        create_dataset(f, train_num=10)


def test_complex_labels_are_an_error() -> None:
    with pytest.raises(ArgumentError, match="must be real"):
        create_dataset(lambda x: 1j * x, train_num=10, normalize_label=True)


def test_labels_that_are_not_finite_name_the_place_and_the_range() -> None:
    with pytest.raises(
        ArgumentError, match=r"train labels are NaN or Inf.*row \d+, at x = \(-.*inside the domain.*\[-1, 1\]"
    ):
        create_dataset(lambda x: torch.log(x[:, [0]]), train_num=20)
