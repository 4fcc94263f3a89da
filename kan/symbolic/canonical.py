"""Choosing among parameters that give the same curve the ones that read best in a formula.

Positive a, small b: ``sin(3.14*x)``, not ``-sin(-3.14*x + 6.28)``; ``(x - 0.3)^2``, not ``(2*x - 0.6)^2``;
``exp(1.3*x)`` with the shift left to c.
"""

from __future__ import annotations

import math

import torch

from kan.symbolic.box import Box, clamp
from kan.symbolic.library import TorchFunction
from kan.symbolic.shapes import Kind, Shape

# A power keeps a = 1 while |a*x + b| stays within these, so that its value and c stay representable.
_PLAIN_SIZES = (1e-3, 1e3)
# An exponential keeps b = 0 while |a*x| stays below this. Beyond, c would be so far from one that training stalls.
_PLAIN_EXPONENT = 5.0


def canonical(*, shape: Shape, a: float, b: float, box: Box) -> tuple[float, float]:
    """Return the best-reading (a, b) in the box that only changes c and d."""
    if shape.kind in (Kind.POWER, Kind.STEP, Kind.KINK):
        return _canonical_power(shape=shape, a=a, b=b, box=box)
    if shape.kind is Kind.EXPONENTIAL:
        return a, _exponential_shift(a=a, box=box)
    choices = [(a, b)]
    if shape.mirrored and a < 0 and _inside(-a, box.a_range):
        choices.insert(0, (-a, -b))
    if shape.period is not None:
        choices = [(a, shift_by_periods(b, period=shape.period, limits=box.b_range)) for a, b in choices]
    return next((choice for choice in choices if _inside(choice[1], box.b_range)), (a, b))


def _inside(number: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= number <= limits[1]


def _allowed_scale(wanted: float, limits: tuple[float, float]) -> float:
    """Return the wanted scale, or where the limits exclude it the nearest power of ten that they allow, if any.

    It reads better than the limit itself, which would leave b no room to move.
    """
    low, high = limits
    if low <= wanted <= high:
        return wanted
    power = 10.0 ** (math.floor(math.log10(high)) if wanted > high else math.ceil(math.log10(low)))
    return clamp(power, limits)


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
            scale = _allowed_scale(wanted, (low, high))
            return sign * scale, clamp(-sign * scale * zero + 0.0, box.b_range)
    return a, b


def _exponential_shift(*, a: float, box: Box) -> float:
    middle, span = a * float(box.centre), abs(a) * float(box.half_width)
    wanted = 0.0 if abs(middle) + span <= _PLAIN_EXPONENT else -middle
    return clamp(wanted, box.b_range)


def shift_by_periods(b: float, *, period: float, limits: tuple[float, float]) -> float:
    """Return the shift of smallest size in the limits."""
    low, high = limits
    wanted = clamp(0.0, (low + period / 2, high - period / 2)) if high - low >= period else 0.0
    nearest = round((b - wanted) / period)
    choices = [b - count * period for count in (nearest - 1, nearest, nearest + 1)]
    inside = [choice for choice in choices if _inside(choice, limits)]
    return min(inside, key=abs, default=b)


def finite_at(*, function: TorchFunction, points: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Tell for which edges ``f(a*x + b)`` is finite at x (E, N), for points (E, 2); (E,).

    However it is rounded: in x's dtype in one step or in two, or in double precision.
    """
    a, b = points[:, :1], points[:, 1:]
    arguments = [a * x + b, torch.addcmul(b, a, x)]
    if x.dtype != torch.float64:
        arguments.append(torch.addcmul(b.double(), a.double(), x.double()))
    return torch.stack([function(argument).isfinite().all(1) for argument in arguments]).all(0)


def finite_near(
    *, function: TorchFunction, a: float, b: float, x: torch.Tensor, box: Box
) -> tuple[float, float] | None:
    """Return (a, b), moved by as few units in the last place as needed for ``f(a*x + b)`` to be finite at all x.

    A fit whose zero or pole touches the data, such as ``sqrt(x - min(x))``, may fall out of the function's domain when
    a and b are rounded. Moving b helps at one end of the data; a smaller a, with the middle of the data where it was,
    at both, and where b is at its limit. None if no small move within the box helps.
    """
    info = torch.finfo(x.dtype)
    unit = info.eps * max(abs(b), abs(a) * float(x.abs().amax()), info.tiny)
    for power in (None, *range(0, 15, 2)):
        move = 0.0 if power is None else unit * 2.0**power
        less = math.copysign(min(move / float(box.half_width), abs(a)), a)
        for moved in ((a, b + move), (a, b - move), (a - less, b + less * float(box.centre))):
            rounded = torch.tensor([moved], dtype=x.dtype, device=x.device)
            inside = box.clamp_plain(rounded)[0]
            if bool(finite_at(function=function, points=inside[None], x=x[None])):
                return float(inside[0]), float(inside[1])
            if not move:
                break
    return None
