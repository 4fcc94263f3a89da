"""A model's parameters and gradients as rows of one table, for optimisers that work on a single long vector.

The table's rows are the direction d, the step s, the gradient's change y, the gradient g and the stored pairs of
quasi-Newton methods (see `kan.training.curvature`), whatever the precision of the parameters in double precision, where
the device has it. One matrix product per evaluation gives every inner product that L-BFGS needs.

There are two kinds, with the same results up to rounding. `TensorVectors` uses torch on the parameters' device and
fetches its scalars with one transfer an evaluation. `ArrayVectors` does the arithmetic with numpy on the same memory:
on small models the time goes to the calls, and numpy's cost a third of torch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from kan.common.precision import to_like, widest
from kan.training.curvature import GRADIENT, PAIRS, STEP, Matrix

SMALL = 16384
"""Up to this many parameters numpy's sums of vectors are faster than torch's."""
UNTHREADED_ENTRIES = 9000
"""Matrices with more entries than this numpy may multiply with threads of its own, which then compete with the
threads that torch computes the model with; OpenBLAS starts them at 9216."""


def flat_vectors(parameters: Sequence[torch.Tensor]) -> TensorVectors:
    """Return the kind of vectors that suits the parameters' size and device."""
    on_host = all(parameter.device.type == "cpu" for parameter in parameters)
    small = sum(parameter.numel() for parameter in parameters) <= SMALL
    return ArrayVectors(parameters) if on_host and small else TensorVectors(parameters)


def layout_of(parameters: Sequence[torch.Tensor]) -> list[tuple[Any, ...]]:
    """Return what must stay as it is for vectors to remain valid: the parameters' shapes, dtypes and devices."""
    return [(parameter.shape, parameter.dtype, parameter.device) for parameter in parameters]


def copy_all(targets: list[torch.Tensor], sources: list[torch.Tensor]) -> None:
    """Copy tensors pairwise, whatever their dtypes and strides, in one call where they are on one device."""
    if targets and targets[0].device != sources[0].device:
        sources = [to_like(source, target) for target, source in zip(targets, sources)]
    torch._foreach_copy_(targets, sources)


def to_number(loss: Any) -> float:
    """Return a loss of one element, a tensor or a number, as a float."""
    return float(loss.item() if isinstance(loss, torch.Tensor) else loss)


class TensorVectors:
    """Points, gradients and directions of one optimisation, flattened.

    Parameters
    ----------
    parameters : sequence of torch.Tensor
        The parameters, of any floating dtypes and shapes; the vectors live on the first one's device.
    """

    def __init__(self, parameters: Sequence[torch.Tensor]) -> None:
        self.parameters = list(parameters)
        self.layout = layout_of(parameters)
        self.size = sum(parameter.numel() for parameter in parameters)
        device = parameters[0].device
        self.dtype = widest(device)
        self._precisions = {parameter.dtype for parameter in parameters}
        self._base = torch.zeros(5, self.size, dtype=self.dtype, device=device)
        self._point, self._moved, self._kept_point, self._start_gradient, self._kept_gradient = self._base
        self._point_views = self._views(self._point)
        self._moved_views = self._views(self._moved)
        self._table = torch.zeros(0, self.size, dtype=self.dtype, device=device)
        self.reserve(0)

    def _views(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """Return one view of the flat vector for each parameter, with its shape."""
        pieces = flat.split([parameter.numel() for parameter in self.parameters])
        return [piece.view(parameter.shape) for piece, parameter in zip(pieces, self.parameters)]

    def reserve(self, pairs: int) -> None:
        """Make the table large enough for this many pairs, keeping its rows."""
        table = torch.zeros(PAIRS + 2 * pairs, self.size, dtype=self.dtype, device=self._base.device)
        kept = min(len(self._table), len(table))
        table[:kept] = self._table[:kept]
        self._table = table
        self._gradient_views = self._views(table[GRADIENT])
        self._bind()

    def _bind(self) -> None:
        """Take new aliases after the table has moved."""
        self._direction, self._step, self._change, self._gradient = self._table[:PAIRS]
        self._measured = self._table[STEP:PAIRS].T

    @property
    def capacity(self) -> int:
        """The number of pairs for which there is room."""
        return (len(self._table) - PAIRS) // 2

    def read_parameters(self) -> None:
        """Make the parameters' values the current point."""
        copy_all(self._point_views, self.parameters)

    def _write_moved(self) -> None:
        """Set the parameters to the moved point, and the moved point to what their precision made of it."""
        if self._precisions != {self.dtype} and len(self._precisions) == 1:
            self._moved.copy_(self._moved.to(*self._precisions))
        copy_all(self.parameters, self._moved_views)
        if len(self._precisions) > 1:
            copy_all(self._moved_views, self.parameters)

    def read_gradients(self) -> None:
        """Collect the parameters' gradients; a missing one is zero."""
        gradients, views = [], []
        for parameter, view in zip(self.parameters, self._gradient_views):
            gradient = parameter.grad
            if gradient is None:
                view.zero_()
                continue
            gradients.append(gradient if gradient.layout is torch.strided else gradient.to_dense())
            views.append(view)
        if gradients:
            copy_all(views, gradients)

    def measure(self, loss: Any, pairs: int) -> tuple[float, Matrix]:
        """Return the loss as a number and the products of the table's rows with s, y and g."""
        torch.sub(self._gradient, self._start_gradient, out=self._change)
        products = self._table[: PAIRS + 2 * pairs] @ self._measured
        value = torch.as_tensor(loss).detach().to(products).reshape(1)
        numbers = torch.cat((products.reshape(-1), value)).cpu().double().numpy()
        return float(numbers[-1]), numbers[:-1].reshape(-1, 3)

    def steepest_descent(self) -> float:
        """Set the direction to -g and return the sum of |g|."""
        torch.neg(self._gradient, out=self._direction)
        return float(self._gradient.abs().sum())

    def combine(self, coefficients: Matrix) -> None:
        """Set the direction to a combination of g and the pairs."""
        weights = torch.from_numpy(coefficients).to(self._table)
        torch.mv(self._table[GRADIENT : GRADIENT + len(coefficients)].T, weights, out=self._direction)

    def move(self, step: float) -> None:
        """Set the parameters to the current point plus `step` times the direction."""
        torch.add(self._point, self._direction, alpha=step, out=self._moved)
        self._write_moved()
        torch.sub(self._moved, self._point, out=self._step)

    def keep(self) -> None:
        """Store the moved point and its gradient."""
        self._kept_point.copy_(self._moved)
        self._kept_gradient.copy_(self._gradient)

    def go_to_kept(self) -> None:
        """Return to the moved point that was stored last."""
        self._moved.copy_(self._kept_point)
        self._gradient.copy_(self._kept_gradient)
        self._write_moved()
        torch.sub(self._moved, self._point, out=self._step)
        torch.sub(self._gradient, self._start_gradient, out=self._change)

    def accept(self) -> None:
        """Make the moved point the current one."""
        self._point.copy_(self._moved)
        self.start()

    def start(self) -> None:
        """Make the gradient the one at the current point, from which changes are counted."""
        self._start_gradient.copy_(self._gradient)

    def return_to_point(self) -> None:
        """Set the parameters and the gradient to those of the current point."""
        copy_all(self.parameters, self._point_views)
        self._gradient.copy_(self._start_gradient)

    def store_pair(self, slot: int, scale: float) -> None:
        """Store s and y, scaled, as the pair of a slot."""
        row = PAIRS + 2 * slot
        torch.mul(self._table[STEP:GRADIENT], scale, out=self._table[row : row + 2])

    def largest(self, row: int) -> float:
        """Return the largest absolute value in a row of the table."""
        return float(self._table[row].abs().max())

    def export_pairs(self, pairs: int) -> torch.Tensor:
        """Return a copy of the stored pairs, shape (2 pairs, size)."""
        return self._table[PAIRS : PAIRS + 2 * pairs].clone()

    def import_pairs(self, rows: torch.Tensor) -> None:
        """Take over what :meth:`export_pairs` returned."""
        self.reserve(len(rows) // 2)
        self._table[PAIRS:] = to_like(rows, self._table)


class ArrayVectors(TensorVectors):
    """The same on the CPU's memory, with numpy's arithmetic."""

    def _bind(self) -> None:
        """Take numpy's aliases of the same memory."""
        super()._bind()
        self._rows = self._table.numpy()
        self._direction_row, self._step_row, self._change_row, self._gradient_row = self._rows[:PAIRS]
        self._measured_rows = self._rows[STEP:PAIRS].T
        (
            self._point_row,
            self._moved_row,
            self._kept_point_row,
            self._start_gradient_row,
            self._kept_gradient_row,
        ) = self._base.numpy()

    # Infinite gradients in a rejected trial are no reason for numpy to warn.
    @np.errstate(all="ignore")
    def measure(self, loss: Any, pairs: int) -> tuple[float, Matrix]:
        """See the base class."""
        np.subtract(self._gradient_row, self._start_gradient_row, out=self._change_row)
        rows = PAIRS + 2 * pairs
        if rows * self.size <= UNTHREADED_ENTRIES:
            return to_number(loss), self._rows[:rows].dot(self._measured_rows)
        return to_number(loss), (self._table[:rows] @ self._measured).numpy()

    def steepest_descent(self) -> float:
        """See the base class."""
        np.negative(self._gradient_row, out=self._direction_row)
        return float(np.abs(self._gradient_row).sum())

    def combine(self, coefficients: Matrix) -> None:
        """See the base class."""
        rows = len(coefficients)
        if rows * self.size <= UNTHREADED_ENTRIES:
            np.dot(coefficients, self._rows[GRADIENT : GRADIENT + rows], out=self._direction_row)
        else:
            super().combine(coefficients)

    def move(self, step: float) -> None:
        """See the base class."""
        np.multiply(self._direction_row, step, out=self._moved_row)
        self._moved_row += self._point_row
        self._write_moved()
        np.subtract(self._moved_row, self._point_row, out=self._step_row)

    def accept(self) -> None:
        """See the base class."""
        self._point_row[:] = self._moved_row
        self.start()

    def start(self) -> None:
        """See the base class."""
        self._start_gradient_row[:] = self._gradient_row

    def store_pair(self, slot: int, scale: float) -> None:
        """See the base class."""
        row = PAIRS + 2 * slot
        np.multiply(self._rows[STEP:GRADIENT], scale, out=self._rows[row : row + 2])
