"""What the optimisers of this library share: one group of real parameters, how the last step ended, no slow imports."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch

from kan.common.errors import ArgumentError


class OneGroupOptimiser(torch.optim.Optimizer):
    """An optimiser for one group of real, floating parameters."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the only group of parameters; called by the constructor."""
        name = type(self).__name__
        if self.param_groups:
            raise ArgumentError(f"{name} takes one group of parameters only; pass all parameters in one list.")
        # torch's methods of this name, and `zero_grad`, load torch's whole compiler (most of a second) to tell it to
        # leave them alone.
        inspect.unwrap(torch.optim.Optimizer.add_param_group)(self, param_group)
        for parameter in self.param_groups[0]["params"]:
            if not parameter.is_floating_point():
                raise ArgumentError(
                    f"{name} needs real floating-point parameters; got one of dtype {parameter.dtype}. "
                    "Split a complex parameter into its real and imaginary parts."
                )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or with ``set_to_none=False`` set them to zero."""
        for parameter in self.param_groups[0]["params"]:
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.detach_().zero_()

    @property
    def stagnated(self) -> bool:
        """Whether the last step could not lower what is minimised any more."""
        return bool(self.state.get(self._first, {}).get("stagnated", False))

    @property
    def last_loss(self) -> float:
        """The loss, or sum of squares, at the parameters as the last step left them; NaN before the first."""
        return float(self.state.get(self._first, {}).get("loss", math.nan))

    @property
    def _first(self) -> torch.Tensor:
        """The first parameter, whose state holds what belongs to all, as in torch's LBFGS."""
        first: torch.Tensor = self.param_groups[0]["params"][0]
        return first
