"""Derivatives of a loss with respect to the parameters of a model: gradient and Hessian, for loss landscapes.

Deviations from pykan: only parameters that are trained count, in both functions; knots and masks, which are not, have
no meaningful derivative. The model stays as it is, and may be any `torch.nn.Module`.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from kan.calculus.derivatives import batch_hessian, batch_jacobian
from kan.common.errors import ArgumentError, check_choice


def model2param(model: nn.Module) -> Tensor:
    """Return the trained parameters of a model as one vector (P,), in the order of ``model.parameters()``.

    Parameters
    ----------
    model : torch.nn.Module

    Examples
    --------
    >>> from kan import model2param
    >>> from kan.MLP import MLP
    >>> model2param(MLP(width=[2, 5, 1])).shape
    torch.Size([21])
    """
    return torch.cat([parameter.reshape(-1) for _, parameter in _trained(model)])


def get_derivative(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    derivative: str = "hessian",
    loss_mode: str = "pred",
    reg_metric: str = "w",
    lamb: float = 0.0,
    lamb_l1: float = 1.0,
    lamb_entropy: float = 0.0,
) -> Tensor:
    """Return the first or second derivative of a loss with respect to the trained parameters.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : Tensor (N, I)
    labels : Tensor (N, O)
    derivative : str
        'jacobian' or 'hessian'.
    loss_mode : str
        'pred' the mean square error, 'reg' the penalty, 'all' the error plus `lamb` times the penalty.
    reg_metric, lamb_l1, lamb_entropy
        For the penalty, as in the `reg` of the model: the default 'w' is for `MLP`.
    lamb : float

    Returns
    -------
    Tensor (1, P) or (1, P, P)
        In the order of `model2param`.

    Raises
    ------
    ArgumentError
        For an unknown `derivative` or `loss_mode`, for labels of another shape than the predictions, or if the model
        has no penalty.

    Examples
    --------
    >>> import torch
    >>> from kan import get_derivative
    >>> from kan.MLP import MLP
    >>> x = torch.rand(20, 2)
    >>> hessian = get_derivative(MLP(width=[2, 5, 1]), x, x[:, [0]])
    >>> hessian.shape, torch.linalg.eigvalsh(hessian).shape
    (torch.Size([1, 21, 21]), torch.Size([1, 21]))
    """
    check_choice("derivative", derivative, ("hessian", "jacobian"))
    check_choice("loss_mode", loss_mode, ("pred", "reg", "all"))
    if loss_mode != "pred" and not hasattr(model, "get_reg"):
        raise ArgumentError(
            f"`loss_mode={loss_mode!r}` needs a model with a penalty, `get_reg`; {type(model)} has none."
        )
    weights = {"reg_metric": reg_metric, "lamb_l1": lamb_l1, "lamb_entropy": lamb_entropy}
    # A copy, for evaluating a model changes what it remembers.
    loss = _Loss(copy.deepcopy(model), loss_mode=loss_mode, lamb=lamb, weights=weights)
    trained = _trained(model)
    sizes = [parameter.numel() for _, parameter in trained]

    def of_vector(vector: Tensor) -> Tensor:
        parts = vector[0].split(sizes)
        values = {f"model.{name}": part.reshape(old.shape) for (name, old), part in zip(trained, parts)}
        result: Tensor = torch.func.functional_call(loss, values, (inputs, labels))
        return result.reshape(1)

    point = model2param(model).detach()[None]
    return batch_hessian(of_vector, point) if derivative == "hessian" else batch_jacobian(of_vector, point)


class _Loss(nn.Module):
    """A loss as a module, whose parameters can be replaced from outside."""

    def __init__(self, model: Any, *, loss_mode: str, lamb: float, weights: dict[str, Any]) -> None:
        super().__init__()
        self.model, self.loss_mode, self.lamb, self.weights = model, loss_mode, lamb, weights

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        prediction: Tensor = self.model(inputs)
        if self.loss_mode == "reg":
            return self._penalty()
        labels = labels[:, None] if labels.ndim == 1 else labels
        if prediction.shape != labels.shape:
            wanted = tuple(prediction.shape)
            raise ArgumentError(
                f"`labels` must have the shape of the predictions, {wanted}; got {tuple(labels.shape)}."
            )
        error = (prediction - labels.to(prediction)).square().mean()
        return error if self.loss_mode == "pred" else error + self.lamb * self._penalty()

    def _penalty(self) -> Tensor:
        """Return the penalty at the inputs, which the model has just seen."""
        result: Tensor = self.model.get_reg(**self.weights)
        return result


def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that are trained."""
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not trained:
        raise ArgumentError("no parameter of the model is trained (`requires_grad`), so there is nothing to derive by.")
    return trained
