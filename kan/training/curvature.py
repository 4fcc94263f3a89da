"""The inverse Hessian of limited-memory BFGS in compact form.

With the pairs s_i, y_i as columns of S and Y, R the upper triangle of S'Y (older pairs first) and gamma the initial
scale, the product of the inverse Hessian and the gradient g is

    H g = gamma (g - Y u) + S R^-T (D u + gamma (Y'Y u - Y'g)),   u = R^-1 S'g,   D = diag(S'Y)

(Byrd, Nocedal & Schnabel 1994, *Mathematical Programming* 63, equation 3.1; it equals the two-loop recursion,
algorithm 7.4 of Nocedal & Wright). Here everything of the size of the model happens in one product of the stored
pairs with three vectors and one linear combination of them, instead of four passes over every pair; the rest works
on matrices of the size of the history.

Two details keep it short. Pairs are stored divided by sqrt(s'y), which makes D the identity and takes the scale
out of R even when steps shrink by ten orders of magnitude. And R^-1 itself is stored, by slot instead of by age: a
new pair adds one column, and the pair that it replaces leaves by setting its row and column to zero, because the
inverse of a trailing block of a triangular matrix is the trailing block of the inverse.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

DIRECTION, STEP, CHANGE, GRADIENT, PAIRS = range(5)
"""Rows of the table of vectors: d, s, y, g, and from PAIRS on s_0, y_0, s_1, y_1, ... of the stored pairs."""

SMALLEST_COSINE = 1e-10
"""A pair with a smaller cosine between s and y is rounding; Hessians of condition 1e16 still give 2e-8."""


class CurvatureHistory:
    """Stored pairs' inner products, from which the quasi-Newton direction's coefficients follow.

    The pairs themselves are rows of a table kept elsewhere. `products` is always the (rows, 3) matrix of inner
    products of the table's rows with s, y and g.

    Parameters
    ----------
    limit : int
        The largest number of pairs; the oldest one is replaced.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reset()

    def reset(self) -> None:
        """Forget every pair."""
        self.count = 0
        self._next = 0
        self._gamma = 1.0
        self._inverse = np.zeros((0, 0))  # R^-1 by slot
        self._changes = np.zeros((0, 0))  # Y'Y by slot
        self._dots = np.zeros(1)  # g'g, s_0'g, y_0'g, s_1'g, ...

    def see_gradient(self, products: Matrix) -> None:
        """Take in the current gradient's products with itself and the stored pairs."""
        self._dots[: 1 + 2 * self.count] = products[GRADIENT:, 2]

    def add(self, products: Matrix, *, smallest: float) -> tuple[int, float] | None:
        """Add the pair (s, y) if its curvature is positive.

        Parameters
        ----------
        products : array, shape (4 + 2 count, 3)
            Inner products at the accepted point.
        smallest : float
            The pair is left out unless s'y exceeds this.

        Returns
        -------
        (int, float) or None
            The slot to store the pair in and the factor to store it with; None where the pair is left out.
        """
        (step_step, step_change, step_gradient), (_, change_change, change_gradient) = products[STEP:GRADIENT].tolist()
        if not (step_change > smallest and step_change > SMALLEST_COSINE * math.sqrt(step_step * change_change)):
            return None
        scale = 1.0 / math.sqrt(step_change)
        slot = self._next
        if slot == len(self._inverse):
            self._grow()
        inverse, changes = self._inverse, self._changes
        column = np.zeros((len(inverse), 2))
        column[: self.count] = products[PAIRS:, 1].reshape(self.count, 2)
        column *= scale
        inverse[slot] = 0.0
        column[slot, 0] = 0.0
        inverse[:, slot] = -inverse.dot(column[:, 0])
        inverse[slot, slot] = 1.0
        changes[slot] = changes[:, slot] = column[:, 1]
        changes[slot, slot] = change_change * scale * scale
        self._dots[1 + 2 * slot] = step_gradient * scale
        self._dots[2 + 2 * slot] = change_gradient * scale
        self._gamma = step_change / change_change
        self.count = max(self.count, slot + 1)
        self._next = (slot + 1) % self.limit
        return slot, scale

    def direction(self) -> tuple[Matrix, float]:
        """Return what the direction -H g is made of.

        Returns
        -------
        array, shape (1 + 2 count,)
            The coefficients of g, s_0, y_0, s_1, y_1, ...
        float
            The direction's product with g, by linearity from the products that are known.
        """
        count, gamma = self.count, self._gamma
        inverse = self._inverse[:count, :count]
        dots = self._dots[: 1 + 2 * count]
        u = inverse.dot(dots[1::2])
        result = np.empty(1 + 2 * count)
        result[0] = -gamma
        result[1::2] = -inverse.T.dot(u + gamma * (self._changes[:count, :count].dot(u) - dots[2::2]))
        result[2::2] = gamma * u
        return result, float(result.dot(dots))

    def _grow(self) -> None:
        """Double the number of slots."""
        old = len(self._inverse)
        more = min(max(2 * old, 8), self.limit) - old
        self._inverse = np.pad(self._inverse, (0, more))
        self._changes = np.pad(self._changes, (0, more))
        self._dots = np.pad(self._dots, (0, 2 * more))

    def export(self) -> dict[str, Any]:
        """Return the numbers that :meth:`restore` needs, as copies."""
        return {
            "count": self.count,
            "next": self._next,
            "gamma": self._gamma,
            "inverse": self._inverse[: self.count, : self.count].copy(),
            "changes": self._changes[: self.count, : self.count].copy(),
        }

    def restore(self, exported: dict[str, Any]) -> None:
        """Take over what :meth:`export` returned."""
        self.count, self._next, self._gamma = exported["count"], exported["next"], exported["gamma"]
        self._inverse = np.array(exported["inverse"], dtype=np.float64)
        self._changes = np.array(exported["changes"], dtype=np.float64)
        self._dots = np.zeros(1 + 2 * self.count)
