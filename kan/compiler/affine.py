"""Affine maps around expressions, and numbers that a parameter can hold.

Scales and biases cost a network nothing: the edge that uses an expression applies them. Deviation from pykan:
``2*(x + 1)`` is ``2*x + 2``, where pykan's ``next_nontrivial_operation`` leaves the scale of the bias out.
"""

from __future__ import annotations

import math
from typing import Any

import sympy

from kan.common.errors import ArgumentError, FormulaError

_MOST_SHOWN = 200


def next_nontrivial_operation(expr: Any, scale: Any = 1, bias: Any = 0) -> tuple[Any, Any, Any]:
    """Take scale and bias off an expression, so that ``scale * expr + bias`` stays what it was.

    Parameters
    ----------
    expr : sympy expression or number
    scale, bias : sympy expression or number
        An affine map that already surrounds `expr`.

    Returns
    -------
    expr : sympy expression
        What is left: a symbol, a function, a power, a sum without a constant or a product without a factor; an
        expression without symbols stays as it is.
    scale, bias : sympy expression

    Raises
    ------
    ArgumentError
        If `expr` is neither an expression nor a number.

    Examples
    --------
    >>> import sympy
    >>> a, b = sympy.symbols("a b")
    >>> next_nontrivial_operation(3 * sympy.exp(sympy.sin(sympy.pi * a) + b**2) - 2)
    (exp(b**2 + sin(pi*a)), 3, -2)
    >>> next_nontrivial_operation(a + sympy.pi, scale=2)
    (a, 2, 2*pi)
    """
    expr, scale, bias = as_expression(expr), sympy.sympify(scale), sympy.sympify(bias)
    symbols = expr.free_symbols
    while symbols and (expr.is_Add or expr.is_Mul):
        number, rest = expr.as_independent(*symbols, as_Add=expr.is_Add)
        if rest == expr:
            break
        scale, bias = (scale, bias + scale * number) if expr.is_Add else (scale * number, bias)
        expr = rest
    return expr, scale, bias


def normalised(expr: Any) -> tuple[Any, Any, Any]:
    """Return `next_nontrivial_operation` with a common factor and the sign of a sum in its scale.

    ``x - y``, ``y - x`` and ``2*x - 2*y + 1`` then are one expression, which a network computes once.
    """
    core, scale, bias = next_nontrivial_operation(expr)
    if core.is_Add:
        content, core = core.primitive()
        scale *= content
        if core.could_extract_minus_sign():
            scale, core = -scale, -core
    return core, scale, bias


def as_expression(given: Any) -> Any:
    """Return an expression or number as sympy's; text is not parsed, for sympy would execute it.

    Raises
    ------
    ArgumentError
        If it is neither.
    """
    try:
        expr = sympy.sympify(given, strict=True)
    except sympy.SympifyError:
        expr = None
    if not isinstance(expr, sympy.Expr) or expr.is_Matrix:
        raise ArgumentError(f"`expr` must be a sympy expression or a number; got {given!r}, a {type(given).__name__}.")
    return expr


def as_float(number: Any, *, within: Any) -> float:
    """Return a number of sympy's as a float.

    Raises
    ------
    FormulaError
        If it is not real and finite; `within` is the sub-expression that the message names.
    """
    try:
        value = float(number)
    except TypeError:
        value = math.nan
    if not math.isfinite(value):
        raise FormulaError(
            f"`{shown(within)}` cannot be expressed: a network computes with real, finite numbers, and {shown(number)} "
            "is none."
        )
    return value


def shown(expr: Any) -> str:
    """Return an expression as text that fits into a message."""
    text = str(expr)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
