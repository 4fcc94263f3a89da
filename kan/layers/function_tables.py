"""Tables of the functions of a symbolic layer, into which scripts write.

Checkpoints of a script's own, made as pykan 0.2.8 makes its files, are read by putting a name and three functions into
the tables of every edge. Here an edge has its function by name. So a function that is written in is taken by the name
that the edge has been given, if it computes the same, and is a function without a name otherwise; the two others, for
sympy and near singularities, must be those that belong to it, for they are not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

# Where functions are compared. Those that are not real for negative numbers have in common that they are NaN there.
_PROBES = (0.15, 0.3, 0.8, -0.55)


class Row(tuple):
    """The functions of one output's edges; what is written into it is handed on."""

    write: Callable[[int, Any], None]

    def __new__(cls, functions: Iterable[Callable[..., Any]], write: Callable[[int, Any], None]) -> Row:
        """Hold functions, and what takes others in their place."""
        row = super().__new__(cls, functions)
        row.write = write
        return row

    def __setitem__(self, i: int, function: Any) -> None:
        self.write(range(len(self))[i], function)


def compute_the_same(one: Callable[[Any], Any], other: Callable[[Any], Any]) -> bool:
    """Whether two functions, of tensors or of sympy's numbers, agree as far as numbers show.

    Examples
    --------
    >>> compute_the_same(torch.square, lambda x: x**2)
    True
    >>> import sympy
    >>> compute_the_same(sympy.sin, sympy.cos)
    False
    """
    try:
        first, second = _values(one), _values(other)
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return False
    return torch.allclose(first, second, rtol=1e-4, atol=1e-6, equal_nan=True)


def _values(function: Callable[[Any], Any]) -> torch.Tensor:
    """Return the values of a function of tensors or of sympy's numbers."""
    with torch.no_grad():
        try:
            value = function(torch.tensor(_PROBES, dtype=torch.float64))
            return torch.as_tensor(value, dtype=torch.float64).broadcast_to(len(_PROBES))
        except (TypeError, ValueError, AttributeError):  # sympy's functions take no tensors
            import sympy

            values = [complex(function(sympy.Float(probe))) for probe in _PROBES]
            return torch.tensor([value.real if value.imag == 0 else torch.nan for value in values], dtype=torch.float64)
