"""What one writes formulas with: the names of sympy that star imports give, loaded when they are first used.

They are those that a script is likely to go on with after `symbolic_formula`. sympy has nine hundred more, which
``from sympy import *`` gives.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "Abs",
    "Add",
    "Derivative",
    "E",
    "Eq",
    "Expr",
    "Float",
    "Function",
    "I",
    "Integer",
    "Integral",
    "Lambda",
    "Matrix",
    "Mul",
    "N",
    "Number",
    "Piecewise",
    "Poly",
    "Pow",
    "Rational",
    "S",
    "Symbol",
    "acos",
    "acosh",
    "apart",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cancel",
    "collect",
    "cos",
    "cosh",
    "count_ops",
    "diff",
    "erf",
    "evalf",
    "exp",
    "expand",
    "expand_log",
    "expand_trig",
    "factor",
    "init_printing",
    "integrate",
    "lambdify",
    "latex",
    "limit",
    "ln",
    "log",
    "logcombine",
    "nsimplify",
    "nsolve",
    "oo",
    "pi",
    "powsimp",
    "pprint",
    "preorder_traversal",
    "radsimp",
    "series",
    "sign",
    "simplify",
    "sin",
    "sinh",
    "solve",
    "solveset",
    "sqrt",
    "srepr",
    "symbols",
    "sympify",
    "tan",
    "tanh",
    "together",
    "trigsimp",
]


def __getattr__(name: str) -> Any:
    """Return what `name` is in sympy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("sympy"), name)
