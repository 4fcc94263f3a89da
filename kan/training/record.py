"""What a training run leaves behind: one number per step and quantity, and the best parameters on request."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kan.common.errors import ArgumentError, check_choice

if TYPE_CHECKING:
    from torch import Tensor, nn

    Results = dict[str, "Series"]


Metric = Callable[..., Any]

_USUALLY_SHOWN = ("train_loss", "test_loss", "reg")


def named_metrics(metrics: Iterable[Metric] | None, *, taken: Iterable[str] = ()) -> dict[str, Metric]:
    """Return metrics by the names under which they are recorded: of the function, or of the class of the object.

    Where a name is taken, as by another lambda, a number is added.

    Raises
    ------
    ArgumentError
        If `metrics` is not a list of functions.
    """
    functions = [] if callable(metrics) else list(metrics or [])
    if callable(metrics) or not all(map(callable, functions)):
        raise ArgumentError(f"`metrics` must be a list of functions; got {metrics!r}.")
    reserved, named = set(taken), {}
    for metric in functions:
        name = plain = getattr(metric, "__name__", type(metric).__name__)
        number = 1
        while name in reserved or name in named:
            number += 1
            name = f"{plain}_{number}"
        named[name] = metric
    return named


class Series(np.ndarray[Any, Any]):
    """One number for each step: a 1-D array, which ``+=`` puts behind a list or another series, as pykan's lists.

    Scripts collect the losses of several fits in this way. What is computed from a series is a plain array or number.
    """

    def __radd__(self, other: Any) -> Any:
        return [*other, *self] if isinstance(other, list) else super().__radd__(other)

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]
        return as_series([*self, *other]) if isinstance(other, (list, Series)) else super().__iadd__(other)

    def __array_wrap__(self, array: Any, *_: Any) -> Any:
        return np.asarray(array)[()]


def as_series(numbers: Sequence[float]) -> Series:
    """Return numbers as a series."""
    return np.array(numbers).view(Series)


class Record:
    """The numbers of every step.

    Parameters
    ----------
    names : sequence of str
        The quantities, in the order of the results.
    shown : sequence of str, optional
        Those that the progress bar shows; by default losses and penalty.

    Raises
    ------
    ArgumentError
        If one of `shown` is not recorded.
    """

    def __init__(self, names: Sequence[str], *, shown: Sequence[str] | None = None) -> None:
        self.values: dict[str, list[float]] = {name: [] for name in names}
        for name in shown or []:
            check_choice("display_metrics", name, self.values)
        self.shown = [name for name in _USUALLY_SHOWN if name in self.values] if shown is None else list(shown)

    def add(self, values: Mapping[str, float]) -> None:
        """Append the numbers of one step."""
        for name, column in self.values.items():
            column.append(values[name])

    def repeat(self) -> None:
        """Append the numbers of the last step once more."""
        for column in self.values.values():
            column.append(column[-1])

    def describe(self) -> str:
        """Return the line for the progress bar."""
        return "| " + " | ".join(f"{name}: {self.values[name][-1]:.2e}" for name in self.shown) + " |"

    def series(self) -> Results:
        """Return one series per quantity, which is the caller's."""
        return {name: as_series(column) for name, column in self.values.items()}


class BestModel:
    """The parameters at the smallest loss so far, and the number of steps since."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.loss = math.inf
        self.waited = 0
        self.state: dict[str, Tensor] | None = None

    def update(self, loss: float) -> None:
        """Take note of the loss of one step."""
        if loss < self.loss:
            self.loss, self.waited = loss, 0
            self.state = {name: tensor.detach().clone() for name, tensor in self.network.named_parameters()}
        else:
            self.waited += 1

    def restore(self) -> None:
        """Go back to the best parameters."""
        if self.state is not None:
            for name, parameter in self.network.named_parameters():
                # A gradient belongs to the parameter as it was, which may have had another shape.
                parameter.data, parameter.grad = self.state[name].clone(), None
