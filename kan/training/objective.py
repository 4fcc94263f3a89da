"""What a fit minimises: the loss of the prediction plus `lamb` times the penalty, and its gradient.

There are two ways to the same numbers. `Objective` goes through autograd, whatever the model, the loss and the penalty
are. Where the prediction is a plain network's output and the penalty the usual one, `AdjointObjective` takes the
passes of `kan.network.adjoint`; `Objective.at` chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError
from kan.network import Adjoint, Network, Prepared
from kan.training.least_squares import NetworkSquares
from kan.training.penalties import DEFAULT_METRIC, INPUT_FLOOR, coefficient_penalty, penalty
from kan.training.sparsity import SparsityWeights, spline_sparsity

# Numbers in the memory of one layer, beyond which least squares are not for this network.
_MOST_NUMBERS = 2**26

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """Loss plus `lamb` times penalty, as a function of the network's parameters.

    Attributes
    ----------
    loss_fn : callable or None
        None is the mean square error.
    pred_fn : callable or None
        None is the network's output.
    lamb : float
    penalty_weights, singularity : dict
        Keyword arguments of `penalty` and of `Network.forward`.
    """

    network: Network
    loss_fn: LossFunction | None
    pred_fn: Callable[[Tensor], Tensor] | None
    lamb: float
    penalty_weights: dict[str, Any]
    singularity: dict[str, Any]

    @property
    def is_plain(self) -> bool:
        """Whether the prediction is the network's output, and neither the user's `pred_fn` nor a class's `forward`."""
        return self.pred_fn is None and type(self.network).forward is Network.forward

    def at(self, x: Tensor, y: Tensor, *, repeatedly: bool, penalised: bool = True) -> Point | AdjointPoint:
        """Return the objective at some data, valid until the grids move.

        With `repeatedly`, for many evaluations: what stays the same is computed once.
        """
        lamb = self.lamb if penalised else 0.0
        if not (repeatedly and self.is_plain):
            return Point(self, lamb, x, y)
        prepared = self.network.prepare(x)
        usual = not lamb or self.penalty_weights.get("reg_metric", DEFAULT_METRIC) == DEFAULT_METRIC
        if usual and Adjoint.applies(self.network, prepared):
            return AdjointPoint(self, lamb, prepared, y)
        return Point(self, lamb, x, y, prepared)

    def squares_at(self, x: Tensor, y: Tensor) -> AdjointPoint:
        """Return the objective at some data as a sum of squares, valid until the grids move.

        Raises
        ------
        ArgumentError
            If it is none.
        """
        if self.loss_fn is not None or self.pred_fn is not None:
            given = "loss_fn" if self.loss_fn is not None else "pred_fn"
            raise ArgumentError(
                f"opt='LM' minimises the mean square error of the model's output and cannot use `{given}`. Leave it "
                "out, use opt='LBFGS', or train with `kan.LevenbergMarquardt` and a function that returns residuals."
            )
        if self.lamb and self.penalty_weights.get("reg_metric", DEFAULT_METRIC) != DEFAULT_METRIC:
            raise ArgumentError(f"opt='LM' with `lamb` needs reg_metric={DEFAULT_METRIC!r}; or use opt='LBFGS'.")
        prepared = self.network.prepare(x)
        if not (self.is_plain and Adjoint.applies(self.network, prepared, most_numbers=_MOST_NUMBERS)):
            raise ArgumentError(
                "opt='LM' needs a KAN of degree k >= 2 in single or double precision, without a forward pass or layers "
                "of its own; use opt='LBFGS' for this one."
            )
        return AdjointPoint(self, self.lamb, prepared, y)

    def loss(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Return the loss: by default the mean square error."""
        return nn.functional.mse_loss(prediction, y) if self.loss_fn is None else self.loss_fn(prediction, y)


class Point:
    """The objective at some data, by autograd.

    Attributes
    ----------
    x, y : Tensor
        Inputs and labels.
    """

    def __init__(self, objective: Objective, lamb: float, x: Tensor, y: Tensor, prepared: Prepared | None = None):
        self.objective, self.lamb, self.x, self.y, self._prepared = objective, lamb, x, y, prepared

    def terms(self) -> tuple[Tensor, Tensor]:
        """Return loss and penalty."""
        objective, network = self.objective, self.objective.network
        if not self.lamb:
            return objective.loss(self._predict(), self.y), torch.zeros((), device=network.device)
        trace = network.trace(self.x if self._prepared is None else self._prepared, **objective.singularity)
        prediction = trace.output if objective.is_plain else self._predict()
        return objective.loss(prediction, self.y), penalty(network, trace, **objective.penalty_weights)

    def differentiate(self) -> Tensor:
        """Add the gradient to the parameters' own, and return the value."""
        loss, reg = self.terms()
        total = loss + self.lamb * reg if self.lamb else loss
        total.backward()
        return total

    def _predict(self) -> Tensor:
        """Return the prediction."""
        objective = self.objective
        if objective.pred_fn is not None:
            return objective.pred_fn(self.x)
        if self._prepared is None:
            result: Tensor = objective.network(self.x, **objective.singularity)
            return result
        return objective.network.predict(self._prepared, **objective.singularity)


class AdjointPoint:
    """The same by the adjoint passes, for plain networks, any loss, and the default measure of edges."""

    def __init__(self, objective: Objective, lamb: float, prepared: Prepared, y: Tensor) -> None:
        self.objective, self.lamb, self.y = objective, lamb, y
        options = dict(objective.penalty_weights)
        options.pop("reg_metric", None)
        self._coefficients = {name: options.pop(name, 0.0) for name in ("lamb_coef", "lamb_coefdiff")}
        self._weights = SparsityWeights(
            options.get("lamb_l1", 1.0), options.get("lamb_entropy", 2.0), options.get("entropy_offset", 1e-4)
        )
        self._adjoint = Adjoint(
            objective.network, prepared, with_variances=bool(lamb), singularity=objective.singularity
        )

    def terms(self) -> tuple[Tensor, Tensor]:
        """Return loss and penalty."""
        prediction = self._adjoint.forward().T
        if self.objective.loss_fn is not None:
            prediction = prediction.contiguous()
        reg, _ = self._penalty(with_gradients=False)
        return self.objective.loss(prediction, self.y), reg

    def differentiate(self) -> Tensor:
        """Add the gradient to the parameters' own, and return the value."""
        loss, of_outputs = self._loss(self._adjoint.forward())
        reg, of_layers = self._penalty(with_gradients=True)
        for parameter, gradient in self._adjoint.backward(of_outputs, of_layers):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        return loss + self.lamb * reg if self.lamb else loss

    @cached_property
    def squares(self) -> NetworkSquares:
        """The objective as a sum of squares."""
        return NetworkSquares(self._adjoint, self.y)

    def _loss(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and its gradient with respect to the outputs (outputs, N)."""
        if self.objective.loss_fn is None:
            residual = outputs - self.y.T
            return residual.square().mean(), residual * (2 / residual.numel())
        prediction = outputs.T.contiguous().requires_grad_()
        loss = self.objective.loss_fn(prediction, self.y)
        # Also to the parameters, where the user's loss depends on them by itself.
        loss.backward()
        gradient = prediction.grad
        return loss.detach(), torch.zeros_like(outputs) if gradient is None else gradient.T

    def _penalty(self, *, with_gradients: bool) -> tuple[Tensor, list[tuple[Tensor, Tensor | None]] | None]:
        """Return the penalty; and `lamb` times its gradients for every layer, those of coefficients left with them."""
        network = self.objective.network
        total = torch.zeros((), dtype=network.dtype, device=network.device)
        if not self.lamb:
            return total, None
        of_layers: list[tuple[Tensor, Tensor | None]] = []
        for index, layer in enumerate(self._adjoint.layers):
            assert layer.variances is not None
            value, (of_variances, of_inputs) = spline_sparsity(
                layer.variances, layer.inputs, self._weights, floor=INPUT_FLOOR, for_inputs=with_gradients and index > 0
            )
            total = total + value
            if with_gradients:
                of_layers.append((self.lamb * of_variances, None if of_inputs is None else self.lamb * of_inputs))
        if any(self._coefficients.values()):
            coefficients = coefficient_penalty(network, **self._coefficients)
            if with_gradients:
                (self.lamb * coefficients).backward()
            total = total + coefficients.detach()
        return total, of_layers
