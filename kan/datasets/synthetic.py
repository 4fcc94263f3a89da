"""Data sets sampled from a known function: uniform inputs in a box, labels from the function.

For one seed the numbers are pykan's, bit for bit: for each variable in turn the training column is drawn, then the
test column. Two deviations. The draws come from a generator of their own, so the global generators of torch and
numpy keep their state; a function that itself draws random numbers takes them from the caller's global generator.
And whatever would only fail later, in training, fails here: reversed ranges, labels with the wrong number of rows,
labels that are NaN or Inf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from kan.common.arrays import check_real, to_tensor
from kan.common.errors import ArgumentError, check_choice, check_seed, check_whole
from kan.common.random import stream


def create_dataset(
    f: Callable[[torch.Tensor], Any],
    n_var: int = 2,
    f_mode: str = "col",
    ranges: Sequence[Any] | np.ndarray = (-1, 1),
    train_num: int = 1000,
    test_num: int = 1000,
    normalize_input: bool = False,
    normalize_label: bool = False,
    device: str | torch.device = "cpu",
    seed: int = 0,
    *,
    dtype: torch.dtype | None = None,
) -> dict[str, torch.Tensor]:
    """Sample inputs uniformly and label them with `f`.

    Parameters
    ----------
    f : callable
        Takes the inputs, of shape (N, n_var) in mode 'col' and (n_var, N) in
        mode 'row', and returns the labels: (N,) or (N, O); in mode 'row' also
        (O, N). It is called once for the training and once for the test set.
    n_var : int
        Number of input variables.
    f_mode : {'col', 'row'}
        Whether `f` finds its variables in the columns of its argument
        (``x[:, [0]]``) or in the rows (``x[0]``).
    ranges : array_like, shape (2,) or (n_var, 2)
        Lowest and highest value, of all variables or of each. Where they are
        equal the variable is constant.
    train_num, test_num : int
        Number of samples. `test_num` may be 0.
    normalize_input, normalize_label : bool
        Subtract the mean of the training set and divide by its standard
        deviation, column by column. A constant column is only centred.
    device : str or torch.device
        Where the tensors end up. `f` is always called on the CPU.
    seed : int
        The same seed gives the same numbers. Global random generators are
        neither read nor written.
    dtype : torch.dtype, optional
        Floating dtype of the inputs; torch's default dtype when not given.

    Returns
    -------
    dict of str to torch.Tensor
        `train_input` (N, n_var), `train_label` (N, O), `test_input` and
        `test_label`.

    Raises
    ------
    ArgumentError
        When an argument cannot be used, when `f` returns another number of
        rows than it was given, or when labels are NaN, Inf or complex.

    Examples
    --------
    >>> import torch
    >>> f = lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)
    >>> dataset = create_dataset(f, n_var=2, train_num=100)
    >>> dataset["train_input"].shape, dataset["test_label"].shape
    (torch.Size([100, 2]), torch.Size([1000, 1]))
    """
    if not callable(f):
        raise ArgumentError(f"`f` must be a function of a tensor of samples; got {f!r}.")
    check_choice("f_mode", f_mode, ("col", "row"))
    n_var = check_whole("n_var", n_var, 1)
    train_num = check_whole("train_num", train_num, 1)
    test_num = check_whole("test_num", test_num, 0)
    bounds = _check_ranges(ranges, n_var=n_var)
    if dtype is not None and not dtype.is_floating_point:
        raise ArgumentError(f"`dtype` must be a floating dtype, such as torch.float64; got {dtype}.")

    train_input, test_input = _draw(bounds=bounds, sizes=(train_num, test_num), seed=seed, dtype=dtype)
    train_label = _label(f=f, inputs=train_input, f_mode=f_mode, part="train", bounds=bounds)
    test_label = _label(f=f, inputs=test_input, f_mode=f_mode, part="test", bounds=bounds)
    if normalize_input:
        train_input, test_input = _normalize(train=train_input, test=test_input)
    if normalize_label:
        train_label, test_label = _normalize(train=train_label, test=test_label)
    return {
        "train_input": train_input.to(device),
        "test_input": test_input.to(device),
        "train_label": train_label.to(device),
        "test_label": test_label.to(device),
    }


def _check_ranges(ranges: Any, *, n_var: int) -> list[tuple[float, float]]:
    """Return one pair (low, high) for each variable."""
    try:
        table = np.asarray(ranges, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"`ranges` must be numbers of shape (2,) or ({n_var}, 2) for n_var={n_var}; got {ranges!r}."
        ) from error
    if table.shape == (2,):
        table = np.tile(table, (n_var, 1))
    if table.shape != (n_var, 2):
        raise ArgumentError(
            f"`ranges` must have shape (2,), one pair for all variables, or ({n_var}, 2), one pair for each of the "
            f"n_var={n_var} variables; got shape {table.shape}."
        )
    bounds = [(float(low), float(high)) for low, high in table]
    for variable, (low, high) in enumerate(bounds):
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise ArgumentError(
                f"`ranges` must give finite low <= high for each variable; variable {variable} has [{low:g}, {high:g}]."
            )
    return bounds


def _draw(
    *, bounds: list[tuple[float, float]], sizes: tuple[int, int], seed: int, dtype: torch.dtype | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw the training and the test inputs; the order of the draws is pykan's."""
    generator = stream(check_seed(seed))
    train: list[torch.Tensor] = []
    test: list[torch.Tensor] = []
    for low, high in bounds:
        for size, columns in zip(sizes, (train, test)):
            column = torch.rand(size, generator=generator, dtype=dtype, device="cpu")
            columns.append(column * (high - low) + low)
    return torch.stack(train, dim=1), torch.stack(test, dim=1)


def _label(
    *,
    f: Callable[[torch.Tensor], Any],
    inputs: torch.Tensor,
    f_mode: str,
    part: str,
    bounds: list[tuple[float, float]],
) -> torch.Tensor:
    """Call `f` and return its labels as a checked (N, O) tensor without a graph."""
    answer = f(inputs.T if f_mode == "row" else inputs)
    labels = to_tensor(answer).detach()
    check_real(labels)
    if not isinstance(answer, torch.Tensor) and labels.is_floating_point():
        labels = labels.to(inputs.dtype)
    size, shape = len(inputs), tuple(labels.shape)
    if f_mode == "row" and labels.dim() == 2 and shape[0] != size:
        labels = labels.T
    if labels.dim() == 1:
        labels = labels.unsqueeze(1)
    if labels.dim() != 2 or len(labels) != size:
        raise ArgumentError(
            f"`f` must return ({size},) or ({size}, O) labels for {size} samples in mode '{f_mode}'; got shape "
            f"{shape}. Write it for whole {'columns, x[:, [0]]' if f_mode == 'col' else 'rows, x[0]'}."
        )
    _check_labels(labels, part=part, bounds=bounds, inputs=inputs)
    # A copy, because `f` may return a view of its argument.
    return labels.clone()


def _check_labels(labels: torch.Tensor, *, part: str, bounds: list[tuple[float, float]], inputs: torch.Tensor) -> None:
    """Raise unless all labels are finite, with the first input that went wrong."""
    finite = torch.isfinite(labels)
    if finite.all():
        return
    bad_rows = (~finite).any(dim=1).nonzero()[:, 0]
    row = int(bad_rows[0])
    point = ", ".join(f"{value:.6g}" for value in inputs[row].tolist())
    box = ", ".join(f"[{low:g}, {high:g}]" for low, high in bounds)
    raise ArgumentError(
        f"`f` must be finite on all samples; {len(bad_rows)} of {len(labels)} {part} labels are NaN or Inf, the "
        f"first in row {row}, at x = ({point}). Choose `ranges` inside the domain of `f`; now {box}."
    )


def _normalize(*, train: torch.Tensor, test: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre and scale both sets by the columns of the training set."""
    if not train.is_floating_point():
        train, test = train.to(torch.get_default_dtype()), test.to(torch.get_default_dtype())
    # The mean and deviation of a constant are rounding, which must not be scaled up.
    varies = train.amax(dim=0) > train.amin(dim=0)
    centre = torch.where(varies, train.mean(dim=0), train[0])
    scale = torch.where(varies, train.std(dim=0, correction=min(1, len(train) - 1)), 1.0)
    return (train - centre) / scale, (test - centre) / scale
