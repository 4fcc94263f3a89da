"""What affine fitting knows about each function: its derivative and its symmetries.

Symmetries shrink the search for ``c*f(a*x + b) + d``, since c and d are solved for. A power ``(a*x + b)^n`` has only
its zero ``-b/a`` to look for, an exponential only a; a function that is even or odd (up to a constant) needs no
negative a; a period bounds b. Functions that the table does not know are probed for evenness. Their slopes come from
autograd, or from differences of fourth order where it has no rule (`slopes.py`); their curvatures are central
differences of the slopes.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from kan.symbolic.library import SYMBOLIC_LIB, TorchFunction
from kan.symbolic.powers import Power
from kan.symbolic.slopes import check_elementwise, differentiable

Derivative = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Kind(enum.Enum):
    """How the parameters a and b of ``f(a*x + b)`` act."""

    CONSTANT = "neither matters"
    LINEAR = "c and d say it all"
    STEP = "only the zero of a*x + b matters, where the function jumps"
    KINK = "only the zero of a*x + b matters, where the slope jumps"
    POWER = "only the zero of a*x + b matters"
    EXPONENTIAL = "b is absorbed by c"
    WAVE = "both matter, and b has a closed form"
    GENERAL = "both matter"


@dataclass(frozen=True)
class Shape:
    """A function and what is known about it.

    Attributes
    ----------
    value : callable
        ``u -> f(u)``, elementwise.
    slope : callable
        ``(u, f(u)) -> f'(u)``, elementwise.
    curvature : callable
        ``(u, f(u)) -> f''(u)``, elementwise.
    kind : Kind
    mirrored : bool
        Whether ``f(-u)`` is an affine function of ``f(u)``.
    period : float or None
        Shift of u that only changes c.
    domain : pair of float
        Where the function is defined.
    pole : float or None
        Where the first pole is, at positive u.
    one_transition : bool
        Whether the function has one transition or one bump, about as wide as one, and is nearly flat elsewhere.
    sum_rule : callable or None
        From ``f(u)`` and ``f(v)`` to a function with the same fits as ``f(u + v)``, cheaper than f.
    is_unknown : bool
        Whether the table has nothing about the function: it may wave and bend anywhere.
    """

    value: TorchFunction
    slope: Derivative
    curvature: Derivative
    kind: Kind = Kind.GENERAL
    mirrored: bool = False
    period: float | None = None
    domain: tuple[float, float] = (-math.inf, math.inf)
    pole: float | None = None
    one_transition: bool = False
    sum_rule: Derivative | None = None
    is_unknown: bool = False

    @property
    def is_rugged(self) -> bool:
        """Whether errors have to be expected to have many local minima over the plane of a and b."""
        return self.is_unknown or self.sum_rule is not None

    @property
    def search_key(self) -> tuple[object, ...]:
        """What the starting points of the search depend on."""
        own = self.value if self.kind is Kind.WAVE else None
        return self.kind, self.mirrored, self.period, self.domain, self.pole, self.one_transition, self.is_unknown, own

    @property
    def one_sided(self) -> bool:
        """Whether u must be positive."""
        return self.domain == (0.0, math.inf)


def _zeros(u: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(u)


def _product(u: torch.Tensor, n: int) -> torch.Tensor:
    """Return ``u**n``; torch.pow is twenty times slower for n above 3."""
    if n <= 3:
        return torch.pow(u, n)
    square = u * u
    return square * square if n == 4 else square * square * u


def _power(n: int) -> Shape:
    return Shape(
        lambda u: _product(u, n),
        lambda u, _: n * _product(u, n - 1),
        lambda u, _: n * (n - 1) * _product(u, n - 2),
        Kind.POWER,
        mirrored=True,
    )


def _inverse_power(n: int) -> Shape:
    return Shape(
        lambda u: _product(torch.reciprocal(u), n),
        lambda u, f: -n * f / u,
        lambda u, f: n * (n + 1) * f / (u * u),
        Kind.POWER,
        mirrored=True,
        pole=0.0,
    )


def _root(value: TorchFunction, slope: Derivative, curvature: Derivative) -> Shape:
    return Shape(value, slope, curvature, Kind.POWER, domain=(0.0, math.inf))


def _cubed(root: torch.Tensor) -> torch.Tensor:
    return root * root * root


_ARCSINE = Shape(
    torch.asin,
    lambda u, _: torch.rsqrt(1 - u * u),
    lambda u, _: u * _cubed(torch.rsqrt(1 - u * u)),
    mirrored=True,
    domain=(-1.0, 1.0),
)
_ROOT = _root(torch.sqrt, lambda _, f: 0.5 / f, lambda u, f: -0.25 / (u * f))
_INVERSE_ROOT = _root(torch.rsqrt, lambda u, f: -0.5 * f / u, lambda u, f: 0.75 * f / (u * u))

_KNOWN: dict[str, Shape] = {
    "x": Shape(lambda u: u, lambda u, _: torch.ones_like(u), _zeros, Kind.LINEAR),
    "x^2": _power(2),
    "x^3": _power(3),
    "x^4": _power(4),
    "x^5": _power(5),
    "1/x": _inverse_power(1),
    "1/x^2": _inverse_power(2),
    "1/x^3": _inverse_power(3),
    "1/x^4": _inverse_power(4),
    "1/x^5": _inverse_power(5),
    "sqrt": _ROOT,
    "x^0.5": _ROOT,
    "x^1.5": _root(lambda u: u * torch.sqrt(u), lambda u, _: 1.5 * torch.sqrt(u), lambda u, _: 0.75 * torch.rsqrt(u)),
    "1/sqrt(x)": _INVERSE_ROOT,
    "1/x^0.5": _INVERSE_ROOT,
    "exp": Shape(torch.exp, lambda _, f: f, lambda _, f: f, Kind.EXPONENTIAL),
    "log": _root(torch.log, lambda u, _: torch.reciprocal(u), lambda u, _: -torch.reciprocal(u * u)),
    "abs": Shape(torch.abs, lambda u, _: torch.sign(u), _zeros, Kind.KINK, mirrored=True),
    "sin": Shape(torch.sin, lambda u, _: torch.cos(u), lambda _, f: -f, Kind.WAVE, mirrored=True, period=math.pi),
    "cos": Shape(torch.cos, lambda u, _: -torch.sin(u), lambda _, f: -f, Kind.WAVE, mirrored=True, period=math.pi),
    "tan": Shape(
        torch.tan,
        lambda _, f: 1 + f * f,
        lambda _, f: 2 * f * (1 + f * f),
        mirrored=True,
        period=math.pi,
        pole=math.pi / 2,
        # (f + g) / (1 - f*g) = -1/g - (1 + 1/g^2) / (f - 1/g)
        sum_rule=lambda f, g: torch.reciprocal(f - torch.reciprocal(g)),
    ),
    "tanh": Shape(
        torch.tanh, lambda _, f: 1 - f * f, lambda _, f: -2 * f * (1 - f * f), mirrored=True, one_transition=True
    ),
    "sgn": Shape(torch.sign, _zeros, _zeros, Kind.STEP, mirrored=True),
    "arcsin": _ARCSINE,
    "arccos": _ARCSINE,
    "arctan": Shape(
        torch.atan,
        lambda u, _: torch.reciprocal(1 + u * u),
        lambda u, _: -2 * u * torch.reciprocal(1 + u * u).square(),
        mirrored=True,
        one_transition=True,
    ),
    "arctanh": Shape(
        torch.atanh,
        lambda u, _: torch.reciprocal(1 - u * u),
        lambda u, _: 2 * u * torch.reciprocal(1 - u * u).square(),
        mirrored=True,
        domain=(-1.0, 1.0),
    ),
    "0": Shape(torch.zeros_like, _zeros, _zeros, Kind.CONSTANT),
    "gaussian": Shape(
        lambda u: torch.exp(-u * u),
        lambda u, f: -2 * u * f,
        lambda u, f: (4 * u * u - 2) * f,
        mirrored=True,
        one_transition=True,
    ),
}
"""Shapes by name. Entries shared by two names have equal fits: arccos(u) = pi/2 - arcsin(u)."""

# The functions as they came with the library: a user may have put another function under one of these names.
_ORIGINALS = {name: SYMBOLIC_LIB[name].torch_fun for name in _KNOWN}


def shape_of(function: TorchFunction, *, like: torch.Tensor) -> Shape:
    """Return what is known about a function: from the table where it is the library's own, else by probing it.

    It is probed with the dtype and on the device of `like`.
    """
    for name, original in _ORIGINALS.items():
        if original is function or (isinstance(original, Power) and original == function):
            return _KNOWN[name]
    return _probed(function, like)


def _probed(function: TorchFunction, like: torch.Tensor) -> Shape:
    """Probe an unknown function: its shape, its evenness, and how it can be differentiated."""

    def value(u: torch.Tensor) -> torch.Tensor:
        result = function(u)
        check_elementwise(result, u)
        # Values are computed with in place, which those of an expanded constant could not bear.
        return result.to(u.dtype).contiguous()

    points = torch.linspace(0.03, 4.0, 23, dtype=like.dtype, device=like.device)
    right, left = value(points), value(-points)
    scale = 1e-9 * (1 + right.abs().max())
    total = right + left
    even = bool(torch.isfinite(right).all()) and bool(((right - left).abs() <= scale).all())
    odd = bool(torch.isfinite(total).all()) and bool(((total - total[0]).abs() <= scale).all())
    slope = _autograd_slope(differentiable(value))
    curvature = _difference(lambda u: slope(u, u))
    return Shape(value, slope, curvature, mirrored=even or odd, is_unknown=True)


def _autograd_slope(value: TorchFunction) -> Derivative:
    def slope(u: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            leaf = u.detach().requires_grad_()
            return torch.autograd.grad(value(leaf).sum(), leaf)[0]

    return slope


def _difference(value: TorchFunction) -> Derivative:
    def slope(u: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        # The cube root of the unit roundoff balances truncation and rounding of a central difference.
        step = 6e-6 * (1 + u.abs())
        return (value(u + step) - value(u - step)) / (2 * step)

    return slope
