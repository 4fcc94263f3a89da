"""The residual functions b(x) that are added to the spline of every edge.

Nearly all are elementwise, and are called with samples last, as everything here. Others, such as a softmax over the
inputs or a batch norm, get (N, I), as in pykan, and are differentiated by autograd.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError

BaseFunction = Callable[[Tensor], Tensor]


class Zero(nn.Module):
    """The function that is zero everywhere: edges are bare splines."""

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros of the shape of `x`."""
        return torch.zeros_like(x)


_ELEMENTWISE = frozenset(
    {
        *(Zero, nn.Identity, nn.SiLU, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.Mish),
        *(nn.Tanh, nn.Tanhshrink, nn.Hardtanh, nn.Sigmoid, nn.LogSigmoid, nn.Hardsigmoid, nn.Hardswish),
        *(nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Threshold),
    }
)

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
    if isinstance(base_fun, str) and base_fun in _BASE_FUNCTIONS:
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


def own_copies(functions: Iterable[Any]) -> list[Any]:
    """Return base functions with copies in the place of modules; one that comes twice stays one."""
    memo: dict[int, Any] = {}
    return [copy.deepcopy(one, memo) if isinstance(one, nn.Module) else one for one in functions]


class BaseKind(NamedTuple):
    """What is known of a base function.

    Attributes
    ----------
    function : callable
    is_elementwise : bool
    is_constant : bool
        Whether it holds nothing that is trained: no parameters, and no tensors of a graph.
    is_known : bool
        Whether it is one of torch's that are elementwise.
    """

    function: BaseFunction
    is_elementwise: bool
    is_constant: bool
    is_known: bool = False

    @classmethod
    def of(cls, function: BaseFunction) -> BaseKind:
        """Probe a function that is none of the known ones, without a trace in its state or in random numbers."""
        if type(function) in _ELEMENTWISE:
            return cls(function, True, True, is_known=True)
        has_parameters = isinstance(function, nn.Module) and any(True for _ in function.parameters())
        probe = copy.deepcopy(function) if isinstance(function, nn.Module) else function
        x = torch.linspace(-2.0, 2.0, 12, device="cpu").roll(5).reshape(4, 3)
        try:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                whole = probe(x.clone())
                alone = torch.stack([probe(entry.reshape(1, 1)).reshape(()) for entry in x.flatten()])
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError):
            return cls(function, False, not has_parameters)
        same = whole.shape == x.shape and torch.allclose(whole.flatten(), alone, equal_nan=True)
        return cls(function, same, not (has_parameters or whole.requires_grad))


def values_of(kind: BaseKind, x: Tensor) -> Tensor:
    """Return a base function's values (I, N) at x (I, N)."""
    function = kind.function
    if kind.is_known:
        return function(x.clone() if getattr(function, "inplace", False) else x)
    if kind.is_elementwise:
        return function(x.clone(memory_format=torch.contiguous_format))
    return function(x.T.clone(memory_format=torch.contiguous_format)).T


def value_and_slope(
    function: Callable[..., Tensor], x: Tensor, *, into: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Return an elementwise function and its derivative at `x`, without a graph; `into` is where they are written."""
    if type(function) is nn.SiLU:
        value, slope = into or (None, None)
        share = torch.sigmoid(x)
        # The product `x * share` would be rounded twice.
        value = function(x) if value is None else torch.ops.aten.silu.out(x, out=value)
        # share + value * (1 - share), with nothing to cancel where the value is large.
        return value, torch.lerp(value, value.new_ones(()), share, out=slope)
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
        value = function(point.clone() if getattr(function, "inplace", False) else point)
        if not value.requires_grad:
            return value.to(x.dtype), torch.zeros_like(x)
        (slope,) = torch.autograd.grad(value.sum(), point, allow_unused=True, materialize_grads=True)
    return value.detach().to(x.dtype), slope
