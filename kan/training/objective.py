"""What a fit minimises: the loss of the prediction plus `lamb` times the penalty, and its gradient.

There are two ways to the same numbers. `Objective` goes through autograd, whatever the model, the loss and the penalty
are. Where the prediction is a plain network's output and the penalty the usual one, `AdjointPoint` takes the
passes of `kan.network.adjoint`; `Objective.at` chooses.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError
from kan.network import Adjoint, Model, Network, Prepared
from kan.network.trace import INPUT_FLOOR
from kan.training.penalties import DEFAULT_METRIC, REG_METRICS, coefficient_penalty, penalty
from kan.training.sparsity import InputSpread, SparsityWeights, spline_sparsity

LossFunction = Callable[[Tensor, Tensor], Tensor]
Prediction = Callable[[Tensor], Tensor]


def read_prediction(network: Model, pred_fn: Callable[..., Tensor] | None) -> Prediction | None:
    """Return a prediction of the user's own as a function of the inputs alone.

    Two forms are in use: ``pred_fn(x)``, and ``pred_fn(model, x)`` in pykan's notebooks.
    """
    if pred_fn is None:
        return None
    try:
        parameters = inspect.signature(pred_fn).parameters.values()
    except ValueError:  # a function of C tells no signature
        return pred_fn
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [entry for entry in parameters if entry.kind in positional and entry.default is entry.empty]
    return partial(pred_fn, network) if len(needed) == 2 else pred_fn


def read_loss(loss_fn: LossFunction | None) -> LossFunction | None:
    """Return a loss of the user's own as one that says so when it gives anything but one number.

    Raises
    ------
    ArgumentError
        When the loss is called.
    """
    if loss_fn is None:
        return None

    def loss(prediction: Tensor, y: Tensor) -> Tensor:
        value = loss_fn(prediction, y)
        if not isinstance(value, Tensor) or value.numel() != 1:
            got = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
            raise ArgumentError(f"`loss_fn` must return one number, as a tensor, such as the mean; got {got}.")
        return value

    return loss


def has_gradient_hooks(network: nn.Module) -> bool:
    """Whether functions of the user's wait for gradients of parameters: only autograd calls them."""
    return any(bool(entry._backward_hooks or entry._post_accumulate_grad_hooks) for entry in network.parameters())


@dataclass(frozen=True)
class Objective:
    """Loss plus `lamb` times penalty, as a function of the network's parameters.

    Attributes
    ----------
    network : Network
        Or another model, in a class derived from this one that knows its penalty.
    loss_fn : callable or None
        None is the mean square error.
    pred_fn : callable or None
        None is the network's output.
    lamb : float
    penalty_weights, singularity : dict
        Keyword arguments of `penalty` and of `Network.forward`.
    own_penalty : callable, optional
        The penalty of a model that defines it itself, of the last forward pass.
    """

    network: Model
    loss_fn: LossFunction | None
    pred_fn: Prediction | None
    lamb: float
    penalty_weights: dict[str, Any]
    singularity: dict[str, Any]
    own_penalty: Callable[[], Tensor] | None = None

    reg_metrics: ClassVar[Collection[str]] = REG_METRICS
    penalty: ClassVar[Callable[..., Tensor]] = staticmethod(penalty)

    @property
    def is_plain(self) -> bool:
        """Whether the prediction is the network's output, and neither the user's `pred_fn` nor a class's `forward`."""
        return self.pred_fn is None and self.network.has_plain_forward

    @property
    def has_usual_metric(self) -> bool:
        """Whether edges are measured by their variances, as the passes of `kan.network.adjoint` give them."""
        return self.penalty_weights.get("reg_metric", DEFAULT_METRIC) == DEFAULT_METRIC

    def at(self, x: Tensor, y: Tensor, *, repeatedly: bool, penalised: bool = True) -> Point | AdjointPoint:
        """Return the objective at some data, valid until the grids move.

        With `repeatedly`, for many evaluations: what stays the same is computed once.
        """
        lamb = self.lamb if penalised else 0.0
        network, objective = self.network, self
        if self.loss_fn is not None and self.is_plain:
            objective = replace(self, loss_fn=partial(self._own_loss, x))
        by_forward = not self.is_plain or (lamb > 0 and self.own_penalty is not None)
        if not repeatedly or by_forward or not isinstance(network, Network):
            return Point(objective, lamb, x, y)
        prepared = network.prepare(x)
        usual = self.has_usual_metric or not lamb
        if usual and not has_gradient_hooks(network) and Adjoint.applies(network, prepared):
            return AdjointPoint(objective, lamb, prepared, y)
        return Point(objective, lamb, x, y, prepared)

    def _own_loss(self, x: Tensor, prediction: Tensor, y: Tensor) -> Tensor:
        """Return the user's own loss; what it may read of the model is that of `x`, as after a forward pass."""
        assert self.loss_fn is not None
        self.network.note_input(x)
        return self.loss_fn(prediction, y)

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
        if objective.own_penalty is not None:
            return objective.loss(self._predict(), self.y), objective.own_penalty()
        trace = network.trace(self.x if self._prepared is None else self._prepared, **objective.singularity)
        prediction = trace.output if objective.is_plain else self._predict()
        return objective.loss(prediction, self.y), objective.penalty(network, trace, **objective.penalty_weights)

    def differentiate(self) -> Tensor:
        """Add the gradient to the parameters' own, and return the value."""
        loss, reg = self.terms()
        total = loss + self.lamb * reg if self.lamb else loss
        total.backward()
        return total

    def errors(self) -> Tensor:
        """Return what the predictions are off."""
        return self._predict() - self.y

    def _predict(self) -> Tensor:
        """Return the prediction."""
        objective = self.objective
        if objective.pred_fn is not None:
            prediction = objective.pred_fn(self.x)
            return prediction if objective.loss_fn is not None else self._checked(prediction)
        if self._prepared is None:
            result: Tensor = objective.network(self.x, **objective.singularity)
            return result
        return cast("Network", objective.network).predict_prepared(self._prepared, **objective.singularity)

    def _checked(self, prediction: Any) -> Tensor:
        """Return a prediction of the user's own as one that can be compared with the labels."""
        wanted = tuple(self.y.shape)
        if isinstance(prediction, Tensor) and (*prediction.shape, 1) == wanted:
            prediction = prediction[:, None]
        if not isinstance(prediction, Tensor) or tuple(prediction.shape) != wanted:
            got = tuple(prediction.shape) if isinstance(prediction, Tensor) else type(prediction).__name__
            raise ArgumentError(f"`pred_fn` must return the shape of the labels, {wanted}; got {got}.")
        if torch.is_grad_enabled() and not prediction.requires_grad:
            raise ArgumentError(
                "what `pred_fn` returns has no gradient with respect to the parameters; make derivatives with "
                "`create_graph=True`, as in batch_jacobian(model, x, create_graph=True)."
            )
        return prediction


class AdjointPoint:
    """The same by the adjoint passes, for plain networks, any loss, and the default measure of edges."""

    def __init__(self, objective: Objective, lamb: float, prepared: Prepared, y: Tensor) -> None:
        self.objective, self.lamb, self.y = objective, lamb, y
        self.network = cast("Network", objective.network)
        weights = dict(objective.penalty_weights)
        weights.pop("reg_metric", None)
        # All of them times `lamb`.
        self.coefficients = {name: lamb * weights.pop(name, 0.0) for name in ("lamb_coef", "lamb_coefdiff")}
        self._weights = SparsityWeights(**weights).times(lamb)
        self._data_spread = self._spread(prepared.inputs, 0)
        self._zero = torch.zeros((), dtype=self.network.dtype, device=self.network.device)
        self.adjoint = Adjoint(
            self.network,
            prepared,
            with_variances=bool(lamb),
            singularity=objective.singularity,
            only_trained_change=True,
        )

    def terms(self) -> tuple[Tensor, Tensor]:
        """Return loss and penalty."""
        prediction = self.adjoint.forward().T
        if self.objective.loss_fn is not None:
            prediction = prediction.contiguous()
        return self.objective.loss(prediction, self.y), self.penalty()

    def penalty(self) -> Tensor:
        """Return the penalty after a forward pass."""
        if not self.lamb:
            return torch.zeros_like(self._zero)
        sparsity, _ = self.sparsity(with_gradients=False)
        return (self._of_coefficients().detach() + sparsity) / self.lamb

    def errors(self) -> Tensor:
        """Return what the predictions are off (outputs, N)."""
        return self.adjoint.forward() - self.y.T

    def differentiate(self) -> Tensor:
        """Add the gradient to the parameters' own, and return the value."""
        value, of_outputs = self._loss()
        of_layers = None
        if self.lamb:
            sparsity, of_layers = self.sparsity(with_gradients=True)
            of_coefficients = self._of_coefficients()
            if of_coefficients.requires_grad:
                of_coefficients.backward()
            value = value + of_coefficients.detach() + sparsity
        for parameter, gradient in self.adjoint.backward(of_outputs, of_layers):
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        return value

    def _loss(self) -> tuple[Tensor, Tensor]:
        """Return the loss and its gradient with respect to the outputs (outputs, N)."""
        if self.objective.loss_fn is None:
            errors = self.errors()
            return errors.square().mean(), errors * (2 / errors.numel())
        prediction = self.adjoint.forward().T.contiguous().requires_grad_()
        loss = self.objective.loss_fn(prediction, self.y)
        # Also to the parameters, where the user's loss depends on them by itself.
        loss.backward()
        gradient = prediction.grad
        return loss.detach(), torch.zeros_like(prediction.T) if gradient is None else gradient.T

    def sparsity(self, *, with_gradients: bool) -> tuple[float, list[tuple[Tensor, Tensor | None]]]:
        """Return `lamb` times size and entropy of the edges after a forward pass, and its gradients for every layer."""
        total = 0.0
        of_layers: list[tuple[Tensor, Tensor | None]] = []
        for index, layer in enumerate(self.adjoint.layers):
            assert layer.variances is not None
            inner = index > 0
            inputs = self._spread(layer.inputs, index) if inner else self._data_spread
            value, gradients = spline_sparsity(
                layer.variances, inputs, self._weights, for_inputs=with_gradients and inner
            )
            total += value
            of_layers.append(gradients)
        return total, of_layers

    def _spread(self, inputs: Tensor, layer: int) -> InputSpread:
        """Measure the inputs (I, N) of a layer."""
        return InputSpread.of(inputs, edges=self.network.act_fun[layer].mask.numel(), floor=INPUT_FLOOR)

    def _of_coefficients(self) -> Tensor:
        """Return `lamb` times size and roughness of the coefficients, differentiable."""
        return coefficient_penalty(self.network, **self.coefficients) if any(self.coefficients.values()) else self._zero
