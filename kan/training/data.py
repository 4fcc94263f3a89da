"""The training data: tensors or data loaders, checked once, then handed out step by step."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from kan.common.arrays import as_tensor, check_finite, to_tensor
from kan.common.errors import ArgumentError, is_whole

if TYPE_CHECKING:
    from kan.network import Model

Batch = tuple[Tensor, Tensor]

# From so many rows on, if no more than one in so many of them is drawn, shuffling all takes longer than drawing
# some, and soon longer than a step: 8 ms for a million rows (measured).
_MANY_ROWS = 2**16
_FEW_OF_THEM = 64


@dataclass(frozen=True)
class Expectation:
    """What inputs and labels must look like.

    Attributes
    ----------
    free_labels : bool
        A loss of the user's own: labels of any shape and type, one for every row.
    free_inputs : bool
        A prediction of the user's own: inputs of any shape, and labels of the prediction's.
    """

    free_labels: bool = False
    free_inputs: bool = False

    def read(self, network: Model, part: str, inputs: Any, labels: Any) -> Batch:
        """Return one part of a data set as tensors for `network`, or raise an ArgumentError."""
        like = torch.empty(0, dtype=network.dtype, device=network.device)
        x = as_tensor(inputs, like=like) if self.free_inputs else network.checked_input(inputs)
        y = to_tensor(labels, plain=network.dtype)
        if self.free_labels and not y.is_floating_point():
            # Of integers, the losses of torch take int64 only.
            y = y.to(like.device, y.dtype if y.dtype == torch.bool or y.is_complex() else torch.int64)
        else:
            y = as_tensor(y, like=like)
        outputs = network.width_in[-1]
        is_free = self.free_labels or self.free_inputs
        if y.ndim == 1 and (outputs == 1 or self.free_inputs) and not self.free_labels:
            y = y[:, None]
        expected = (x.shape[0],) if is_free else (x.shape[0], outputs)
        if tuple(y.shape[:1] if is_free else y.shape) != expected:
            wanted = f"{x.shape[0]} rows" if is_free else f"shape {expected}"
            are_classes = not is_free and outputs > 1 and tuple(y.shape) in ((len(x),), (len(x), 1))
            hint = " Classes need a loss that takes them, such as `fit(..., loss_fn=torch.nn.CrossEntropyLoss())`."
            raise ArgumentError(
                f"`{part}_label` must have {wanted} for `{part}_input` of shape {tuple(x.shape)}; got {tuple(y.shape)}."
                + hint * are_classes
            )
        check_finite(f"{part}_input", x)
        check_finite(f"{part}_label", y)
        # Data are constants: no gradient reaches the caller's tensors, and a graph of theirs is not taken back again at
        # every step. But a prediction of the user's own may differentiate with respect to inputs that say so.
        return x.detach().requires_grad_(self.free_inputs and x.requires_grad), y.detach()


class TensorData:
    """A data set of tensors: everything at every step, or random rows.

    Parameters
    ----------
    batch : int
        Rows of a step, -1 for all.
    in_epochs : bool
        Go through all rows in random order before any comes again, instead of drawing rows afresh for every step.
    whole_test : bool
        Give all test rows with every step also where rows are drawn, as many as for training otherwise: the best step
        cannot be told by the luck of its rows.
    """

    def __init__(
        self,
        network: Model,
        dataset: Mapping[str, Any],
        *,
        batch: int,
        in_epochs: bool,
        expectation: Expectation,
        whole_test: bool = False,
    ) -> None:
        missing = [key for key in ("train_input", "train_label") if key not in dataset]
        if missing:
            raise ArgumentError(
                f"`dataset` must hold 'train_input' and 'train_label' (and may hold 'test_input' and 'test_label'); "
                f"{missing} missing, got {sorted(dataset)}."
            )
        self.train = expectation.read(network, "train", dataset["train_input"], dataset["train_label"])
        test = _test_tensors(dataset)
        self.test: Batch | None = None if test is None else expectation.read(network, "test", *test)
        rows = self.train[0].shape[0]
        if rows == 0:
            raise ArgumentError("`train_input` holds no rows; there is nothing to train on.")
        if batch != -1 and not is_whole(batch, 1):
            raise ArgumentError(f"`batch` must be -1 (all rows) or a whole number of at least 1; got {batch!r}.")
        self.batch = rows if batch == -1 else min(int(batch), rows)
        self.in_epochs, self.whole_test = in_epochs, whole_test
        self.is_constant = self.batch == rows
        self.generator: torch.Generator | None = None
        self._network = network
        self.steps_per_epoch = -(-rows // self.batch)

    @property
    def inputs(self) -> Tensor:
        """All training inputs."""
        return self.train[0]

    @property
    def labels(self) -> Tensor:
        """All training labels."""
        return self.train[1]

    @property
    def judges(self) -> Batch:
        """The rows on which starts are compared."""
        return self.test or self.train

    def begin(self) -> None:
        """Take a stream of random numbers from the network; a run that is refused before it begins takes none."""
        if not self.is_constant and self.generator is None:
            self.generator = self._network.draw_stream()

    def twin(self) -> TensorData:
        """Return a data set that gives the same rows, step by step."""
        twin = copy.copy(self)
        if self.generator is not None:
            twin.generator = torch.Generator(self.generator.device)
            twin.generator.set_state(self.generator.get_state())
        return twin

    def split(self, order: Tensor, *, held: int) -> tuple[TensorData, Batch]:
        """Return this data set without some training rows, the first ones in `order` (N,), and those rows."""
        part = copy.copy(self)
        part.train = _rows(self.train, order[held:])
        part.batch = min(self.batch, len(order) - held)
        return part, _rows(self.train, order[:held])

    def steps(self) -> Iterator[tuple[Batch, Batch | None]]:
        """Yield the training and the test rows of every step, without end."""
        self.begin()
        while True:
            if self.is_constant:
                yield self.train, self.test
            elif self.in_epochs:
                order = torch.randperm(len(self.inputs), generator=self.generator, device="cpu")
                for rows in order.split(self.batch):
                    yield _rows(self.train, rows), self.test
            else:
                drawn = self._draw(self.train)
                yield drawn, self.test if self.test is None or self.whole_test else self._draw(self.test)

    def _draw(self, data: Batch) -> Batch:
        """Draw rows without replacement."""
        return _rows(data, _drawn(data[0].shape[0], self.batch, self.generator))


class LoaderData:
    """A data set of data loaders, of which each gives pairs of inputs and labels.

    Attributes
    ----------
    inputs, labels : Tensor
        Those of the last training batch.
    test : pair of Tensor or None
        All test rows, on which starts are compared; without any, by the last training loss.
    """

    is_constant = False

    def __init__(self, network: Model, train: Any, test: Any, *, expectation: Expectation) -> None:
        self.network, self.expectation = network, expectation
        self.train_loader = train
        if isinstance(train, Iterator):
            raise ArgumentError(
                f"the training loader, a {type(train).__name__}, gives its batches only once; training goes through "
                "them again and again: give a DataLoader, or a list of batches."
            )
        self.inputs, self.labels = self._first()
        self.test: Batch | None = None
        if test is not None:
            batches = [self._read("test", batch) for batch in test]
            if not batches:
                raise ArgumentError("the test loader gives no batches; leave it out, or give it some.")
            inputs, labels = zip(*batches)
            self.test = torch.cat(inputs), torch.cat(labels)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches."""
        try:
            return len(self.train_loader)
        except TypeError:
            raise ArgumentError(
                "`epochs` needs a training loader that knows how many batches it gives; set `steps` instead."
            ) from None

    @property
    def judges(self) -> Batch | None:
        """See `test`."""
        return self.test

    def begin(self) -> None:
        """Loaders draw for themselves."""

    def twin(self) -> LoaderData:
        """Return the same loaders, which go on in their own order."""
        return self

    def _first(self) -> Batch:
        """Return the first batch, checked."""
        for batch in self.train_loader:
            return self._read("train", batch)
        raise ArgumentError("the training loader gives no batches; there is nothing to train on.")

    def _read(self, part: str, batch: Any) -> Batch:
        """Check one batch of a loader."""
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            entries = f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""
            raise ArgumentError(
                f"a batch of the {part} loader must be a pair of inputs and labels; got a {type(batch).__name__}"
                f"{entries}. Give the loader a `collate_fn` that returns pairs."
            )
        return self.expectation.read(self.network, part, *batch)

    def steps(self) -> Iterator[tuple[Batch, Batch | None]]:
        """Yield the training batch and all test rows of every step, without end."""
        while True:
            batch = None
            for pair in self.train_loader:
                batch = self._read("train", pair)
                self.inputs, self.labels = batch
                yield batch, self.test
            if batch is None:
                raise ArgumentError("the training loader gives no batches any more; it must give them again and again.")


def as_mapping(dataset: Any) -> Mapping[str, Any]:
    """Return the dictionary of what `fit` accepts, that of one loader for a DataLoader; raise an ArgumentError else."""
    if isinstance(dataset, DataLoader):
        return {"train_loader": dataset}
    if isinstance(dataset, Mapping):
        return dataset
    raise ArgumentError(
        "`dataset` must be a dictionary with 'train_input' and 'train_label', such as "
        "`create_dataset_from_data(inputs, labels)` makes of arrays, or a DataLoader; "
        f"got {type(dataset).__name__}."
    )


def read_dataset(
    network: Model, dataset: Mapping[str, Any], *, batch: int, expectation: Expectation, **options: bool
) -> TensorData | LoaderData:
    """Read pykan's dictionary, with the other options of `TensorData`, or {'train_loader': ..., 'test_loader': ...}.

    Beside a loader for training the test data may be tensors.
    """
    if "train_loader" in dataset:
        if batch != -1:
            raise ArgumentError(f"a loader makes its own batches; leave out `batch`, which is {batch!r}.")
        tensors = _test_tensors(dataset)
        test = dataset.get("test_loader", None if tensors is None else [tensors])
        return LoaderData(network, dataset["train_loader"], test, expectation=expectation)
    return TensorData(network, dataset, batch=batch, expectation=expectation, **options)


def _test_tensors(dataset: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Return test inputs and labels as they were given, if there are any."""
    inputs, labels = dataset.get("test_input"), dataset.get("test_label")
    if inputs is None or len(inputs) == 0:
        return None
    if labels is None:
        raise ArgumentError("`dataset` holds 'test_input' without 'test_label'; give both or neither.")
    return inputs, labels


def _drawn(rows: int, count: int, generator: torch.Generator | None) -> Tensor:
    """Return `count` (or all) of the numbers of `rows`, none twice, in random order."""
    if rows < _MANY_ROWS or rows < _FEW_OF_THEM * count:
        return torch.randperm(rows, generator=generator, device="cpu")[:count]
    # Numbers one after the other, without those that came before: of so many, half would do.
    numbers = torch.randint(rows, (2 * count,), generator=generator, device="cpu")
    _, first = np.unique(numbers.numpy(), return_index=True)
    return numbers[torch.from_numpy(np.sort(first)[:count])]


def _rows(data: Batch, rows: Tensor) -> Batch:
    """Return some rows of inputs and labels."""
    rows = rows.to(data[0].device)
    return data[0][rows], data[1][rows]
