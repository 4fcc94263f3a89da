"""The numbers of a run, and the best parameters."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kan.common.errors import ArgumentError
from kan.training.record import BestModel, Record, Series, as_series, named_metrics


def test_every_quantity_is_an_array_of_numbers_in_the_order_given() -> None:
    record = Record(["train_loss", "grid"])
    record.add({"grid": 3, "train_loss": 2.0})
    record.add({"grid": 6, "train_loss": 1.0})
    results = record.series()
    assert {name: column.tolist() for name, column in results.items()} == {"train_loss": [2.0, 1.0], "grid": [3, 6]}
    assert all(type(column) is Series and column.shape == (2,) for column in results.values())


def test_numbers_can_be_read_as_those_of_pykan() -> None:
    assert as_series([0.5])[-1].item() == 0.5


def test_the_series_are_the_callers() -> None:
    record = Record(["reg"])
    record.add({"reg": 0.0})
    record.series()["reg"][0] = 1.0
    assert record.series()["reg"].tolist() == [0.0]


def test_without_a_step_the_series_are_there_and_empty() -> None:
    assert {name: column.tolist() for name, column in Record(["train_loss", "reg"]).series().items()} == {
        "train_loss": [],
        "reg": [],
    }


def test_a_list_grows_by_a_series() -> None:
    """As in pykan's notebooks, where numpy's own arrays would be added entry by entry."""
    losses: list[float] = []
    for run in ([3.0, 2.0], [1.0, 0.5]):
        losses += as_series(run)
    assert losses == [3.0, 2.0, 1.0, 0.5]


@pytest.mark.parametrize("more", [as_series([1.0, 0.5]), [1.0, 0.5]])
def test_a_series_grows_by_another(more: Any) -> None:
    losses = first = as_series([3.0, 2.0])
    losses += more
    assert type(losses) is Series
    assert losses.tolist() == [3.0, 2.0, 1.0, 0.5]
    assert first.tolist() == [3.0, 2.0]


def test_all_other_arithmetic_is_that_of_arrays() -> None:
    losses, penalties = as_series([3.0, 2.0]), as_series([4.0, 5.0])
    assert (losses**2 + 0.5 * penalties).tolist() == [11.0, 6.5]
    losses += 1
    assert losses.tolist() == [4.0, 3.0]
    assert type(losses.min()) is np.float64


def test_a_series_survives_a_copy_through_pickle() -> None:
    restored = pickle.loads(pickle.dumps(as_series([1.0])))
    assert type(restored) is Series
    assert restored.tolist() == [1.0]


def test_a_step_can_be_repeated() -> None:
    record = Record(["train_loss", "accuracy"])
    record.add({"train_loss": 2.0, "accuracy": 0.5})
    record.repeat()
    assert record.values == {"train_loss": [2.0, 2.0], "accuracy": [0.5, 0.5]}


def test_the_progress_bar_shows_losses_and_penalty() -> None:
    record = Record(["train_loss", "test_loss", "reg", "accuracy"])
    record.add({"train_loss": 0.125, "test_loss": 0.25, "reg": 3.0, "accuracy": 1.0})
    assert record.describe() == "| train_loss: 1.25e-01 | test_loss: 2.50e-01 | reg: 3.00e+00 |"


def test_the_progress_bar_leaves_out_what_is_not_recorded() -> None:
    record = Record(["train_loss", "reg"])
    record.add({"train_loss": 1.0, "reg": 0.0})
    assert "test_loss" not in record.describe()


def test_the_progress_bar_shows_what_was_asked_for() -> None:
    record = Record(["train_loss", "accuracy"], shown=["accuracy"])
    record.add({"train_loss": 1.0, "accuracy": 0.75})
    assert record.describe() == "| accuracy: 7.50e-01 |"


def test_a_quantity_that_is_not_recorded_cannot_be_shown() -> None:
    with pytest.raises(ArgumentError, match=r"`display_metrics` must be one of 'train_loss', 'reg'; got 'acuracy'"):
        Record(["train_loss", "reg"], shown=["acuracy"])


def test_the_best_parameters_come_back() -> None:
    module = nn.Linear(1, 1)
    best = BestModel(module)
    for weight, loss in ((1.0, 3.0), (2.0, 1.0), (3.0, 2.0)):
        module.weight.data.fill_(weight)
        best.update(loss)
    best.restore()
    assert module.weight.item() == 2.0


def test_restoring_keeps_what_refers_to_the_parameters() -> None:
    module = nn.Linear(1, 1)
    parameter, best = module.weight, BestModel(module)
    best.update(1.0)
    best.restore()
    assert module.weight is parameter


def test_it_counts_the_steps_without_improvement() -> None:
    best, waited = BestModel(nn.Linear(1, 1)), []
    for loss in (3.0, 2.0, 2.0, 2.5, 1.0, math.nan):
        best.update(loss)
        waited.append(best.waited)
    assert waited == [0, 0, 1, 2, 0, 1]


def test_a_loss_that_was_never_finite_changes_nothing() -> None:
    module = nn.Linear(1, 1)
    best, before = BestModel(module), module.weight.detach().clone()
    best.update(math.nan)
    best.restore()
    assert torch.equal(module.weight, before)


def test_going_back_forgets_gradients_which_may_be_of_another_shape() -> None:
    linear = nn.Linear(2, 1)
    best = BestModel(linear)
    best.update(1.0)
    linear.weight.grad = torch.ones_like(linear.weight)
    best.restore()
    assert linear.weight.grad is None


def test_metrics_that_come_only_once_are_recorded_too() -> None:
    assert list(named_metrics(metric for metric in (abs, max))) == ["abs", "max"]


def test_metrics_of_one_name_and_names_that_are_taken_get_numbers() -> None:
    def train_loss() -> float:
        return 0.0

    first, second = (lambda: 1.0), (lambda: 2.0)
    named = named_metrics([first, train_loss, second], taken=["train_loss"])
    assert named == {"<lambda>": first, "train_loss_2": train_loss, "<lambda>_2": second}
