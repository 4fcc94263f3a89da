"""The residual functions b(x) that are added to the spline of every edge."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError

BaseFunction = Callable[[Tensor], Tensor]


class Zero(nn.Module):
    """The function that is zero everywhere: edges are bare splines."""

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros of the shape of `x`."""
        return torch.zeros_like(x)


_BASE_FUNCTIONS: dict[str, Callable[[], BaseFunction]] = {"silu": nn.SiLU, "identity": nn.Identity, "zero": Zero}


def resolve_base_function(base_fun: str | BaseFunction) -> BaseFunction:
    """Return the function for a name or a class of modules without arguments, or a callable as it is.

    Raises
    ------
    ArgumentError
        If `base_fun` is neither a known name nor callable.
    """
    if callable(base_fun):
        return base_fun() if isinstance(base_fun, type) else base_fun
    if base_fun in _BASE_FUNCTIONS:
        return _BASE_FUNCTIONS[base_fun]()
    names = ", ".join(repr(name) for name in _BASE_FUNCTIONS)
    raise ArgumentError(
        f"`base_fun` must be one of {names}, a class of modules or a function of a tensor; got {base_fun!r}."
    )


def is_base_function(function: BaseFunction, base_fun: str | BaseFunction) -> bool:
    """Whether a layer's function is what `base_fun` stands for."""
    if callable(base_fun) and not isinstance(base_fun, type):
        return function is base_fun
    return type(function) is (base_fun if isinstance(base_fun, type) else type(resolve_base_function(base_fun)))


def value_and_slope(
    function: Callable[..., Tensor], x: Tensor, *, into: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Return an elementwise function and its derivative at `x`, without a graph; `into` is where they are written."""
    if type(function) is nn.SiLU:
        value, slope = into or (None, None)
        share = torch.sigmoid(x)
        # The product `x * share` would be rounded twice.
        value = function(x) if value is None else torch.ops.aten.silu.out(x, out=value)
        return value, torch.addcmul(share + value, value, share, value=-1, out=slope)
    found = _by_autograd(function, x)
    if into is None:
        return found
    for target, source in zip(into, found):
        target.copy_(source)
    return into


def _by_autograd(function: Callable[..., Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return any elementwise function and its derivative at `x`."""
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        value = function(point)
        if not value.requires_grad:
            return value, torch.zeros_like(x)
        (slope,) = torch.autograd.grad(value.sum(), point, allow_unused=True, materialize_grads=True)
    return value.detach(), slope
