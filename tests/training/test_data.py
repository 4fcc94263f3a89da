"""What `fit` is trained on: what is accepted, how it is converted, and in which order it comes."""

from __future__ import annotations

import math
from itertools import chain, islice
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from kan.common.errors import ArgumentError
from kan.training.data import Expectation, LoaderData, TensorData, as_mapping, read_dataset


@pytest.fixture
def read(make: Any) -> Any:
    def read(dataset: Any, width: Any = (2, 1), *, batch: int = -1, in_epochs: bool = False, **free: bool) -> Any:
        options = {"batch": batch, "in_epochs": in_epochs, "expectation": Expectation(**free)}
        return read_dataset(make(width), as_mapping(dataset), **options)

    return read


def pairs(x: Any, y: Any) -> dict[str, Any]:
    return {"train_input": x, "train_label": y}


def numbered(rows: int) -> dict[str, Any]:
    """Return rows that can be told apart."""
    x = torch.arange(rows, dtype=torch.float32)[:, None].repeat(1, 2)
    return {**pairs(x, x[:, :1]), "test_input": x + 0.5, "test_label": x[:, :1] + 0.5}


def first(data: Any) -> Any:
    return next(iter(data.steps()))


# Conversion


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.ones((4, 2)), np.ones((4, 1))),
        (torch.ones(4, 2, dtype=torch.float64), torch.ones(4, 1, dtype=torch.float64)),
        (torch.ones(4, 2, dtype=torch.int64), torch.ones(4, 1, dtype=torch.int32)),
        ([[1.0, 1.0]] * 4, [[1.0]] * 4),
        (np.ones((4, 2), dtype=bool), np.ones((4, 1), dtype=np.float16)),
    ],
)
def test_any_numbers_become_tensors_of_the_dtype_of_the_model(read: Any, x: Any, y: Any) -> None:
    (inputs, labels), test = first(read(pairs(x, y)))
    assert inputs.dtype == labels.dtype == torch.float32
    assert torch.equal(inputs, torch.ones(4, 2))
    assert torch.equal(labels, torch.ones(4, 1))
    assert test is None


def test_a_double_model_gets_double_data(make: Any) -> None:
    data = TensorData(make((2, 1)).double(), numbered(3), batch=-1, in_epochs=False, expectation=Expectation())
    assert data.train[0].dtype == data.train[1].dtype == data.test[0].dtype == torch.float64


def test_one_dimensional_labels_of_one_output_are_a_column(read: Any) -> None:
    data = read({**pairs(torch.ones(4, 2), torch.arange(4.0)), "test_input": torch.ones(3, 2), "test_label": [1, 2, 3]})
    assert data.train[1].shape == (4, 1)
    assert data.test[1].shape == (3, 1)


@pytest.mark.parametrize(
    ("width", "y", "wanted"),
    [
        ((2, 1), torch.ones(4, 2), r"\(4, 1\)"),
        ((2, 3), torch.ones(4), r"\(4, 3\)"),
        ((2, 3), torch.ones(4, 2), r"\(4, 3\)"),
        ((2, 1), torch.ones(5, 1), r"\(4, 1\)"),
        ((2, 1), torch.ones(5), r"\(4, 1\)"),
        ((2, 1), torch.ones(4, 1, 1), r"\(4, 1\)"),
    ],
)
def test_labels_of_another_shape_are_refused_with_both_shapes(read: Any, width: Any, y: Any, wanted: str) -> None:
    shape = tuple(y.shape)
    with pytest.raises(ArgumentError, match=wanted) as caught:
        read(pairs(torch.ones(4, 2), y), width)
    message = str(caught.value)
    assert "(4, 2)" in message
    assert str(shape) in message or str((*shape, 1)) in message


def test_classes_without_a_loss_for_them_are_refused_with_the_remedy(read: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"got \(4,\). Classes need a loss .* `fit\(..., loss_fn=torch.nn.CrossEntropyLoss"
    ):
        read(pairs(torch.ones(4, 2), torch.tensor([0, 1, 1, 0])), width=(2, 3))


def test_a_loss_of_the_users_own_may_take_integer_classes(read: Any) -> None:
    classes = torch.tensor([0, 1, 2, 1])
    data = read(pairs(torch.ones(4, 2), classes), (2, 3), free_labels=True)
    assert torch.equal(data.train[1], classes)
    assert data.train[1].dtype == torch.int64


def test_complex_labels_are_for_a_loss_of_the_users_own(read: Any) -> None:
    labels = torch.ones(4, 1) * 1j
    with pytest.raises(ArgumentError, match="must be real"):
        read(pairs(torch.ones(4, 2), labels))
    assert torch.equal(read(pairs(torch.ones(4, 2), labels), free_labels=True).train[1], labels)


def test_its_labels_still_need_a_row_for_every_input(read: Any) -> None:
    with pytest.raises(ArgumentError, match=r"4 rows.*\(3,\)"):
        read(pairs(torch.ones(4, 2), torch.tensor([0, 1, 2])), (2, 3), free_labels=True)


def test_a_prediction_of_the_users_own_may_take_any_inputs(read: Any) -> None:
    data = read(pairs(torch.ones(4, 5, 2), torch.ones(4, 1)), free_inputs=True)
    assert data.train[0].shape == (4, 5, 2)


@pytest.mark.parametrize("free", [{}, {"free_inputs": True, "free_labels": True}])
def test_data_are_constants_that_belong_to_no_graph(read: Any, free: dict[str, bool]) -> None:
    x = torch.ones(4, 2, requires_grad=True)
    (inputs, labels), _ = first(read(pairs(x, 2 * x[:, :1]), **free))
    assert inputs.is_leaf
    assert inputs is not x
    assert not labels.requires_grad
    # A prediction of the user's own may differentiate with respect to inputs that say so.
    assert inputs.requires_grad == bool(free)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 1), (4, 2, 1)])
def test_inputs_of_another_shape_are_refused(read: Any, shape: Any) -> None:
    with pytest.raises(ArgumentError, match=r"must have shape \(N, 2\)"):
        read(pairs(torch.ones(shape), torch.ones(4, 1)))


@pytest.mark.parametrize("part", ["train_input", "train_label", "test_input", "test_label"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused_with_place_and_number(read: Any, part: str, value: float) -> None:
    dataset = {name: entry.clone() for name, entry in numbered(6).items()}
    dataset[part][2, 0] = dataset[part][4, 0] = value
    with pytest.raises(ArgumentError, match=rf"`{part}` must be finite; 2 of \d+ entries.*index \(2, 0\)"):
        read(dataset)


def test_complex_labels_that_are_not_finite_are_refused_too(read: Any) -> None:
    labels = torch.tensor([1 + 1j, complex(0, float("nan")), 2j])
    with pytest.raises(ArgumentError, match=r"`train_label` must be finite; 1 of 3 entries"):
        read(pairs(torch.ones(3, 2), labels), free_labels=True)


def test_a_dictionary_without_training_data_is_refused(read: Any) -> None:
    with pytest.raises(ArgumentError, match=r"'train_label'\] missing"):
        read({"train_input": torch.ones(3, 2)})


def test_test_inputs_without_labels_are_refused(read: Any) -> None:
    with pytest.raises(ArgumentError, match="test_label"):
        read({**pairs(torch.ones(3, 2), torch.ones(3, 1)), "test_input": torch.ones(3, 2)})


def test_a_test_set_without_rows_is_none(read: Any) -> None:
    nothing = {"test_input": torch.ones(0, 2), "test_label": torch.ones(0, 1)}
    assert read({**pairs(torch.ones(3, 2), torch.ones(3, 1)), **nothing}).test is None


@pytest.mark.parametrize("dataset", [None, torch.ones(3, 2), [torch.ones(3, 2)]])
def test_anything_else_is_refused(read: Any, dataset: Any) -> None:
    with pytest.raises(ArgumentError, match="`dataset` must be a dictionary"):
        read(dataset)


def test_no_rows_are_refused(read: Any) -> None:
    with pytest.raises(ArgumentError, match="no rows"):
        read(pairs(torch.ones(0, 2), torch.ones(0, 1)))


@pytest.mark.parametrize("batch", [0, -2])
def test_a_batch_without_rows_is_refused(read: Any, batch: int) -> None:
    with pytest.raises(ArgumentError, match=rf"`batch` must be -1 .* got {batch}"):
        read(numbered(6), batch=batch)


# Order


@pytest.mark.parametrize("batch", [-1, 6, 100])
def test_all_rows_come_at_every_step(read: Any, batch: int) -> None:
    data = read(numbered(6), batch=batch)
    assert data.is_constant
    for train, test in islice(data.steps(), 3):
        assert train is data.train
        assert test is data.test


def test_a_batch_is_drawn_afresh_for_every_step(read: Any) -> None:
    data = read(numbered(20), batch=5)
    steps = list(islice(data.steps(), 12))
    drawn = [tuple(sorted(train[0][:, 0].tolist())) for train, _ in steps]
    assert not data.is_constant
    assert all(len(set(rows)) == 5 for rows in drawn)
    assert len(set(drawn)) > 10
    assert all(torch.equal(x[:, :1], y) for (x, y), _ in steps)
    assert all(test[0].shape == (5, 2) for _, test in steps)


def test_in_epochs_no_row_comes_twice(read: Any) -> None:
    data = read(numbered(7), batch=3, in_epochs=True)
    assert data.steps_per_epoch == 3
    rows = [train[0][:, 0].tolist() for train, _ in islice(data.steps(), 6)]
    assert [len(entry) for entry in rows] == [3, 3, 1, 3, 3, 1]
    assert sorted(chain(*rows[:3])) == sorted(chain(*rows[3:])) == list(range(7))
    assert rows[:3] != rows[3:]


def test_in_epochs_all_test_rows_come_every_time(read: Any) -> None:
    data = read(numbered(7), batch=3, in_epochs=True)
    assert all(test[0].shape == (7, 2) for _, test in islice(data.steps(), 4))


def test_batches_follow_from_the_seed_of_the_model(make: Any) -> None:
    def rows(seed: int) -> list[float]:
        options = {"batch": 3, "in_epochs": False, "expectation": Expectation()}
        steps = TensorData(make((2, 1), seed=seed), numbered(20), **options).steps()
        return [value for train, _ in islice(steps, 4) for value in train[0][:, 0].tolist()]

    assert rows(0) == rows(0) != rows(1)


def test_two_runs_of_one_model_see_different_batches(make: Any) -> None:
    model, options = make((2, 1)), {"batch": 5, "in_epochs": False, "expectation": Expectation()}
    one, other = (first(TensorData(model, numbered(50), **options))[0][0] for _ in range(2))
    assert not torch.equal(one, other)


def test_few_of_many_rows_are_drawn_without_shuffling_all(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.arange(2.0**17)[:, None].repeat(1, 2)
    data = read(pairs(rows, rows[:, :1]), batch=2000)
    monkeypatch.delattr(torch, "randperm")
    drawn = torch.stack([train[1][:, 0] for train, _ in islice(data.steps(), 20)])
    assert drawn.shape == (20, 2000)
    assert all(len(step.unique()) == 2000 for step in drawn)
    assert not torch.equal(drawn[0].sort().values, drawn[1].sort().values)
    # In random order, and anywhere: means of 20 numbers between 0 and 1 deviate by 0.065.
    assert (drawn / 2**17 - 0.5).mean(dim=0).std() == pytest.approx(0.065, rel=0.1)
    assert (drawn / 2**17).mean() == pytest.approx(0.5, abs=0.01)


# Loaders


def loader(rows: int, **options: Any) -> DataLoader:
    x = torch.arange(rows, dtype=torch.float32)[:, None].repeat(1, 2)
    return DataLoader(TensorDataset(x, x[:, 0]), **options)


def test_a_loader_is_gone_through_in_its_order_again_and_again(read: Any) -> None:
    data = read(loader(5, batch_size=2))
    assert isinstance(data, LoaderData)
    assert data.steps_per_epoch == 3
    rows = [train[0][:, 0].tolist() for train, _ in islice(data.steps(), 6)]
    assert rows == [[0, 1], [2, 3], [4]] * 2


def test_loaders_for_training_and_test(read: Any) -> None:
    data = read({"train_loader": loader(4, batch_size=2), "test_loader": loader(5, batch_size=2)})
    _, test = first(data)
    assert test[0][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert test[1].shape == (5, 1)


def test_beside_a_loader_test_data_may_be_tensors(read: Any) -> None:
    x = torch.arange(10.0).view(5, 2)
    _, test = first(read({"train_loader": loader(4, batch_size=2), "test_input": x, "test_label": x[:, 0]}))
    assert torch.equal(test[0], x)
    assert torch.equal(test[1], x[:, :1])
    with pytest.raises(ArgumentError, match="'test_input' without 'test_label'"):
        read({"train_loader": loader(4, batch_size=2), "test_input": x})


def test_a_loader_makes_its_own_batches(read: Any) -> None:
    with pytest.raises(ArgumentError, match="leave out `batch`, which is 3"):
        read(loader(4, batch_size=2), batch=3)


def test_the_batches_of_a_loader_are_checked(read: Any) -> None:
    with pytest.raises(ArgumentError, match=r"must have shape \(N, 2\)"):
        read(DataLoader(TensorDataset(torch.ones(4, 3), torch.ones(4)), batch_size=2))


def test_a_loader_without_batches_is_refused(read: Any) -> None:
    empty = DataLoader(TensorDataset(torch.ones(1, 2), torch.ones(1)), batch_size=2, drop_last=True)
    with pytest.raises(ArgumentError, match="gives no batches"):
        read(empty)


class Stream(IterableDataset):
    """Rows without a number of them: all of `passes`, one after the other."""

    def __init__(self, *passes: int) -> None:
        self.passes = list(passes)

    def __iter__(self) -> Any:
        rows = self.passes.pop(0) if self.passes else 0
        return iter([(torch.ones(2), torch.ones(1))] * rows)


def test_a_loader_of_a_stream_trains_for_steps_but_not_for_epochs(read: Any) -> None:
    data = read(DataLoader(Stream(4, 4, 3), batch_size=2))
    assert [len(train[0]) for train, _ in islice(data.steps(), 4)] == [2, 2, 2, 1]
    with pytest.raises(ArgumentError, match="set `steps` instead"):
        _ = data.steps_per_epoch


def test_a_loader_that_runs_dry_ends_training(read: Any) -> None:
    steps = read(DataLoader(Stream(2, 2), batch_size=2)).steps()
    next(steps)
    with pytest.raises(ArgumentError, match="no batches any more"):
        next(steps)


def test_a_loader_that_can_be_gone_through_once_is_refused(read: Any) -> None:
    with pytest.raises(ArgumentError, match="a generator, gives its batches only once"):
        read({"train_loader": (batch for batch in loader(4, batch_size=2))})


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        ([{"x": torch.ones(2), "y": torch.ones(1)}] * 4, "a dict"),
        ([(torch.ones(2), torch.ones(1), 0)] * 4, "a list of 3"),
        ([torch.ones(2)] * 4, "a Tensor"),
    ],
)
def test_batches_that_are_no_pairs_are_refused(read: Any, rows: Any, got: str) -> None:
    with pytest.raises(
        ArgumentError, match=f"a batch of the train loader must be a pair.*; got {got}. .* `collate_fn`"
    ):
        read(DataLoader(rows, batch_size=2))


def test_the_batches_of_both_loaders_may_be_arrays(read: Any) -> None:
    batches = [(np.ones((2, 2)), np.ones(2)), (np.zeros((1, 2)), np.ones(1))]
    _, test = first(read({"train_loader": batches, "test_loader": batches}))
    assert test[0].tolist() == [[1, 1], [1, 1], [0, 0]]
    assert test[1].tolist() == [[1], [1], [1]]


def test_a_test_loader_without_batches_is_refused(read: Any) -> None:
    with pytest.raises(ArgumentError, match="the test loader gives no batches"):
        read({"train_loader": loader(4, batch_size=2), "test_loader": []})


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.uint8, torch.uint16])
def test_integer_labels_are_those_that_losses_take(make: Any, dtype: torch.dtype) -> None:
    _, labels = Expectation(free_labels=True).read(make((2, 3)), "train", torch.ones(4, 2), torch.ones(4, dtype=dtype))
    assert float(torch.nn.functional.cross_entropy(torch.zeros(4, 3), labels)) == pytest.approx(math.log(3))


def test_truth_values_stay_what_they_are_for_a_loss_of_ones_own(make: Any) -> None:
    _, labels = Expectation(free_labels=True).read(make((2, 3)), "train", torch.ones(4, 2), torch.ones(4) > 0)
    assert labels.dtype == torch.bool
