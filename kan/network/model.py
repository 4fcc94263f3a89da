"""What every model has, whatever it computes: a device, the data it refers to, random numbers of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kan.common.arrays import as_tensor
from kan.common.errors import ArgumentError, StateError, check_seed
from kan.common.properties import settled
from kan.common.random import stream
from kan.network.records import Records
from kan.network.shape import written


class Model(nn.Module, ABC):
    """The common part of networks of splines and of perceptrons.

    Attributes
    ----------
    width, width_in : list
        Nodes of every layer, with their kinds or as numbers.
    n_columns : int
        How many columns the data have.
    cache_data : Tensor (N, columns) or None
        The last input.
    """

    width: Any
    width_in: Any
    n_columns: int

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = check_seed(seed)
        self._draws = 0
        self.cache_data: Tensor | None = None
        self._reference: Tensor | None = None
        self._recorded = Records()

    @property
    @abstractmethod
    def _example(self) -> Tensor:
        """A parameter: dtype and device are those of all others."""

    @settled
    def device(self) -> torch.device:
        """Where the parameters live."""
        return self._example.device

    @settled
    def dtype(self) -> torch.dtype:
        """The floating-point format of the parameters."""
        return self._example.dtype

    @property
    @abstractmethod
    def has_plain_forward(self) -> bool:
        """Whether `forward` is this library's own, and not that of a class derived from it."""

    @abstractmethod
    def trace(self, x: Any) -> Any:
        """Evaluate the model and record every layer; differentiable, and `cache_data` stays as it is."""

    def checked_input(self, x: Any) -> Tensor:
        """Return `x` as a tensor (N, inputs) of the dtype and device of the parameters.

        Raises
        ------
        ArgumentError
            If it has another shape.
        """
        x = as_tensor(x, like=self._example)
        if x.ndim != 2 or x.shape[1] != self.n_columns:
            raise ArgumentError(
                f"`x` must have shape (N, {self.n_columns}) for width={written(self.width)}; got {tuple(x.shape)}."
            )
        return x

    def note_input(self, x: Tensor) -> None:
        """Take `x` for the last input, as after a forward pass: activations and scores are computed anew."""
        self.cache_data = x.detach()
        self._recorded.clear()

    def set_reference(self, x: Any) -> None:
        """Choose the data that attribution, pruning and symbolic fitting refer to."""
        self.note_input(self.checked_input(x))
        self._reference = self.cache_data

    def read_from(self) -> tuple[list[Tensor], list[Any]]:
        """Return what activations and scores depend on: tensors, and other objects."""
        data = [self.cache_data, self._reference]
        tensors = [*(entry for entry in data if entry is not None), *self.parameters(), *self.buffers()]
        return tensors, [entry is None for entry in data]

    def reference_data(self, x: Any = None) -> Tensor:
        """Return `x`, or else the data last trained on or given to `get_act`, or else the last input.

        Raises
        ------
        StateError
            If there is none.
        """
        if isinstance(x, Mapping):
            if "train_input" not in x:
                raise ArgumentError(f"a data set must hold 'train_input'; got {sorted(map(str, x))}.")
            x = x["train_input"]
        if x is not None:
            return self.checked_input(x)
        data = self.cache_data if self._reference is None else self._reference
        if data is None:
            raise StateError("the model has not seen any data yet: call `model(x)` or `model.get_act(x)` first.")
        return data.to(device=self.device, dtype=self.dtype)

    def draw_stream(self) -> torch.Generator:
        """Return the model's next stream of random numbers: reproducible, and never the same twice."""
        self._draws += 1
        return stream(self.seed, self._draws)
