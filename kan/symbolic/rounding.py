"""Rounding the numbers in a sympy expression, and simple numbers near a given one.

To round, the expression is rebuilt from its leaves, each number being replaced once. (pykan substitutes number by
number in the growing result, so one replacement can catch another number, and the rounded numbers keep only a few
bits.) A node that would become infinite or undefined, such as ``log(0.0001*x)`` with its coefficient rounded to zero,
stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from kan.common.errors import ArgumentError, as_whole

# Denominators to be tried, for plain rationals and for multiples of pi and e.
_DENOMINATORS = range(1, 13)
_LARGEST_NUMERATOR = 60
_LARGEST_RADICAND = 30
# A match is worth something only while the tolerance is this small against the distance between candidates. Those of
# all denominators up to q and of all units compete: some q^2 of them in every unit of length, more for a dearer unit.
_DISTINCT = 0.1
_ROOT_COST = 2.0
_DOUBLE_BITS = 53


def ex_round(ex1: Any, n_digit: int) -> Any:
    """Round every floating-point number of an expression.

    Parameters
    ----------
    ex1 : sympy expression or number
    n_digit : int
        Digits after the decimal point.

    Returns
    -------
    sympy expression
        A new expression; numbers that round to zero take their terms with them.

    Raises
    ------
    ArgumentError
        If `n_digit` is not a whole number.

    Examples
    --------
    >>> import sympy
    >>> a, b = sympy.symbols("a b")
    >>> ex_round(3.14534242 * sympy.exp(sympy.sin(sympy.pi * a) + b**2) - 2.32345402, 2)
    3.15*exp(b**2 + sin(pi*a)) - 2.32
    """
    import sympy

    digits = as_whole(n_digit)
    if digits is None:
        raise ArgumentError(f"`n_digit` must be a whole number; got {n_digit!r}.")
    unit = Fraction(10) ** -digits

    def rounded(number: Any) -> Any:
        exact = sympy.Rational(number)
        result = round(Fraction(int(exact.p), int(exact.q)) / unit) * unit
        if result == 0:
            return sympy.S.Zero
        ratio = sympy.Rational(result.numerator, result.denominator)
        return sympy.Float(ratio, precision=max(_DOUBLE_BITS, number._prec))

    return _rebuild(sympy.sympify(ex1), rounded)


def snap_number(value: float, tol: float) -> Any | None:
    """Return the simplest exact number near a value.

    Candidates are integers, rationals p/q with q up to 12 and p up to 60, such multiples of pi and of e, square
    roots of integers up to 30 and their reciprocals. Fewer and smaller integers are simpler; pi costs a little more,
    e and roots more than that. A kind of candidate that lies so dense that any number would match is left out.

    Parameters
    ----------
    value : float
    tol : float
        Largest difference, relative to the value where that is above one.

    Returns
    -------
    sympy number or None
        None if nothing simple is near, or `value` is not finite.

    Raises
    ------
    ArgumentError
        If `tol` is not positive and finite.

    Examples
    --------
    >>> snap_number(1.5708, 1e-4), snap_number(-0.3333, 1e-3), snap_number(1.4142, 1e-4), snap_number(0.8131, 1e-4)
    (pi/2, -1/3, sqrt(2), None)
    """
    if not (math.isfinite(tol) and tol > 0):
        raise ArgumentError(f"`tol` must be positive and finite; got {tol!r}.")
    value = float(value)
    if not math.isfinite(value):
        return None
    window = tol * max(1.0, abs(value))
    near = (entry for entry in _candidates(value, window) if abs(entry[1] - value) <= window)
    best = min(near, key=lambda entry: (entry[0], abs(entry[1] - value)), default=None)
    return None if best is None else best[2]


def _rebuild(expr: Any, replace: Callable[[Any], Any]) -> Any:
    """Rebuild an expression with each Float replaced, keeping nodes that would stop being finite."""
    import sympy

    undefined = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo)
    done: dict[Any, Any] = {}

    def visit(node: Any) -> Any:
        if node not in done:
            done[node] = build(node)
        return done[node]

    def build(node: Any) -> Any:
        if isinstance(node, sympy.Float):
            return replace(node)
        if not node.args:
            return node
        fresh = node.func(*(visit(argument) for argument in node.args))
        return node if fresh.has(*undefined) and not node.has(*undefined) else fresh

    return visit(expr)


def _candidates(value: float, window: float) -> Iterator[tuple[float, float, Any]]:
    """Yield (cost, number, sympy number) for the candidates closest to `value`."""
    import sympy

    for surcharge, factor, symbol in ((0.0, 1.0, sympy.S.One), (1.0, math.pi, sympy.pi), (2.0, math.e, sympy.E)):
        for denominator in _DENOMINATORS:
            numerator = round(value / factor * denominator)
            plain_integer = denominator == 1 and not surcharge
            if math.gcd(numerator, denominator) > 1 or window * (1 + surcharge) * denominator**2 > _DISTINCT:
                continue
            if not plain_integer and not 0 < abs(numerator) <= _LARGEST_NUMERATOR:
                continue
            cost = surcharge + math.log2(1 + abs(numerator)) + 2 * math.log2(denominator)
            exact = sympy.Rational(numerator, denominator) * symbol
            yield cost, numerator * factor / denominator, exact
    yield from _roots(value, window)


def _roots(value: float, window: float) -> Iterator[tuple[float, float, Any]]:
    """Yield the square root, and the reciprocal of a square root, closest to `value`."""
    import sympy

    if not 1 / _LARGEST_RADICAND < abs(value) < _LARGEST_RADICAND:
        return
    sign = 1 if value > 0 else -1
    for power in (1, -1):
        size = abs(value) ** power
        radicand = round(size * size)
        if radicand > _LARGEST_RADICAND or math.isqrt(radicand) ** 2 == radicand:
            continue
        number = sign * math.sqrt(radicand) ** power
        # Neighbouring roots are 1/(2 sqrt(n)) apart, their reciprocals 1/(2 n sqrt(n)).
        spacing = abs(number) / (2 * radicand)
        if window * (1 + _ROOT_COST) <= _DISTINCT * spacing:
            cost = _ROOT_COST + math.log2(1 + radicand) + (power < 0)
            exact = sign * sympy.sqrt(radicand) ** power
            yield cost, number, exact
