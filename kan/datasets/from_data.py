"""A training and a test set from data at hand.

The sizes of the two sets are pykan's. The split comes from a generator of its own, so that the same data give the
same split each time and the global generators keep their state.
"""

from __future__ import annotations

from typing import Any

import torch

from kan.common.arrays import as_tensor, check_finite, to_tensor
from kan.common.errors import ArgumentError, check_seed
from kan.common.precision import to_device
from kan.common.random import stream


def create_dataset_from_data(
    inputs: Any,
    labels: Any,
    train_ratio: float = 0.8,
    device: str | torch.device = "cpu",
    *,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """Split data at random into a training and a test set.

    Parameters
    ----------
    inputs : array_like, shape (N, I)
        Tensor, numpy array or nested list. Integers are converted to torch's default dtype.
    labels : array_like, shape (N, O) or (N,)
        Tensor, numpy array or list. One-dimensional floating labels become (N, 1). Integer labels stay as they
        are, because the losses for class labels want them so.
    train_ratio : float
        Share of the rows that goes to training, in (0, 1]; with 1 the test set is empty.
    device : str or torch.device
        Where the tensors end up; those in double precision become single on devices without it, such as Apple's.
    seed : int
        Seed of the split. Global random generators are neither read nor written.

    Returns
    -------
    dict of str to torch.Tensor
        `train_input`, `train_label`, `test_input` and `test_label`: copies, without a graph. Test rows keep
        their order.

    Raises
    ------
    ArgumentError
        When the shapes do not fit, `train_ratio` leaves nothing to train on, or an entry is NaN or Inf.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 2)
    >>> dataset = create_dataset_from_data(x, x.sum(dim=1))
    >>> dataset["train_input"].shape, dataset["test_label"].shape
    (torch.Size([80, 2]), torch.Size([20, 1]))
    """
    columns = as_tensor(_read("inputs", inputs))
    targets = _read("labels", labels)
    if columns.dim() != 2:
        raise ArgumentError(f"`inputs` must have shape (N, I), one row for each sample; got {tuple(columns.shape)}.")
    if targets.dim() == 0 or len(targets) != len(columns):
        raise ArgumentError(
            f"`inputs` and `labels` must have the same number of rows; got {tuple(columns.shape)} and "
            f"{tuple(targets.shape)}."
        )
    check_finite("inputs", columns)
    check_finite("labels", targets)
    if targets.dim() == 1 and targets.is_floating_point():
        targets = targets.unsqueeze(1)

    train_rows, test_rows = _split(size=len(columns), train_ratio=train_ratio, seed=seed)
    return {
        "train_input": to_device(columns[train_rows.to(columns.device)], device),
        "test_input": to_device(columns[test_rows.to(columns.device)], device),
        "train_label": to_device(targets[train_rows.to(targets.device)], device),
        "test_label": to_device(targets[test_rows.to(targets.device)], device),
    }


def _read(name: str, values: Any) -> torch.Tensor:
    """Return `values` as a tensor without a graph."""
    try:
        return to_tensor(values).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"`{name}` must be an array of numbers; got {type(values).__name__}: {error}") from error


def _split(*, size: int, train_ratio: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the row numbers of the training set, shuffled, and of the test set, ascending."""
    if not 0 < train_ratio <= 1:
        raise ArgumentError(f"`train_ratio` must lie in (0, 1]; got {train_ratio!r}.")
    n_train = int(size * train_ratio)
    if n_train == 0:
        raise ArgumentError(
            f"`train_ratio` must leave at least one sample to train on; got train_ratio={train_ratio!r} of "
            f"{size} samples. Raise it, or hand in more rows."
        )
    order = torch.randperm(size, generator=stream(check_seed(seed)), device="cpu")
    return order[:n_train], order[n_train:].sort().values
