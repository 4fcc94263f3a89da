"""Choosing among parameters that give the same curve the ones that read best in a formula.

Positive a, small b: ``sin(3.14*x)``, not ``-sin(-3.14*x + 6.28)``; ``(x - 0.3)^2``, not ``(2*x - 0.6)^2``;
``exp(1.3*x)`` with the shift left to c.
"""

from __future__ import annotations

import math

import torch

from kan.symbolic.box import Box
from kan.symbolic.library import TorchFunction
from kan.symbolic.shapes import Kind, Shape

# A power keeps a = 1 while |a*x + b| stays within these, so that its value and c stay representable.
_PLAIN_SIZES = (1e-3, 1e3)
# An exponential keeps b = 0 while |a*x| stays below this.
_PLAIN_EXPONENT = 20.0


def canonical(*, shape: Shape, a: float, b: float, box: Box) -> tuple[float, float]:
    """Return the best-reading (a, b) in the box that only changes c and d."""
    if shape.kind in (Kind.POWER, Kind.STEP, Kind.KINK):
        return _canonical_power(shape=shape, a=a, b=b, box=box)
    if shape.kind is Kind.EXPONENTIAL:
        return a, _exponential_shift(a=a, box=box)
    if shape.mirrored and a < 0 and _inside(-a, box.a_range) and (shape.period or _inside(-b, box.b_range)):
        a, b = -a, -b
    if shape.period is not None:
        b = _shift_by_periods(b, period=shape.period, limits=box.b_range)
    return a, b


def _inside(number: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= number <= limits[1]


def _clamp(number: float, limits: tuple[float, float]) -> float:
    return min(max(number, limits[0]), limits[1])


def _canonical_power(*, shape: Shape, a: float, b: float, box: Box) -> tuple[float, float]:
    if a == 0:
        return a, b
    zero = -b / a
    reach = abs(float(box.centre) - zero) + float(box.half_width)
    wanted = 1.0 if _PLAIN_SIZES[0] <= reach <= _PLAIN_SIZES[1] else 1.0 / reach
    own = math.copysign(1.0, a)
    for sign in (1.0, -1.0) if shape.mirrored else (own,):
        low, high = (limit.item() for limit in box.scales(torch.tensor(zero, dtype=torch.float64), sign))
        if low <= high:
            scale = _clamp(wanted, (low, high))
            return sign * scale, _clamp(-sign * scale * zero + 0.0, box.b_range)
    return a, b


def _exponential_shift(*, a: float, box: Box) -> float:
    middle, span = a * float(box.centre), abs(a) * float(box.half_width)
    wanted = 0.0 if abs(middle) + span <= _PLAIN_EXPONENT else -middle
    return _clamp(wanted, box.b_range)


def _shift_by_periods(b: float, *, period: float, limits: tuple[float, float]) -> float:
    """Return the shift of smallest size in the limits."""
    nearest = round(b / period)
    choices = [b - count * period for count in (nearest - 1, nearest, nearest + 1)]
    inside = [choice for choice in choices if _inside(choice, limits)]
    return min(inside, key=abs, default=b)


def finite_in(
    *, function: TorchFunction, a: float, b: float, x: torch.Tensor, limits: tuple[float, float]
) -> float | None:
    """Return b, moved by as few units in the last place as needed for ``f(a*x + b)`` to be finite in x's dtype.

    A fit whose zero or pole touches the data, such as ``sqrt(x - min(x))``, may fall out of the function's domain when
    a and b are rounded. None if no small move within the limits helps.
    """
    unit = torch.finfo(x.dtype).eps * max(abs(b), abs(a) * float(x.abs().amax()), torch.finfo(x.dtype).tiny)
    moves = [0.0, *(sign * 2.0**power for power in range(0, 15, 2) for sign in (1, -1))]
    for move in moves:
        shifted = torch.tensor(_clamp(b + move * unit, limits), dtype=x.dtype, device=x.device)
        if bool(torch.isfinite(function(a * x + shifted)).all()):
            return float(shifted)
    return None
