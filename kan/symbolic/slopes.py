"""A derivative for functions that autograd cannot differentiate, by differences.

`torch.special.bessel_j0` and its kin, and functions of numpy, compute values only. In a network their constants would
never be trained, nor anything below them, and nothing would say so. Deviation from pykan: there it is like that.

The derivative is the difference quotient of fourth order, whose error is near 1e-12 in double precision for functions
that vary on a scale of one. Derivatives of higher order are differences of differences, and lose some four digits each.

Source: Abramowitz & Stegun, *Handbook of Mathematical Functions*, 25.3.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.common.transforms import is_compiled_plainly, is_nested_forward

TorchFunction = Callable[[Tensor], Tensor]

# Beyond it differences of differences are nothing but rounding.
_HIGHEST_ORDER = 3


def differentiable(fun: TorchFunction) -> TorchFunction:
    """Return a function that autograd can differentiate: `fun` itself, or with a derivative by differences.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    >>> differentiable(torch.special.bessel_j0)(x).sum().backward()
    >>> bool((x.grad + torch.special.bessel_j1(x)).abs() < 1e-11)
    True
    >>> differentiable(torch.sin) is torch.sin
    True
    """
    return fun if _has_derivative(fun) else WithSlope(fun)


def check_elementwise(value: Any, x: Tensor) -> None:
    """Raise an ArgumentError if what a function made of `x` is no tensor of the same shape.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(3)
    >>> check_elementwise(torch.sin(x), x)
    """
    if isinstance(value, Tensor) and value.shape == x.shape:
        return
    made = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    raise ArgumentError(
        f"a symbolic function must map a tensor to a tensor of the same shape, elementwise; from shape "
        f"{tuple(x.shape)} it made {made}. Write a function of numpy as `lambda x: torch.as_tensor(f(x.numpy()))`."
    )


def _has_derivative(fun: TorchFunction) -> bool:
    """Whether autograd can go back through a function; functions that fail here are left as they are."""
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.full((2,), 0.5, dtype=torch.float64, device="cpu", requires_grad=True)
        try:
            value: Any = fun(x)
        except Exception:  # noqa: BLE001 - whatever a user's function raises, it will raise again where it is used
            return not _has_values(fun, x.detach())
        if not isinstance(value, Tensor):
            return True
        try:
            torch.autograd.grad(value.sum(), x)
        except RuntimeError:  # also what torch raises for a derivative that it does not have
            return False
    return True


def _has_values(fun: TorchFunction, x: Tensor) -> bool:
    """Whether a function takes tensors that need no gradient, such as one of numpy's, which takes no others."""
    try:
        return isinstance(fun(x), Tensor)
    except Exception:  # noqa: BLE001 - as above
        return False


@dataclass(frozen=True)
class WithSlope:
    """An elementwise function, differentiated by differences."""

    fun: TorchFunction

    def __call__(self, x: Tensor) -> Tensor:
        """Return the values at `x`."""
        if is_nested_forward():
            # There torch takes the outer derivative of what a Function's `jvp` returns for zero, without a word.
            return _taylor(self.fun, x, orders=_HIGHEST_ORDER)
        if is_compiled_plainly():  # compilers take no Function with a `jvp`
            return _taylor(self.fun, x, orders=1)
        value: Tensor = _Differenced.apply(x, self.fun)
        return value


def _slope(fun: TorchFunction, x: Tensor) -> Tensor:
    """Return the difference quotient of fourth order of an elementwise function."""
    step = torch.finfo(x.dtype).eps ** 0.2
    near = fun(x + step) - fun(x - step)
    far = fun(x + 2 * step) - fun(x - 2 * step)
    return (8 * near - far) / (12 * step)


class _Differenced(torch.autograd.Function):
    """The values of a function, with its difference quotient as derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, fun: TorchFunction) -> Tensor:
        return fun(x.detach())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004 - torch's signature
        x, ctx.fun = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gradient * WithSlope(partial(_slope, ctx.fun))(x), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        (x,) = ctx.saved_tensors
        return tangent * WithSlope(partial(_slope, ctx.fun))(x)


def _taylor(fun: TorchFunction, x: Tensor, *, orders: int) -> Tensor:
    """Return the values of a function as a polynomial in what `x` is differentiated by, in plain operations."""
    centre = x.detach()
    move, value = x - centre, fun(centre)
    for order in range(1, orders + 1):
        fun = partial(_slope, fun)
        value = value + fun(centre) * move**order / math.factorial(order)
    return value
