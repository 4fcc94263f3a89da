"""The objective of a fit as a sum of squares."""

from __future__ import annotations

import torch
from torch import Tensor

from kan.network import Adjoint, Jacobian
from kan.training.quadratic import Quadratic, add_products

# Numbers of the Jacobian that are in memory at a time.
_MOST_NUMBERS = 2**22


class NetworkSquares:
    """The mean square error of a network on some data.

    Parameters
    ----------
    adjoint : Adjoint
    y : Tensor (N, outputs)
    """

    def __init__(self, adjoint: Adjoint, y: Tensor) -> None:
        self._adjoint, self._labels = adjoint, y.T
        self._outputs = adjoint.forward()
        self._jacobian = Jacobian(adjoint)
        self._at: Tensor | None = None
        columns = max(1, min(len(y), _MOST_NUMBERS // (self._jacobian.size + 1)))
        self._rows = torch.empty(self._jacobian.size + 1, columns, dtype=torch.float64, device=y.device)
        self._unit = y.numel() ** -0.5

    def read(self) -> Tensor:
        """Return the trained numbers."""
        return self._jacobian.read()

    def write(self, numbers: Tensor) -> None:
        """Set the trained numbers."""
        self._jacobian.write(numbers)

    def value(self) -> float:
        """Return the objective."""
        return float(self._residual().square().sum())

    def model(self) -> Quadratic:
        """Return the model."""
        residual, size = self._residual(), self._jacobian.size
        total = self._rows.new_zeros(size + 1, size + 1)
        for output in range(len(residual)):
            signals = self._jacobian.signals(output)
            for columns in self._chunks(residual.shape[1]):
                rows = self._rows[:, : columns.stop - columns.start]
                self._jacobian.fill(rows[:-1], signals, columns)
                rows[-1] = residual[output, columns]
                add_products(rows, total)
        factors = self._jacobian.factors() * self._unit
        curvature = total[:-1, :-1] * factors[:, None] * factors
        return Quadratic(float(total[-1, -1]), total[-1, :-1] * factors, curvature)

    def _chunks(self, samples: int) -> list[slice]:
        """Return the pieces in which the Jacobian is made."""
        width = self._rows.shape[1]
        return [slice(start, min(start + width, samples)) for start in range(0, samples, width)]

    def _residual(self) -> Tensor:
        """Return the errors (outputs, N) in double precision, of which the objective is the sum of squares."""
        return (self._adjoint.forward() - self._labels).double() * self._unit
