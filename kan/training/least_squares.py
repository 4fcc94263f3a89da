"""The objective of a fit as a sum of squares, for Levenberg-Marquardt.

The errors of the network are the squares; their Jacobian is that of `kan.network.jacobian`, multiplied out in pieces of
moderate size. Penalties enter the model by their majoriser (`kan.training.majoriser`); the value that decides on a step
is the exact one. A term of negligible weight (`kan.training.smoothness`) decides where the data do not, and steps that
leave the grids of hidden layers are damped more than others (`kan.training.reach`).

Networks in single precision are computed in double precision here, with parameters rounded to single at every step:
differences of errors, of which second derivatives are made, would drown in rounding otherwise. Other predictions than a
plain network's go through `kan.training.residuals`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.common.precision import has_double, to_double
from kan.layers import KANLayer
from kan.network import Adjoint, Jacobian, Network
from kan.training.flat_vectors import copy_all
from kan.training.majoriser import add_penalty
from kan.training.objective import AdjointPoint, Objective, Point
from kan.training.penalties import DEFAULT_METRIC
from kan.training.quadratic import PROBE, Quadratic, add_products
from kan.training.reach import reach
from kan.training.residuals import ResidualSquares
from kan.training.smoothness import Smoothness

# Numbers of the Jacobian that are in memory at a time.
_MOST_NUMBERS = 2**24
# Numbers in the memory of one layer, beyond which least squares are not for this network and data.
_MOST_NUMBERS_OF_LAYER = 2**26


def check_squares(objective: Objective) -> None:
    """Raise an ArgumentError for what makes an objective no sum of squares on any data."""
    network = objective.network
    if objective.loss_fn is not None:
        raise ArgumentError(
            "opt='LM' minimises mean square errors and cannot use `loss_fn`. Leave it out, use opt='LBFGS', or train "
            "with `kan.LevenbergMarquardt` and a function that returns residuals."
        )
    if not objective.lamb:
        return
    no_samples = torch.empty(network.width_in[0], 0, dtype=network.dtype, device=network.device)
    if not (isinstance(network, Network) and _is_usual(objective) and Adjoint.applies(network, no_samples)):
        raise ArgumentError(
            "opt='LM' knows penalties of KANs of degree k >= 2 in single or double precision, without a forward pass, "
            f"layers, `pred_fn` or `get_reg` of their own, for reg_metric={DEFAULT_METRIC!r}; use lamb=0, or "
            "opt='LBFGS'."
        )


def squares_at(objective: Objective, x: Tensor, y: Tensor) -> SquaresPoint | PredictedSquares:
    """Return an objective at some data as a sum of squares, valid until the grids move.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    check_squares(objective)
    network = objective.network
    if isinstance(network, Network) and _is_usual(objective):
        twin = _twin(network) if network.dtype == torch.float32 else network
        prepared = twin.prepare(x)
        if Adjoint.applies(twin, prepared, most_numbers=_MOST_NUMBERS_OF_LAYER):
            return SquaresPoint(
                AdjointPoint(replace(objective, network=twin), objective.lamb, prepared, to_double(y)), network
            )
    if objective.lamb:
        raise ArgumentError(
            f"opt='LM' with penalties takes at most {_MOST_NUMBERS_OF_LAYER} samples times knots of a layer; got "
            f"{len(x)} samples. Train on batches (`batch=`), or with opt='LBFGS'."
        )
    return PredictedSquares(objective, x, y)


def _twin(network: Network) -> Network:
    """Return a copy in double precision."""
    twin = copy.deepcopy(network)
    return (twin if has_double(network.device) else twin.cpu()).double()


def _is_usual(objective: Objective) -> bool:
    """Whether the prediction is that of a network's layers, and the model of the penalty, if there is one, is known."""
    usual = objective.own_penalty is None and objective.has_usual_metric
    return objective.is_plain and (usual or not objective.lamb)


class PredictedSquares(ResidualSquares):
    """Mean square error of any prediction: a user's own, a subclass's, a perceptron's."""

    def __init__(self, objective: Objective, x: Tensor, y: Tensor) -> None:
        self._point = Point(objective, 0.0, x, y)
        network = objective.network
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        layers = [layer for layer in network.modules() if isinstance(layer, KANLayer)]
        super().__init__(trained, layers, lambda: self._point.errors() * y.numel() ** -0.5)

    def terms(self) -> tuple[Tensor, Tensor]:
        """Return loss and penalty."""
        return self._point.terms()


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
        self._twin = point.network
        self._unit = point.y.numel() ** -0.5
        self._errors = point.errors()
        self._seen: Tensor | None = None  # the parameters of the last forward pass
        self._jacobian = Jacobian(point.adjoint)
        self._smoothness = Smoothness(list(self._twin.act_fun), self._jacobian)
        self._parameters: list[Tensor] = list(network.parameters())
        self._computed: list[Tensor] = list(self._twin.parameters())
        width = max(1, min(len(point.y), _MOST_NUMBERS // (self._jacobian.size + 1)))
        self._rows = point.y.new_empty(self._jacobian.size + 1, width)
        self._is_whole = point.y.numel() <= width

    @torch.no_grad()
    def terms(self) -> tuple[Tensor, Tensor]:
        """Return loss and penalty."""
        loss = self._evaluate().square().mean()
        return loss, self._point.penalty()

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

    @torch.no_grad()
    def value(self) -> float:
        """Return the objective."""
        loss, penalty = self.terms()
        return float(loss + self._point.lamb * penalty) + self._smoothness.value()

    @torch.no_grad()
    def model(self) -> Quadratic:
        """Return objective and model."""
        self._base = self._evaluate()
        size = self._jacobian.size
        total = self._rows.new_zeros(size + 1, size + 1)
        for rows, output, columns in self._pieces():
            rows[-1] = self._base[output, columns]
            add_products(rows, total)
        self._factors = self._jacobian.factors() * self._unit
        gradient = total[-1, :-1] * self._unit * self._factors
        curvature = total[:-1, :-1] * self._factors[:, None] * self._factors
        units = self._jacobian.units(curvature.diagonal())
        measure = reach(self._point.adjoint, self._jacobian, float(self._base.square().mean()))
        self._smoothness.weigh(curvature)
        self._smoothness.add_to(gradient, curvature)
        if self._point.lamb:
            add_penalty(self._point, self._jacobian, gradient, curvature)
        # Not from the products: a rounding more or less would look like a gain.
        return Quadratic(self.value(), gradient, curvature, units, measure)

    @torch.no_grad()
    def bend(self, start: Tensor, move: Tensor) -> Tensor:
        """Return the Jacobian at `start` times the second derivative of the errors along `move`."""
        self.write(start + PROBE * move)
        change = (self._evaluate() - self._base) / PROBE
        if not self._is_whole:
            self.write(start)
            self._evaluate()
        factors = self._factors / self._unit
        along, result = move * factors, torch.zeros_like(move)
        for rows, output, columns in self._pieces(again=True):
            second = (change[output, columns] - along @ rows[:-1]) * (2 / PROBE)
            result += rows[:-1] @ second
        return result * factors * self._unit**2

    def _evaluate(self) -> Tensor:
        """Return the errors (outputs, N), by a forward pass where parameters are others than at the last one."""
        now = torch.cat([parameter.reshape(-1) for parameter in self._computed])
        if self._seen is None or not torch.equal(now, self._seen):
            self._errors, self._seen = self._point.errors(), now
        return self._errors

    def _pieces(self, *, again: bool = False) -> Iterator[tuple[Tensor, int, slice]]:
        """Yield the Jacobian at the last forward pass in pieces of moderate size: rows, their output, their samples."""
        outputs, samples = self._base.shape
        for output in range(outputs):
            if not (again and self._is_whole):
                signals = self._jacobian.signals(output)
            for start in range(0, samples, self._rows.shape[1]):
                columns = slice(start, min(start + self._rows.shape[1], samples))
                rows = self._rows[:, : columns.stop - columns.start]
                if not (again and self._is_whole):
                    self._jacobian.fill(rows[:-1], signals, columns)
                yield rows, output, columns
