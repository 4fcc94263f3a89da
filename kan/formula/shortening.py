"""One formula made shorter within limits: dropping terms, snapping constants, choosing among equivalent forms.

Imports sympy: import this module in functions only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import sympy

from kan.common.errors import FormulaError
from kan.formula.evaluation import Evaluation, Part
from kan.formula.rewriting import alternatives, cost, fold
from kan.symbolic.rounding import snap_number

Neighbours = dict[Any, list[Any]]
"""The simple numbers near each constant."""

_MOST_ALTERNATIVES = 40
_MOST_WORK = 6000
"""Parts of a formula times alternatives to it: a long formula is rewritten in fewer ways."""
_ROUNDS = 3
_MOST_DIGITS = 15
_MOST_TRADED = 12
"""In a formula of at most so many constants one may become a whole number ..."""
_CLOSE = 0.05
"""... at most so far away if the others, fitted in so many steps, make up for it."""
_TRADE_STEPS = 3
_WINDOWS = 7
_SMALLEST_WINDOW = 1e-14
_CONSTANT = 1e-12
"""An output that varies less than this, relative to its size, is a constant."""
_EXACT = 1e-9
"""A formula that changes the output by less than this, relative to its spread, is the original one."""
_LARGEST_DENOMINATOR = 100
_COINCIDENCE = 1e-5
"""So near to a fraction p/q, in units of 1/q^2, lies one random number in 16 000: p/q is meant."""
_UNITS = ((1, 0), (1, 1), (1, -1), (1, 2), (1, -2), (2, 0), (2, 1), (2, -1))
"""Of which powers of a constant and of pi the quotient may be such a fraction: pi/4, 1/(4 pi), pi^2, sqrt(3)/2 ..."""


@dataclass(frozen=True)
class Limits:
    """Data, and how far the output may move on them.

    Attributes
    ----------
    columns : dict
        The values (N,) of every variable, at rows where the original formula is finite.
    output : array (N,)
        The original formula's output there.
    tolerance : float
        The allowed change, relative to `spread`.
    spread : float
        The standard deviation of the output; for a constant output its size.
    """

    columns: dict[Any, Any]
    output: Any
    tolerance: float
    spread: float

    @classmethod
    def of(cls, expr: Any, columns: Mapping[Any, Any], tolerance: float) -> Limits:
        """Evaluate a formula, and take its output as the reference."""
        output = Evaluation(expr, columns).output
        finite = np.isfinite(output)
        if not finite.any():
            raise FormulaError(f"the formula has no finite value on the data: {expr}.")
        output = output[finite]
        spread, size = float(output.std()), float(np.abs(output).max())
        spread = spread if spread > _CONSTANT * size else size or 1.0
        kept = {symbol: np.asarray(column)[finite] for symbol, column in columns.items()}
        return cls(kept, output, tolerance, spread)

    def thinned(self, rows: int) -> Limits:
        """Return the same limits on some of the rows."""
        if len(self.output) <= rows:
            return self
        chosen = np.linspace(0, len(self.output) - 1, rows).round().astype(int)
        columns = {symbol: column[chosen] for symbol, column in self.columns.items()}
        return replace(self, columns=columns, output=self.output[chosen])

    def values_of(self, expr: Any) -> Any:
        """Evaluate a formula on the rows."""
        return Evaluation(expr, self.columns).output

    def change(self, values: Any) -> float:
        """Return the change of the output, root mean square."""
        return _rms(values - self.output)

    def price(self, values: Any) -> float:
        """Return what is bounded by the tolerance; infinite if a value is not finite."""
        return self.change(values) / self.spread if np.isfinite(values).all() else math.inf

    def allow(self, values: Any) -> bool:
        """Tell whether an output is close enough to the original one."""
        return self.price(values) <= self.tolerance

    @property
    def reach(self) -> float:
        """The largest change of the output, root mean square, that can be allowed."""
        return self.tolerance * self.spread


@dataclass(frozen=True)
class Shortened:
    """A formula, and what was done to it."""

    expr: Any
    dropped: list[tuple[Any, float]] = field(default_factory=list)
    snapped: list[tuple[float, Any]] = field(default_factory=list)


def shorten(expr: Any, limits: Limits) -> Shortened:
    """Return the formula in the form that reads best within the limits."""
    form = Shortened(expr)
    for _ in range(2):  # what is dropped may leave something to fold
        form = _dropped(replace(form, expr=fold(form.expr)), limits)
    known: Neighbours = {}
    best = _snapped(form, limits, known)
    for _ in range(_ROUNDS):
        better = _better_form(form, best, limits, known)
        if better is None:
            break
        form, best = better
    best = best if cost(best.expr) <= cost(expr) else _snapped(Shortened(expr), limits, known)
    while (traded := _traded(best, limits)) is not None:
        best = _snapped(traded, limits, {})
    return _rounded(best, limits)


def _rounded(form: Shortened, limits: Limits) -> Shortened:
    """Round the constants that have no simple number near them, to as few digits as the limits allow."""
    if not form.expr.has(sympy.Float):
        return form
    for digits in range(2, _MOST_DIGITS):
        rounded = form.expr.xreplace(
            {number: sympy.Float(f"{float(number):.{digits}g}") for number in form.expr.atoms(sympy.Float)}
        )
        if limits.allow(limits.values_of(rounded)):
            return replace(form, expr=rounded)
    return form


def _better_form(
    form: Shortened, best: Shortened, limits: Limits, known: Neighbours
) -> tuple[Shortened, Shortened] | None:
    """Return an equivalent form that is shorter once its constants are snapped, and its snapped self."""
    found, least = None, _rank(best, limits)
    size = sum(1 for _ in sympy.preorder_traversal(form.expr))
    for other in islice(alternatives(form.expr), min(_MOST_ALTERNATIVES, _MOST_WORK // size)):
        if other.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
            continue
        rewritten = _dropped(replace(form, expr=other), limits)
        snapped = _snapped(rewritten, limits, known)
        rank = _rank(snapped, limits)
        if rank < least and limits.allow(limits.values_of(snapped.expr)):
            found, least = (rewritten, snapped), rank
    return found


def _rank(form: Shortened, limits: Limits) -> tuple[bool, float]:
    """Order forms: first those of simple numbers only that give the original output, then those that are short."""
    is_exact = not form.expr.has(sympy.Float) and limits.price(limits.values_of(form.expr)) <= _EXACT
    return not is_exact, cost(form.expr)


def _dropped(form: Shortened, limits: Limits) -> Shortened:
    """Leave out the terms that do not matter, the least important first."""
    evaluation = Evaluation(form.expr, limits.columns)
    if not limits.allow(evaluation.output):
        return form
    terms = [part for part in evaluation.root.descendants() if part.is_term]
    changes = [limits.change(evaluation.trial(term, 0.0)) for term in terms]
    dropped: list[tuple[Any, float]] = []
    for change, _, term in sorted(zip(changes, range(len(terms)), terms)):
        if not change <= 2 * limits.reach:
            continue
        if not _is_gone(term) and limits.allow(evaluation.trial(term, 0.0)):
            dropped.append((term.expr, change / limits.spread))
            evaluation.commit(term, sympy.S.Zero, 0.0)
    if not dropped:
        return form
    result = evaluation.root.rebuild()
    # Rebuilding merges what the dropped terms kept apart.
    again = _dropped(Shortened(result), limits)
    return replace(form, expr=again.expr, dropped=form.dropped + dropped + again.dropped)


def _is_gone(term: Part) -> bool:
    """Tell whether a part was dropped, or is inside one that was."""
    above: Part | None = term
    while above is not None:
        if above.substitute is not None:
            return True
        above = above.parent
    return False


def _snapped(form: Shortened, limits: Limits, known: Neighbours) -> Shortened:
    """Replace constants by simple numbers, those that cost least first; `known` are numbers near some constants."""
    evaluation = Evaluation(form.expr, limits.columns)
    constants = [part for part in evaluation.root.descendants() if part.expr.is_Float]
    offers = []
    for order, constant in enumerate(constants):
        # Rewriting one part leaves the other constants, and what they do to the output, as they were.
        if constant.expr not in known:
            known[constant.expr] = _simple_numbers(evaluation, constant, limits)
        numbers = known[constant.expr]
        if numbers:
            offers.append((limits.price(evaluation.trial(constant, float(numbers[0]))), order, constant, numbers))
    snapped: list[tuple[float, Any]] = []
    for _, _, constant, numbers in sorted(offers, key=lambda offer: offer[:2]):
        for number in numbers:
            if limits.allow(evaluation.trial(constant, float(number))):
                if float(number) != float(constant.expr) or not number.is_Rational:
                    snapped.append((float(constant.expr), number))
                evaluation.commit(constant, number, float(number))
                break
    expr = evaluation.root.rebuild()
    if expr.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
        return form
    return replace(form, expr=expr, snapped=form.snapped + snapped)


def _simple_numbers(evaluation: Evaluation, constant: Part, limits: Limits) -> list[Any]:
    """Return simple numbers near a constant that the limits allow one by one: one that fits exactly, the simplest."""
    value = float(constant.expr)
    window = _window(value, _rms(_slope(evaluation, constant)), limits)
    found: list[Any] = []
    for number in _nearby(value, window):
        if number is not None and number not in found and limits.allow(evaluation.trial(constant, float(number))):
            found.append(number)
    return found


def _traded(form: Shortened, limits: Limits) -> Shortened | None:
    """Return the formula with one more whole number, for whose change the other constants make up, or None.

    In 1.02*x**0.99 noise has moved two constants: neither can be rounded alone, but 1.0*x**1.0 is close.
    """
    evaluation = Evaluation(form.expr, limits.columns)
    constants = [part for part in evaluation.root.descendants() if part.expr.is_Float]
    if not 1 <= len(constants) <= _MOST_TRADED:
        return None
    slopes = np.stack([_slope(evaluation, constant) for constant in constants], 1)  # (N, P)
    if not np.isfinite(slopes).all():
        return None
    best, least = None, math.inf
    for index, constant in enumerate(constants):
        others = np.delete(slopes, index, 1)
        alone = slopes[:, index] - others @ np.linalg.lstsq(others, slopes[:, index], rcond=None)[0]
        value, number = float(constant.expr), sympy.Integer(round(float(constant.expr)))
        if _gap(value, number) > min(_window(value, _rms(alone), limits) * max(1.0, abs(value)), _CLOSE):
            continue
        trade = _trade(form, index, number, others, limits)
        price = limits.price(limits.values_of(trade))
        if price < least and price <= limits.tolerance:
            best, least = replace(form, expr=trade, snapped=[*form.snapped, (value, number)]), price
    return None if best is None else _dropped(best, limits)


def _trade(form: Shortened, index: int, number: Any, slopes: Any, limits: Limits) -> Any:
    """Return the formula with a constant replaced, and the others, of given slopes, fitted to the original output."""
    evaluation = Evaluation(form.expr, limits.columns)
    constants = [part for part in evaluation.root.descendants() if part.expr.is_Float]
    fixed = constants.pop(index)
    evaluation.commit(fixed, number, float(number))
    values = np.array([float(constant.expr) for constant in constants])
    for _ in range(_TRADE_STEPS):
        gap = limits.output - evaluation.output
        if not np.isfinite(gap).all():
            break
        values = values + np.linalg.lstsq(slopes, gap, rcond=None)[0]
        for constant, value in zip(constants, values.tolist()):
            evaluation.commit(constant, sympy.Float(value), value)
    return evaluation.root.rebuild()


def _slope(evaluation: Evaluation, constant: Part) -> Any:
    """Return the derivative of the output with respect to a constant (N,)."""
    value = float(constant.expr)
    step = 1e-6 * max(abs(value), 1e-3)
    return (evaluation.trial(constant, value + step) - evaluation.output) / step


def _window(value: float, slope: float, limits: Limits) -> float:
    """Return how far a constant may move, relative to its size where that is above one."""
    window = 1.5 * limits.reach / slope / max(1.0, abs(value)) if slope > 0 and math.isfinite(slope) else 0.1
    return min(window, 0.1)


def _nearby(value: float, window: float) -> Iterator[Any]:
    """Yield the number that a constant is meant to be, and the simplest in ever smaller windows, None where none is."""
    yield _meant(value)
    for _ in range(_WINDOWS):
        if window < _SMALLEST_WINDOW:
            break
        yield snap_number(value, window)
        window /= 3


def _meant(value: float) -> Any | None:
    """Return the fraction, of a power of pi or under a root, that a constant is no coincidence near to, or None."""
    if math.ulp(value) > _COINCIDENCE:  # its square may be no double any more
        return None
    for power, turns in _UNITS:
        ratio = abs(value) ** power / math.pi**turns
        fraction = Fraction(ratio).limit_denominator(_LARGEST_DENOMINATOR)
        if fraction and _gap(ratio, fraction) * fraction.denominator**2 < _COINCIDENCE:
            size = sympy.Rational(fraction.numerator, fraction.denominator) * sympy.pi**turns
            return sympy.root(size, power) * (1 if value > 0 else -1)
    return None


def _gap(value: float, number: Any) -> float:
    """Return how far a number is from a value, at least its rounding error: every double above 2^53 is whole."""
    return max(abs(value - float(number)), math.ulp(value))


def _rms(values: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(np.square(values))))
