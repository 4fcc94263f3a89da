"""Sums of squares near a point: what a Levenberg-Marquardt step needs of them, and the step itself.

A sum of squares ``|r|^2`` with Jacobian J is, near a point, ``|r|^2 + 2 g'd + d'H d`` with ``g = J'r``, ``H = J'J``.
Both are accumulated over blocks of rows of any number, in double precision, so that memory is that of H and one block.

The normal equations are solved by Cholesky, with every unknown scaled to a unit diagonal (Marquardt 1963), which makes
steps independent of the units of the parameters, and damping relative to one. Unknowns on which hardly anything depends
(bases at a few samples, masked edges) are scaled less, so that damping holds them: scaled in full they run away, to
coefficients of 1e3 on data of size one, and more starts end in poor minima.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

# Rows of a product with its own transpose that are not worth halving any more.
_BLOCK = 128
# Unknowns count as at least this share of the one like them that the objective depends on most.
_FLOOR = 1e-4
PROBE = 0.1
"""The share of a step at which residuals are evaluated for their second derivative along it."""


class Quadratic(NamedTuple):
    """The model ``value + 2 gradient'd + d'curvature d`` of an objective.

    Attributes
    ----------
    value : float
    gradient : Tensor (P,)
        Half of the gradient.
    curvature : Tensor (P, P)
        Half of the Hessian; only the lower triangle counts.
    units : Tensor (P,)
        What every curvature is measured against: that of the unknown, among those like it, on which the sum of squares
        depends most.
    measure : Tensor (P, P), optional
        What damping holds a move d by besides its scaled length: ``d' measure d``.
    """

    value: float
    gradient: Tensor
    curvature: Tensor
    units: Tensor
    measure: Tensor | None = None

    def gain(self, move: Tensor) -> float:
        """Return how much the model falls with a move (P,)."""
        curved = torch.mv(self.curvature.tril(-1), move)
        square = 2 * curved.dot(move) + (self.curvature.diagonal() * move).dot(move)
        return -float(2 * self.gradient.dot(move) + square)


class LeastSquares(Protocol):
    """An objective that has such a model everywhere, as a function of numbers that it holds itself."""

    def read(self) -> Tensor:
        """Return the numbers (P,) in double precision."""

    def write(self, numbers: Tensor) -> None:
        """Set the numbers."""

    def value(self) -> float:
        """Return the objective."""

    def model(self) -> Quadratic:
        """Return objective and model."""

    def bend(self, start: Tensor, move: Tensor) -> Tensor:
        """Return half of the gradient that the residuals' second derivative along `move` adds, of the last model."""


def add_products(rows: Tensor, total: Tensor) -> None:
    """Add ``rows @ rows.T`` to the lower triangle of `total`, in half the operations of the whole."""
    count = len(rows)
    if count <= _BLOCK:
        total.addmm_(rows, rows.T)
        return
    half = count // 2
    add_products(rows[:half], total[:half, :half])
    add_products(rows[half:], total[half:, half:])
    total[half:, :half].addmm_(rows[half:], rows[:half].T)


def own_blocks(curvature: Tensor, edges: int) -> Tensor:
    """Return the curvature of every edge with itself (edges, B + 1, B + 1), a view."""
    size = len(curvature) // edges
    split = curvature.unflatten(0, (edges, size)).unflatten(2, (edges, size))
    return split.diagonal(dim1=0, dim2=2).permute(2, 0, 1)


class NormalEquations:
    """The damped normal equations of one model, for any damping.

    Parameters
    ----------
    model : Quadratic
    """

    def __init__(self, model: Quadratic) -> None:
        self.model = model
        diagonal = model.curvature.diagonal()
        least = _FLOOR * model.units
        self._inverse = diagonal.maximum(torch.where(least > 0, least, 1.0)).rsqrt()
        self._scaled = self._scale(model.curvature)
        self._damped = torch.eye(len(diagonal), dtype=diagonal.dtype, device=diagonal.device)
        if model.measure is not None:
            self._damped += self._scale(model.measure)

    def factorise(self, damping: float) -> bool:
        """Choose the damping; False where rounding makes the matrix indefinite, and more of it is needed."""
        self._factor, failed = torch.linalg.cholesky_ex(torch.add(self._scaled, self._damped, alpha=damping))
        return not failed

    def solve(self, gradient: Tensor) -> Tensor:
        """Return the move (P,) for half of a gradient (P,)."""
        scaled = torch.cholesky_solve((gradient * self._inverse)[:, None], self._factor)[:, 0]
        return -scaled * self._inverse

    def length(self, move: Tensor) -> float:
        """Return the length of a move by which damping holds it."""
        scaled = move / self._inverse
        return math.sqrt(float(scaled @ (self._damped @ scaled)))

    def _scale(self, matrix: Tensor) -> Tensor:
        """Return a matrix (P, P) for scaled unknowns."""
        return (matrix * self._inverse[:, None]).mul_(self._inverse)
