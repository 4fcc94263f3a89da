"""Which function an edge gets, when several fit it: the simplest of those that fit about as well as the best.

pykan adds up a loss for the complexity and a loss for the misfit, and takes the smallest sum. A short function that
does not fit, such as '0', can win that way. Here the same sum ranks the *adequate* functions only, those that leave not
much more of the edge's variance unexplained than the best one does. And since a function with more free parameters
always fits a bit better (a sine follows the errors of a spline that stands for a parabola), functions of the same
complexity are compared at equal numbers of parameters. What is then still alike goes by the order of the library ('sin'
before 'cos').
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kan.common.errors import check_number
from kan.symbolic.library import lookup
from kan.symbolic.shapes import Kind, shape_of

_WORST_RATIO = 10.0
"""An adequate function leaves at most this many times the unexplained share of the best one, ..."""
_WORST_GAP = 0.05
"""... explains at most this much less of the variance, ..."""
SPLINE_ERROR = 1e-5
"""... and a share below this, what a trained spline misses its function by, is never held against it."""
_TIE = 0.25
"""Of functions whose losses are as close as this much complexity makes them (one bit of misfit, a factor of two, with
the default weight), the simplest competes ..."""
_PARAMETER = 0.5
"""... with those of its own complexity, among which each free parameter counts as this much complexity; ..."""
_SAME = 0.025
"""... what is then this close is told apart by the order of the library, ..."""
_ROUNDING = 1e-6
"""... as is what differs by no more than rounding. Where complexity has no weight, r2 alone decides."""
_FREE_PARAMETERS = {
    Kind.CONSTANT: 1,
    Kind.LINEAR: 2,
    Kind.STEP: 3,
    Kind.KINK: 3,
    Kind.POWER: 3,
    Kind.EXPONENTIAL: 3,
    Kind.WAVE: 4,
    Kind.GENERAL: 4,
}

Loss = Callable[[Any], Any]


def r2_bits(r2: Any) -> Any:
    """Return the misfit in bits, pykan's default: ``log2(1 + 1e-5 - r2)``."""
    return np.log2(1 + 1e-5 - np.asarray(r2, dtype=float))


def complexity_bits(complexity: Any) -> Any:
    """Return the complexity in bits, pykan's default: as it stands in the library."""
    return complexity


@dataclass(frozen=True)
class Ranked:
    """One function for one edge, with what its rank is made of."""

    name: str
    r2: float
    r2_loss: float
    complexity: float
    complexity_loss: float
    loss: float
    adequate: bool


@dataclass(frozen=True)
class Preference:
    """How fit and simplicity are weighed."""

    r2_loss_fun: Loss = r2_bits
    c_loss_fun: Loss = complexity_bits
    weight_simple: float = 0.8

    def __post_init__(self) -> None:
        """Check the weight."""
        check_number("weight_simple", self.weight_simple, least=0, most=1)

    def rank(self, names: Sequence[str], r2: Sequence[float], complexity: Sequence[float]) -> list[Ranked]:
        """Return the functions, the best first; those that are not adequate come last."""
        r2_loss = np.asarray(self.r2_loss_fun(np.asarray(r2, dtype=float)), dtype=float)
        complexity_loss = np.asarray(self.c_loss_fun(np.asarray(complexity)), dtype=float)
        loss = self.weight_simple * complexity_loss + (1 - self.weight_simple) * r2_loss
        adequate = _adequate(np.asarray(r2, dtype=float))
        columns = (names, r2, r2_loss.tolist(), complexity, complexity_loss.tolist(), loss.tolist(), adequate.tolist())
        entries = [Ranked(*row) for row in zip(*columns)]
        entries.sort(key=lambda entry: (not entry.adequate, entry.loss))
        return self._settle_ties(entries, list(names))

    def _settle_ties(self, entries: list[Ranked], order: list[str]) -> list[Ranked]:
        """Put the one in front that is preferred among those about as good as the first."""
        best, order_of = entries[0].loss, {name: place for place, name in enumerate(order)}
        close = [entry for entry in entries if entry.adequate and entry.loss <= best + self.weight_simple * _TIE]
        complexity = min(entry.complexity for entry in close)
        alike = [entry for entry in entries if entry.adequate and entry.complexity == complexity]

        def with_parameters(entry: Ranked) -> float:
            return entry.loss + self.weight_simple * _PARAMETER * free_parameters(entry.name)

        limit = min(map(with_parameters, alike)) + self.weight_simple * _SAME + _ROUNDING
        first = min(
            (entry for entry in alike if with_parameters(entry) <= limit), key=lambda entry: order_of[entry.name]
        )
        return [first, *(entry for entry in entries if entry is not first)]


def free_parameters(name: str) -> int:
    """How many of a, b, c and d matter for a function: two for a line, three for a power, four for a sine."""
    like = torch.zeros((), dtype=torch.float64, device="cpu")
    return _FREE_PARAMETERS[shape_of(lookup(name).torch_fun, like=like).kind]


def _adequate(r2: Any) -> Any:
    """Tell which functions fit about as well as the best."""
    unexplained = 1 - r2
    best = unexplained.min()
    return unexplained <= max(SPLINE_ERROR, min(_WORST_RATIO * best, best + _WORST_GAP))
