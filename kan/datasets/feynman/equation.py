"""One row of the table of equations, and the ranges that many of them share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

Range = tuple[float, float]

UNIT: Range = (0, 1)
SIGNED: Range = (-1, 1)
AWAY: Range = (0.5, 2)
TURN: Range = (0, 2 * math.pi)


def _root(x: Any) -> Any:
    """Return the square root of a tensor, or of a number with all its digits."""
    return torch.sqrt(x) if isinstance(x, Tensor) else math.sqrt(x)


_TORCH = SimpleNamespace(
    pi=math.pi,
    sqrt=_root,
    exp=torch.exp,
    log=torch.log,
    sin=torch.sin,
    cos=torch.cos,
    tanh=torch.tanh,
    asin=torch.asin,
    acos=torch.acos,
)


@dataclass(frozen=True)
class Equation:
    """An equation, and where to sample it.

    Attributes
    ----------
    number : int
        pykan's number.
    name : str
        Volume, chapter and number in the lectures, or a name, or another book and the number there.
    symbols : str
        The variables in order, as `sympy.symbols` reads them.
    ranges : tuple of pairs of float
        The lowest and highest value of every variable.
    formula : callable
        ``formula(f, *variables)``, with functions and pi taken from `f`: sympy, or its counterpart for tensors.
    aliases : tuple of str
        Other names: pykan's where it differs, and that of the database.
    """

    number: int
    name: str
    symbols: str
    ranges: tuple[Range, ...]
    formula: Callable[..., Any]
    aliases: tuple[str, ...] = ()

    def torch_function(self, x: Tensor) -> Tensor:
        """Evaluate the equation on samples: (N, variables) -> (N, 1)."""
        values: Tensor = self.formula(_TORCH, *x.split(1, dim=1))
        return values
