"""Making a formula simpler, at a stated price: terms that do not matter are dropped, constants become simple numbers.

Each term anywhere in the formula is left out, the least important first, and each constant is replaced by the fraction
that it fits exactly, times a power of pi or under a root too, or else by the simplest number near it (integers, small
fractions, multiples of pi and e, roots), as long as the output on the data stays within the tolerance of the original
formula's output. Of equivalent ways to write the formula, the one that reads best is kept. Constants that remain become
whole numbers where the others, fitted again, make up for it: noise moves constants together. All changes together keep
the tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from kan.common.errors import ArgumentError, FormulaError, check_number

if TYPE_CHECKING:
    import sympy

_ROWS = 300
"""Rows of the data that candidates are tried on; the result is checked on all."""

_ROUNDING = 1e-12
"""Changes of the output below this, relative to its spread, are not worth telling."""


@dataclass(frozen=True)
class SimplifiedFormula:
    """A formula that was made simpler, and what that cost.

    Attributes
    ----------
    expressions : list of sympy expressions
        One per output.
    originals : list of sympy expressions
    dropped : list of list of (sympy expression, float)
        For every output the terms left out, each with the change of the output (root mean square, relative to its
        standard deviation) that leaving out this term alone makes.
    snapped : list of list of (float, sympy number)
        For every output the constants replaced, and by what.
    change : list of float
        The change of every output on all data, root mean square.
    spread : list of float
        The standard deviation of every output.
    rows : int
        The number of rows of the data.
    left_out : list of int
        For every output the rows where the original formula is not finite; nothing is said of them.
    """

    expressions: list[sympy.Expr]
    originals: list[sympy.Expr]
    dropped: list[list[tuple[Any, float]]]
    snapped: list[list[tuple[float, Any]]]
    change: list[float]
    spread: list[float]
    rows: int
    left_out: list[int]

    @property
    def expression(self) -> sympy.Expr:
        """The formula of a single output."""
        if len(self.expressions) != 1:
            raise FormulaError(f"there are {len(self.expressions)} outputs; see `expressions`.")
        return self.expressions[0]

    def in_terms_of(self, meaning: Mapping[Any, Any]) -> SimplifiedFormula:
        """Return the same with expressions in the places of symbols."""

        def of(expression: Any) -> Any:
            return expression.xreplace(dict(meaning))

        return replace(
            self,
            expressions=[of(expression) for expression in self.expressions],
            originals=[of(original) for original in self.originals],
            dropped=[[(of(term), effect) for term, effect in terms] for terms in self.dropped],
        )

    def report(self) -> str:
        """Say in a few lines what was done and what it cost."""
        return "\n".join(line for index in range(len(self.expressions)) for line in self._lines(index))

    def __str__(self) -> str:
        """Return the report."""
        return self.report()

    def _lines(self, index: int) -> list[str]:
        title = "formula" if len(self.expressions) == 1 else f"formula of output {index + 1}"
        lines = [f"{title}: {self.expressions[index]}"]
        # What differs by rounding only is no news.
        terms = [f"{_short(term)} ({effect:.1e})" for term, effect in self.dropped[index] if effect > _ROUNDING]
        if terms:
            lines.append(f"  dropped, with the relative change each makes: {', '.join(terms)}")
        constants = [(f"{old:.10g}", str(new)) for old, new in self.snapped[index]]
        changes = [f"{old} -> {new}" for old, new in constants if old != new]
        if changes:
            lines.append("  replaced: " + ", ".join(changes))
        relative = self.change[index] / self.spread[index] if self.spread[index] else self.change[index]
        lines.append(f"  changes the output by {self.change[index]:.2e} rms, {relative:.2e} of its standard deviation")
        if self.left_out[index]:
            lines.append(f"  not finite on {self.left_out[index]} of {self.rows} rows, which are left out")
        return lines


def simplify_formula(expr: Any, *, data: Any, variables: Sequence[Any], tolerance: float) -> SimplifiedFormula:
    """Make a formula simpler without changing its values on data by more than a tolerance.

    Parameters
    ----------
    expr : sympy expression, or list of them
    data : Tensor or array (N, n)
    variables : sequence of n sympy symbols
        The symbols of the columns.
    tolerance : float
        How much every output may change, root mean square, relative to its standard deviation.

    Returns
    -------
    SimplifiedFormula

    Raises
    ------
    ArgumentError
        For shapes that do not fit, or a tolerance that is negative or not a number.
    FormulaError
        If the formula has other symbols than `variables`, or no finite value on the data.

    Examples
    --------
    >>> import sympy, torch
    >>> x, y = sympy.symbols("x y")
    >>> result = simplify_formula(
    ...     0.9999998 * sympy.sin(3.1415927 * x + 6.2831853) + 1e-7 * y,
    ...     data=torch.rand(200, 2, dtype=torch.float64),
    ...     variables=[x, y],
    ...     tolerance=1e-5,
    ... )
    >>> result.expression
    sin(pi*x)
    """
    import sympy

    from kan.formula.shortening import Limits, shorten

    formulas = [sympy.sympify(entry) for entry in (expr if isinstance(expr, (list, tuple)) else [expr])]
    tolerance = check_number("tolerance", tolerance, least=0)
    rows = _read(data, len(variables))
    columns = dict(zip(variables, rows.T))
    results = []
    for formula in formulas:
        limits = Limits.of(formula, columns, tolerance)
        shorter = shorten(formula, limits.thinned(_ROWS))
        if not limits.allow(limits.values_of(shorter.expr)):
            shorter = shorten(formula, limits)
        results.append((shorter, limits, limits.values_of(shorter.expr)))
    return SimplifiedFormula(
        expressions=[shorter.expr for shorter, _, _ in results],
        originals=formulas,
        dropped=[shorter.dropped for shorter, _, _ in results],
        snapped=[shorter.snapped for shorter, _, _ in results],
        change=[limits.change(values) for _, limits, values in results],
        spread=[limits.spread for _, limits, _ in results],
        rows=len(rows),
        left_out=[len(rows) - len(limits.output) for _, limits, _ in results],
    )


def _read(data: Any, n_variables: int) -> Any:
    """Return data (N, n) as an array of doubles."""
    rows = np.asarray(data.detach().cpu().double().numpy() if isinstance(data, Tensor) else data, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != n_variables or len(rows) == 0:
        raise ArgumentError(f"`data` must have shape (N, {n_variables}), N > 0; got {tuple(rows.shape)}.")
    return rows


def _short(term: Any) -> str:
    """Return a term with few digits."""
    return str(term.evalf(3))
