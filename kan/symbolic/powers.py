"""Powers of any exponent, as functions with a name: ``x^7``, ``1/x^6``, ``x^2.5``, ``x^(1/3)``.

The library lists the powers that a search for functions should try. An edge may carry any other: its name says all.
Powers that are no whole number are those of real analysis, NaN for negative x.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Union

import torch

Exponent = Union[int, float, Fraction]

# Names come from files too: the numbers of digits are bounded, so that none asks for more than a float.
_NAME = re.compile(
    r"(?P<inverse>1/)?x\^(?:\((?P<fraction>\d{1,9}/\d{1,9})\)|(?P<decimal>\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?))",
    re.ASCII,
)

_LARGEST_DENOMINATOR = 1000
"""An exponent that is a fraction with a larger denominator stays a decimal in formulas."""


@dataclass(frozen=True)
class Power:
    """``x**exponent`` of a tensor."""

    exponent: float

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Apply to `x`."""
        return torch.pow(x, self.exponent)


@dataclass(frozen=True)
class SympyPower:
    """``x**exponent`` of a sympy expression; an int or a fraction stays exact."""

    exponent: Exponent

    def __call__(self, x: Any) -> Any:
        """Apply to `x`."""
        import sympy

        return sympy.sympify(x) ** sympy.sympify(self.exponent)


def power_name(exponent: Exponent) -> str:
    """Return the name of ``x**exponent``.

    Parameters
    ----------
    exponent : int, float or Fraction
        Finite, and not zero. A fraction with a large denominator is written as a decimal.

    Examples
    --------
    >>> from fractions import Fraction
    >>> power_name(7), power_name(-2.5), power_name(Fraction(1, 3))
    ('x^7', '1/x^2.5', 'x^(1/3)')
    """
    if isinstance(exponent, Fraction) and exponent.denominator > _LARGEST_DENOMINATOR:
        exponent = float(exponent)
    if isinstance(exponent, float) and exponent.is_integer():
        exponent = int(exponent)
    number = str(abs(exponent))
    return f"{'1/' if exponent < 0 else ''}x^{f'({number})' if '/' in number else number}"


def exponent_of(name: str) -> Exponent | None:
    """Return the exponent that the name of a power says, or None if it is not one.

    Examples
    --------
    >>> exponent_of("1/x^6"), exponent_of("x^(1/3)"), exponent_of("x^2.5"), exponent_of("sin")
    (-6, Fraction(1, 3), Fraction(5, 2), None)
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        size = Fraction(match["fraction"] or match["decimal"])
        usable = size > 0 and math.isfinite(float(size))
    except (ZeroDivisionError, OverflowError):
        usable = False
    if not usable:
        return None
    exponent = -size if match["inverse"] else size
    if exponent.denominator == 1:
        return int(exponent)
    return exponent if exponent.denominator <= _LARGEST_DENOMINATOR else float(exponent)
