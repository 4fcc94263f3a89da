"""The objective of a fit as a sum of squares, for Levenberg-Marquardt.

The errors of the network are the squares; their Jacobian is that of `kan.network.jacobian`, multiplied out over pieces
of moderate size. Penalties enter the model by their majoriser (`kan.training.majoriser`), the value that decides on a
step is the exact one.

Networks in single precision are computed in double precision here, with parameters rounded to single after every step:
differences of residuals, of which second derivatives are made, would drown in rounding otherwise.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.network import Adjoint, Jacobian, Network
from kan.training.flat_vectors import copy_all
from kan.training.majoriser import add_penalty
from kan.training.objective import AdjointPoint, Objective
from kan.training.penalties import DEFAULT_METRIC
from kan.training.quadratic import Quadratic, add_products

# The share of a step at which residuals are evaluated for their second derivative along it.
_PROBE = 0.1
# Numbers of the Jacobian that are in memory at a time.
_MOST_NUMBERS = 2**24
# Numbers in the memory of one layer, beyond which least squares are not for this network and data.
_MOST_NUMBERS_OF_LAYER = 2**26


def squares_at(objective: Objective, x: Tensor, y: Tensor) -> SquaresPoint:
    """Return an objective at some data as a sum of squares, valid until the grids move.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    if objective.loss_fn is not None or objective.pred_fn is not None:
        given = "loss_fn" if objective.loss_fn is not None else "pred_fn"
        raise ArgumentError(
            f"opt='LM' minimises the mean square error of the model's output and cannot use `{given}`. Leave it out, "
            "use opt='LBFGS', or train with `kan.LevenbergMarquardt` and a function that returns residuals."
        )
    if objective.lamb and objective.penalty_weights.get("reg_metric", DEFAULT_METRIC) != DEFAULT_METRIC:
        raise ArgumentError(f"opt='LM' with `lamb` needs reg_metric={DEFAULT_METRIC!r}; or use opt='LBFGS'.")
    network = objective.network
    if network.dtype == torch.float32:
        network = copy.deepcopy(network).double()
    prepared = network.prepare(x)
    if not (objective.is_plain and Adjoint.applies(network, prepared, most_numbers=_MOST_NUMBERS_OF_LAYER)):
        raise ArgumentError(
            "opt='LM' needs a KAN of degree k >= 2 in single or double precision, without a forward pass or layers of "
            "its own; use opt='LBFGS' for this one."
        )
    point = AdjointPoint(replace(objective, network=network), objective.lamb, prepared, y.double())
    return SquaresPoint(point, objective.network)


class SquaresPoint:
    """Mean square error plus penalty of a network on some data, as `kan.training.quadratic.LeastSquares`.

    Parameters
    ----------
    point : AdjointPoint
        The objective, in double precision.
    network : Network
        The network of which that is the objective: the same, or the one in single precision.
    """

    def __init__(self, point: AdjointPoint, network: Network) -> None:
        self._point, self._network = point, network
        self._twin = point.objective.network
        self._unit = point.y.numel() ** -0.5
        self._errors = point.errors()
        self._jacobian = Jacobian(point.adjoint)
        self._parameters: list[Tensor] = list(network.parameters())
        self._computed: list[Tensor] = list(self._twin.parameters())
        width = max(1, min(len(point.y), _MOST_NUMBERS // (self._jacobian.size + 1)))
        self._rows = point.y.new_empty(self._jacobian.size + 1, width)
        self._is_whole = point.y.numel() <= width

    def terms(self) -> tuple[Tensor, Tensor]:
        """Return loss and penalty."""
        return self._point.terms()

    @torch.no_grad()
    def read(self) -> Tensor:
        """Return the trained numbers (P,)."""
        if self._twin is not self._network:
            copy_all(self._computed, self._parameters)
        return self._jacobian.read()

    @torch.no_grad()
    def write(self, numbers: Tensor) -> None:
        """Set the trained numbers, as precisely as the network holds them."""
        self._jacobian.write(numbers)
        if self._twin is not self._network:
            copy_all(self._parameters, self._computed)
            copy_all(self._computed, self._parameters)

    def value(self) -> float:
        """Return the objective."""
        loss, penalty = self._point.terms()
        return float(loss + self._point.lamb * penalty)

    @torch.no_grad()
    def model(self) -> Quadratic:
        """Return objective and model."""
        self._errors = self._point.errors()
        size = self._jacobian.size
        total = self._rows.new_zeros(size + 1, size + 1)
        for rows, output, columns in self._pieces():
            rows[-1] = self._errors[output, columns]
            add_products(rows, total)
        self._factors = self._jacobian.factors() * self._unit
        gradient = total[-1, :-1] * self._unit * self._factors
        curvature = total[:-1, :-1] * self._factors[:, None] * self._factors
        unit = float(curvature.diagonal().max()) if size else 0.0
        value = float(total[-1, -1]) * self._unit**2
        if self._point.lamb:
            value += add_penalty(self._point, self._jacobian, gradient, curvature)
        return Quadratic(value, gradient, curvature, unit)

    @torch.no_grad()
    def bend(self, start: Tensor, move: Tensor) -> Tensor:
        """Return the Jacobian at `start` times the second derivative of the errors along `move`."""
        self.write(start + _PROBE * move)
        change = (self._point.errors() - self._errors) / _PROBE
        if not self._is_whole:
            self.write(start)
            self._point.adjoint.forward()
        factors = self._factors / self._unit
        along, result = move * factors, torch.zeros_like(move)
        for rows, output, columns in self._pieces(again=True):
            second = (change[output, columns] - along @ rows[:-1]) * (2 / _PROBE)
            result += rows[:-1] @ second
        return result * factors * self._unit**2

    def _pieces(self, *, again: bool = False) -> Iterator[tuple[Tensor, int, slice]]:
        """Yield the Jacobian at the last forward pass in pieces of moderate size: rows, their output, their samples."""
        outputs, samples = self._errors.shape
        for output in range(outputs):
            if not (again and self._is_whole):
                signals = self._jacobian.signals(output)
            for start in range(0, samples, self._rows.shape[1]):
                columns = slice(start, min(start + self._rows.shape[1], samples))
                rows = self._rows[:, : columns.stop - columns.start]
                if not (again and self._is_whole):
                    self._jacobian.fill(rows[:-1], signals, columns)
                yield rows, output, columns
