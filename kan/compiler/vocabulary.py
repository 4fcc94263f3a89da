"""The words that a network has for an expression: sums, products, powers, and the functions of the library.

What the library has is read off its own sympy sides, so functions added with `add_symbolic` are included. Functions
that sympy knows by other words, such as ``cosh``, are written with these words; a power with a variable exponent
becomes ``exp(y*log(x))``, which asks for x > 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from fractions import Fraction
from functools import partial, reduce
from typing import Any

import sympy
from sympy import Abs, acos, asin, atan, cos, exp, log, sign, sin, sqrt, tan, tanh

from kan.common.errors import FormulaError
from kan.compiler.affine import as_float, shown
from kan.symbolic.library import SYMBOLIC_LIB
from kan.symbolic.powers import power_name

_SYNONYMS: dict[str, Callable[..., Any]] = {
    "sinh": lambda x: (exp(x) - exp(-x)) / 2,
    "cosh": lambda x: (exp(x) + exp(-x)) / 2,
    "coth": lambda x: 1 / tanh(x),
    "sech": lambda x: 2 / (exp(x) + exp(-x)),
    "csch": lambda x: 2 / (exp(x) - exp(-x)),
    "sec": lambda x: 1 / cos(x),
    "csc": lambda x: 1 / sin(x),
    "cot": lambda x: 1 / tan(x),
    "asec": lambda x: acos(1 / x),
    "acsc": lambda x: asin(1 / x),
    "acot": lambda x: atan(1 / x),
    # Without the sign, negative x would lose all its digits to cancellation.
    "asinh": lambda x: sign(x) * log(Abs(x) + sqrt(x**2 + 1)),
    "acosh": lambda x: log(x + sqrt(x - 1) * sqrt(x + 1)),
    # All variables are real; sympy writes Abs(exp(x)) as exp(re(x)).
    "re": lambda x: x,
    "im": lambda x: 0,
    "conjugate": lambda x: x,
    "Max": lambda *terms: reduce(lambda x, y: (x + y + Abs(x - y)) / 2, terms),
    "Min": lambda *terms: reduce(lambda x, y: (x + y - Abs(x - y)) / 2, terms),
}
"""Functions that the library does not have, in terms of those it has, by sympy's name."""


class Vocabulary:
    """The library as sympy sees it, at one moment."""

    def __init__(self) -> None:
        self._functions: dict[str, str] = {}
        self._powers: dict[float, str] = {}
        for name, entry in SYMBOLIC_LIB.items():
            self._learn(name, entry[1])

    def _learn(self, name: str, sympy_fun: Callable[[Any], Any]) -> None:
        """Take up a function of the library if it is one operation on its argument; the first of its names stays."""
        x = sympy.Dummy()
        try:
            image = sympy.sympify(sympy_fun(x))
        except (TypeError, ValueError, AttributeError, sympy.SympifyError):
            # A function that a script put into the table without a sympy side.
            return
        if image.is_Pow and image.base == x and image.exp.is_number:
            self._powers.setdefault(float(image.exp), name)
        elif image.is_Function and image.args == (x,):
            self._functions.setdefault(type(image).__name__, name)

    def function_of(self, expr: Any) -> tuple[str, Any]:
        """Return the library's name of a univariate operation, and its argument."""
        if expr.is_Pow:
            return self.power(expr.exp), expr.base
        return self._functions[type(expr).__name__], expr.args[0]

    def power(self, exponent: Any) -> str:
        """Return the library's name of a power; any has one."""
        known = self._powers.get(float(exponent))
        if known is None:
            exact = Fraction(str(exponent)) if sympy.sympify(exponent).is_Rational else float(exponent)
            known = power_name(exact)
        return known

    def express(self, expr: Any, *, variables: Collection[Any]) -> Any:
        """Write an expression in sums, products, powers with numbers as exponents, and functions of the library.

        Raises
        ------
        FormulaError
            If that cannot be done; it names the sub-expression.
        """
        if expr.is_Symbol:
            if expr not in variables:
                listed = ", ".join(map(str, variables))
                raise FormulaError(f"`{expr}` cannot be expressed: it is none of the input variables {listed}.")
            return expr
        if not expr.free_symbols:
            as_float(expr, within=expr)
            return expr
        inner = partial(self.express, variables=variables)
        simpler = self._step(expr, inner)
        # What sympy makes of the parts may need other words: Abs(exp(x)) becomes exp(re(x)).
        return simpler if simpler == expr else inner(simpler)

    def _step(self, expr: Any, inner: Callable[[Any], Any]) -> Any:
        """Express the parts of an expression, or write the operation itself differently."""
        name = type(expr).__name__
        if expr.is_Add or expr.is_Mul or (name in self._functions and len(expr.args) == 1):
            return expr.func(*map(inner, expr.args))
        if expr.is_Pow:
            return _powered(expr, inner)
        simpler = _SYNONYMS[name](*expr.args) if name in _SYNONYMS else expr.doit()
        if simpler == expr:
            raise FormulaError(
                f"`{shown(expr)}` cannot be expressed: the library has {', '.join(self._functions)}, and no {name!r}. "
                f"A function of one variable can be added with `add_symbolic({name!r}, function)`."
            )
        return sympy.sympify(simpler)


def _powered(expr: Any, inner: Callable[[Any], Any]) -> Any:
    """Express the parts of a power; one with a variable exponent has a positive base."""
    base, exponent = expr.as_base_exp()
    if not exponent.free_symbols:
        as_float(exponent, within=expr)
        return inner(base) ** exponent
    if not base.free_symbols:
        as_float(log(base), within=expr)
    return exp(inner(exponent) * inner(log(base)))
