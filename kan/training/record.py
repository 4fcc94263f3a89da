"""What a training run leaves behind: one number per step and quantity, and the best parameters on request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kan.common.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    Results = dict[str, np.ndarray[Any, Any]]


class Record:
    """The numbers of every step.

    Parameters
    ----------
    shown : sequence of str, optional
        The quantities that the progress bar shows; by default losses and penalty.
    """

    def __init__(self, *, shown: Sequence[str] | None) -> None:
        self.values: dict[str, list[float]] = {}
        self.shown = shown

    def add(self, values: Mapping[str, float]) -> None:
        """Append the numbers of one step."""
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)

    def repeat(self) -> None:
        """Append the numbers of the last step once more."""
        for column in self.values.values():
            column.append(column[-1])

    def describe(self) -> str:
        """Return the line for the progress bar.

        Raises
        ------
        ArgumentError
            If a quantity to be shown is not recorded.
        """
        names = list(self.values) if self.shown is None else list(self.shown)
        if self.shown is None:
            names = [name for name in ("train_loss", "test_loss", "reg") if name in self.values]
        unknown = [name for name in names if name not in self.values]
        if unknown:
            raise ArgumentError(f"`display_metrics` must be among {sorted(self.values)}; got {unknown}.")
        return "| " + " | ".join(f"{name}: {self.values[name][-1]:.2e}" for name in names) + " |"

    def arrays(self) -> Results:
        """Return one 1-D array per quantity."""
        import numpy as np

        return {name: np.array(column) for name, column in self.values.items()}


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
                parameter.data = self.state[name].clone()
