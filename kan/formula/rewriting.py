"""Different ways to write the same function, among which one is shorter once its constants are snapped.

An edge ``c*f(a*x + b) + d`` can often be written with fewer constants: ``0.37*exp(x + 1)`` is ``exp(x)``,
``2.25*(0.67*x + 0.33)**2`` is ``(x + 0.5)**2``, ``sin(x + 6.28)`` is ``sin(x)``. Everything here is exact up to
rounding. Imports sympy: import this module in functions only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import sympy

_LARGEST_EXPONENT = 50.0
_LARGEST_POWER = 5
_MOST_TERMS = 60
_MOST_SCALES = 3


def fold(expr: Any) -> Any:
    """Return the expression with phases below a quarter turn and constants taken out of logarithms.

    sympy takes those of exponentials out by itself.
    """
    if expr.is_number or not expr.args:
        return expr
    arguments = [fold(argument) for argument in expr.args]
    result = expr.func(*arguments)
    if isinstance(result, (sympy.sin, sympy.cos, sympy.tan)):
        return _fold_phase(result)
    if isinstance(result, sympy.log):
        factor, rest = result.args[0].as_coeff_Mul()
        return sympy.log(rest) + math.log(factor) if factor.is_Float and factor > 0 else result
    return result


def alternatives(expr: Any) -> Iterator[Any]:
    """Yield the expression with one of its parts written differently."""
    expanded = _expanded(expr)
    if expanded != expr:
        yield expanded
    seen: set[Any] = set()
    for part in sympy.preorder_traversal(expr):
        if part in seen or part.is_number:
            continue
        seen.add(part)
        for other in _rewritten(part):
            yield expr.xreplace({part: other})


def cost(expr: Any) -> float:
    """Return how much there is to read: constants without a simple value weigh most."""
    return float(sum(map(_part_cost, sympy.preorder_traversal(expr))))


def _part_cost(part: Any) -> float:
    if part.is_Float:
        return 10.0
    if part.is_Rational:
        return 0.5 + 0.2 * math.log2(abs(part.p)) + 0.5 * math.log2(part.q) if part != 0 else 0.5
    return 1.0


def _fold_phase(wave: Any) -> Any:
    """Shift the phase of a sine, cosine or tangent by half periods to where it is smallest."""
    phase, rest = wave.args[0].as_coeff_Add()
    if not phase.is_Float:
        return wave
    turns = round(float(phase) / math.pi)
    if turns == 0:
        return wave
    sign = -1 if turns % 2 and not isinstance(wave, sympy.tan) else 1
    return sign * wave.func(rest + (phase - sympy.Float(turns * math.pi)))


def _expanded(expr: Any) -> Any:
    """Multiply powers and products of sums out, if that is short: sums of squares may make a product of variables."""
    if _expanded_size(expr) > _MOST_TERMS:
        return expr
    hints = {"power_base": False, "power_exp": False, "log": False, "basic": False}
    return sympy.expand(expr, mul=True, multinomial=True, **hints)


def _expanded_size(expr: Any) -> float:
    """Return how many terms an expression has at most when it is multiplied out, or infinity if a part is too long."""
    if not expr.args:
        return 1
    if expr.is_Pow and expr.exp.is_Integer and expr.exp > 1:
        return _expanded_size(expr.base) ** min(int(expr.exp), _LARGEST_POWER + 1)
    sizes = [_expanded_size(argument) for argument in expr.args]
    if expr.is_Add:
        return sum(sizes)
    return math.prod(sizes) if expr.is_Mul else (1 if max(sizes) <= _MOST_TERMS else math.inf)


def _rewritten(part: Any) -> Iterator[Any]:
    """Yield other ways to write the outermost operation of a part."""
    coefficient, rest = part.as_coeff_Mul()
    if isinstance(part, sympy.log):
        for scale in _scales(part.args[0]):
            yield sympy.log(_divided(part.args[0], abs(scale))) + math.log(abs(scale))
    elif part.is_Add:
        yield from _with_absorbed_constant(part)
    else:
        yield from _rescaled(coefficient, rest)


def _with_absorbed_constant(part: Any) -> Iterator[Any]:
    """Write ``k*log(u) + d`` as ``k*log(u*exp(d/k))``."""
    constant, rest = part.as_coeff_Add()
    if not constant.is_Float:
        return
    for term in sympy.Add.make_args(rest):
        k, logarithm = term.as_coeff_Mul()
        if isinstance(logarithm, sympy.log) and abs(constant / k) < _LARGEST_EXPONENT:
            grown = _divided(logarithm.args[0], math.exp(-constant / k))
            yield rest - term + k * sympy.log(grown)


def _rescaled(coefficient: Any, rest: Any) -> Iterator[Any]:
    """Move a factor between the coefficient of a product and a sum inside it: ``c*(a*x + b)**n``."""
    for factor in sympy.Mul.make_args(rest):
        base, exponent = (factor.args[0], sympy.S.One) if isinstance(factor, sympy.Abs) else factor.as_base_exp()
        if not base.is_Add or not exponent.is_Rational:
            continue
        others = rest / factor
        scales = _scales(base)
        # Under a high root a coefficient becomes a high power of itself, which may be no float any more.
        if coefficient.is_Float and abs(math.log(abs(coefficient)) / exponent) < _LARGEST_EXPONENT:
            scales.append(abs(float(coefficient)) ** float(-1 / exponent))
        for scale in scales:
            signed = scale if exponent.is_Integer and not isinstance(factor, sympy.Abs) else abs(scale)
            inner = _divided(base, signed)
            power = sympy.Abs(inner) if isinstance(factor, sympy.Abs) else inner**exponent
            yield coefficient * sympy.Float(signed**exponent) * others * power


def _scales(base: Any) -> list[float]:
    """Return the coefficients of a sum, some of them: dividing by one makes it 1."""
    terms = sorted(sympy.Add.make_args(base), key=lambda term: (bool(term.is_number), sympy.default_sort_key(term)))
    coefficients = [float(term.as_coeff_Mul()[0]) for term in terms]
    return [value for value in coefficients[:_MOST_SCALES] if abs(value) != 1]


def _divided(base: Any, scale: float) -> Any:
    """Divide every term of a sum by a number."""
    return sympy.Add(*(term * sympy.Float(1 / scale) for term in sympy.Add.make_args(base)))
