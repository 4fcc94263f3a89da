"""Functions of the library with their singularities taken out: finite values and finite gradients everywhere.

Each function takes ``(x, y_th)`` and returns ``(threshold, value)``. ``y_th`` bounds the value: where the plain
function would exceed it, within `threshold` of the singularity, a line or a constant takes its place.

Masking the *result* of a singular function, as pykan does, is not enough: autograd multiplies the mask's zero with
an infinite derivative and gets NaN. Here the *input* is replaced by a harmless value before the singular function
sees it. Other deviations from pykan, all of them where its values jump:

- ``f_sqrt`` continues through zero with the chord ``y_th * x``, which meets the square root at the threshold;
- ``f_arctanh`` keeps the value reached at its threshold beyond it, and does not jump to ``y_th``;
- ``f_log`` has a threshold that does not underflow to zero for large ``y_th``;
- ``f_power1d5`` and ``f_tan`` return a pair like all the others, so that index 1 is the value.
"""

from __future__ import annotations

import math
from typing import Union

import torch

Bound = Union[float, torch.Tensor]
Guarded = tuple[object, torch.Tensor]

# Keeps arctanh's argument away from one, where float32 has no room left.
_ARCTANH_MARGIN = 1e-4


def _bound(y_th: Bound, x: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(y_th, dtype=x.dtype, device=x.device)


def _guarded_inverse_power(x: torch.Tensor, y_th: Bound, exponent: int) -> Guarded:
    """``x**-exponent`` with a chord through zero (odd exponent) or a plateau at `y_th` (even exponent)."""
    y_max = _bound(y_th, x)
    threshold = y_max ** (-1.0 / exponent)
    inside = torch.abs(x) < threshold
    plain = torch.pow(torch.where(inside, torch.ones_like(x), x), -exponent)
    bridge = y_max / threshold * x if exponent % 2 else y_max.expand_as(x)
    return threshold, torch.where(inside, bridge, plain)


def f_inv(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Guarded ``1/x``.

    Parameters
    ----------
    x : Tensor, any shape
    y_th : float or Tensor
        Largest absolute value; positive.

    Returns
    -------
    threshold : Tensor
        Distance from the singularity below which the value is replaced.
    value : Tensor, shape of `x`

    Examples
    --------
    >>> import torch
    >>> f_inv(torch.tensor([0.0, 0.05, 0.5]), 10.0)[1]
    tensor([0., 5., 2.])
    """
    return _guarded_inverse_power(x, y_th, 1)


def f_inv2(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Guarded ``1/x^2``; see :func:`f_inv`."""
    return _guarded_inverse_power(x, y_th, 2)


def f_inv3(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Guarded ``1/x^3``; see :func:`f_inv`."""
    return _guarded_inverse_power(x, y_th, 3)


def f_inv4(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Guarded ``1/x^4``; see :func:`f_inv`."""
    return _guarded_inverse_power(x, y_th, 4)


def f_inv5(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Guarded ``1/x^5``; see :func:`f_inv`."""
    return _guarded_inverse_power(x, y_th, 5)


def guarded_power(x: torch.Tensor, y_th: Bound, exponent: float) -> Guarded:
    """Guarded ``x**exponent`` for any exponent but zero; those that are no whole number are made of ``|x|``.

    A fraction between 0 and 1 is continued to an odd function with slopes of at most `y_th`, one below 0 has a plateau
    at `y_th`. See :func:`f_inv`.

    Examples
    --------
    >>> import torch
    >>> guarded_power(torch.tensor([-8.0, 0.0, 8.0]), 10.0, exponent=1 / 3)[1]
    tensor([-2.,  0.,  2.])
    """
    if exponent == int(exponent):
        return ((), torch.pow(x, exponent)) if exponent > 0 else _guarded_inverse_power(x, y_th, -int(exponent))
    if exponent > 1:
        return _guarded_fractional_power(x, exponent)
    y_max = _bound(y_th, x)
    threshold = y_max ** (1 / (exponent - 1) if exponent > 0 else 1 / exponent)
    inside = torch.abs(x) < threshold
    safe = torch.where(inside, torch.ones_like(x), x)
    plain = torch.pow(torch.abs(safe), exponent)
    if exponent > 0:
        return threshold, torch.where(inside, y_max * x, plain * torch.sign(safe))
    return threshold, torch.where(inside, y_max.expand_as(x), plain)


def _guarded_fractional_power(x: torch.Tensor, exponent: float) -> Guarded:
    """``|x|**exponent`` above 1, which has no singularity; its higher derivatives at zero are taken as zero."""
    largest = 0.5 * torch.finfo(x.dtype).max ** (1 / exponent)
    zero = x == 0
    size = torch.abs(torch.where(zero, torch.ones_like(x), x)).clamp(max=largest)
    return (), torch.where(zero, torch.zeros_like(x), size**exponent)


def f_sqrt(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Square root, continued to an odd function, with slopes of at most `y_th`; see :func:`f_inv`."""
    return guarded_power(x, y_th, 0.5)


def f_power1d5(x: torch.Tensor, y_th: Bound) -> Guarded:
    """``|x|^1.5``, which has no singularity; its second derivative at zero is taken as zero. See :func:`f_inv`."""
    return guarded_power(x, y_th, 1.5)


def f_invsqrt(x: torch.Tensor, y_th: Bound) -> Guarded:
    """``1/sqrt(|x|)`` with a plateau at `y_th`; see :func:`f_inv`."""
    return guarded_power(x, y_th, -0.5)


def f_log(x: torch.Tensor, y_th: Bound) -> Guarded:
    """``log(|x|)`` with a plateau at ``-y_th``; see :func:`f_inv`."""
    y_max = _bound(y_th, x).clamp(max=-math.log(torch.finfo(x.dtype).tiny))
    threshold = torch.exp(-y_max).clamp(min=torch.finfo(x.dtype).tiny)
    inside = torch.abs(x) < threshold
    safe = torch.where(inside, torch.ones_like(x), x)
    return threshold, torch.where(inside, (-y_max).expand_as(x), torch.log(torch.abs(safe)))


def f_tan(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Tangent with a steep line from `y_th` to ``-y_th`` through each pole; see :func:`f_inv`."""
    y_max = _bound(y_th, x)
    threshold = torch.atan(1.0 / y_max)
    from_pole = torch.remainder(x, math.pi) - math.pi / 2
    inside = torch.abs(from_pole) < threshold
    safe = torch.where(inside, torch.full_like(x, -math.pi / 2), from_pole)
    # tan(u) = -cot(u - pi/2): near a pole the distance from it is small and exact, the angle itself is not.
    return threshold, torch.where(inside, -y_max / threshold * from_pole, -torch.cos(safe) / torch.sin(safe))


def f_arctanh(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Inverse hyperbolic tangent, constant beyond the point where it reaches about `y_th`; see :func:`f_inv`."""
    margin = torch.clamp(1.0 - torch.tanh(_bound(y_th, x)) + _ARCTANH_MARGIN, min=2 * torch.finfo(x.dtype).eps)
    outside = torch.abs(x) > 1.0 - margin
    safe = torch.where(outside, torch.zeros_like(x), x)
    return margin, torch.where(outside, torch.atanh(1.0 - margin) * torch.sign(x), torch.atanh(safe))


def f_arcsin(x: torch.Tensor, y_th: Bound) -> Guarded:  # noqa: ARG001 - all guards are called alike
    """Arcsine, constant outside of [-1, 1]; see :func:`f_inv`."""
    outside = torch.abs(x) >= 1
    safe = torch.where(outside, torch.zeros_like(x), x)
    return (), torch.where(outside, math.pi / 2 * torch.sign(x), torch.asin(safe))


def f_arccos(x: torch.Tensor, y_th: Bound) -> Guarded:  # noqa: ARG001 - all guards are called alike
    """Arccosine, constant outside of [-1, 1]; see :func:`f_inv`."""
    outside = torch.abs(x) >= 1
    safe = torch.where(outside, torch.zeros_like(x), x)
    return (), torch.where(outside, math.pi / 2 * (1 - torch.sign(x)), torch.acos(safe))


def f_exp(x: torch.Tensor, y_th: Bound) -> Guarded:
    """Exponential that stops growing at `y_th`; see :func:`f_inv`."""
    y_max = _bound(y_th, x)
    threshold = torch.log(y_max)
    outside = x > threshold
    safe = torch.where(outside, torch.zeros_like(x), x)
    return threshold, torch.where(outside, y_max.expand_as(x), torch.exp(safe))
