"""Levenberg-Marquardt, for objectives that are sums of squares.

Near its minimum a sum of squares is known to second order from first derivatives of its residuals alone; a small KAN
with data is such a sum, and a step on this model is worth hundreds of gradient steps. The damping follows the ratio of
what a step gained to what the model promised (Nielsen 1999, *Damping parameter in Marquardt's method*, IMM-REP-1999-05;
Nocedal & Wright, *Numerical Optimization*, ch. 10.3). `kan.training.quadratic` solves for the step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from kan.common.errors import ArgumentError
from kan.training.one_group import OneGroupOptimiser
from kan.training.quadratic import LeastSquares, NormalEquations

# A second-order correction longer than this share of the step says that the step is too long for its model.
_MOST_BEND = 0.75
_LEAST_DAMPING, _MOST_DAMPING = 1e-14, 1e14


class LevenbergMarquardt(OneGroupOptimiser):
    """Levenberg-Marquardt."""

    def __init__(self, params: Iterable[Any], lr: float = 1.0, damping: float = 1e-2, max_tries: int = 12) -> None:
        for name, value in {"lr": lr, "damping": damping, "max_tries": max_tries}.items():
            if not value > 0:
                raise ArgumentError(f"`{name}` must be positive; got {value!r}.")
        super().__init__(params, {"lr": lr, "damping": damping, "max_tries": max_tries})

    @property
    def _record(self) -> dict[str, Any]:
        """What outlives a step, kept with the first parameter."""
        group = self.param_groups[0]
        record = self.state[group["params"][0]]
        if not record:
            record.update(damping=group["damping"], growth=2.0, loss=math.nan, stagnated=False, n_iter=0)
        return record

    @property
    def stagnated(self) -> bool:
        """Whether the last step could not lower the objective any more."""
        return bool(self._record["stagnated"])

    @torch.no_grad()
    def advance(self, objective: LeastSquares) -> float:
        """Take one step."""
        record, group = self._record, self.param_groups[0]
        start, model = objective.read(), objective.model()
        record["n_iter"] += 1
        record["loss"], record["stagnated"] = model.value, True
        if not math.isfinite(model.value):
            return model.value
        equations = NormalEquations(model)
        try:
            for _ in range(group["max_tries"]):
                if record["damping"] > _MOST_DAMPING:
                    break
                if not equations.factorise(record["damping"]):
                    self._reject()
                    continue
                move = equations.solve(model.gradient)
                promised = model.gain(move)
                correction = equations.solve(objective.bend(start, move)) / 2
                if not 2 * equations.length(correction) <= _MOST_BEND * equations.length(move):
                    self._reject()
                    continue
                move += correction
                objective.write(start + move)
                value = objective.value()
                if value < model.value and promised > 0:
                    self._accept((model.value - value) / promised)
                    record["loss"], record["stagnated"] = value, False
                    return model.value
                self._reject()
        except BaseException:
            objective.write(start)
            raise
        objective.write(start)
        return model.value

    def _accept(self, ratio: float) -> None:
        """Relax the damping where the model was right."""
        record = self._record
        shrink = max(1 / 3, 1 - (2 * ratio - 1) ** 3)
        record["damping"] = max(record["damping"] * shrink, _LEAST_DAMPING)
        record["growth"] = 2.0

    def _reject(self) -> None:
        """Raise the damping, faster every time."""
        record = self._record
        record["damping"] *= record["growth"]
        record["growth"] *= 2
