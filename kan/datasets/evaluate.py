"""Evaluate a sympy expression on torch tensors.

One table from sympy's functions to torch's, after the idea of patrick-kidger/sympytorch, and a walk over the
expression that remembers each subexpression. Numbers stay Python numbers until they meet a tensor, so that the dtype
of the data decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import Any

import torch

from kan.common.errors import ArgumentError


def evaluate(*, expression: Any, values: Mapping[Any, torch.Tensor]) -> Any:
    """Return the value of `expression`: a tensor, or a float where it holds no symbol."""
    known: dict[Any, Any] = dict(values)
    return _evaluate(expression, known)


def _evaluate(expression: Any, known: dict[Any, Any]) -> Any:
    """Evaluate one node; `known` holds the symbols and every subexpression met so far."""
    if expression not in known:
        known[expression] = _number(expression) if expression.is_number else _compose(expression, known)
    return known[expression]


def _number(expression: Any) -> float:
    """Return a constant as a float."""
    try:
        return float(expression)
    except TypeError as error:
        raise ArgumentError(f"an expression must be real and finite; it holds the constant {expression}.") from error


def _compose(expression: Any, known: dict[Any, Any]) -> Any:
    """Evaluate a node that is neither a symbol nor a number."""
    if expression.is_Pow:
        return _evaluate(expression.base, known) ** _evaluate(expression.exp, known)
    if expression.is_Piecewise:
        return _piecewise(expression, known)
    function = _functions().get(expression.func)
    if function is None:
        names = ", ".join(sorted(kind.__name__ for kind in _functions()))
        raise ArgumentError(f"{expression.func.__name__} in {expression} has no torch counterpart; known are {names}.")
    return function(*[_evaluate(argument, known) for argument in expression.args])


def _piecewise(expression: Any, known: dict[Any, Any]) -> Any:
    """Evaluate a Piecewise; rows that no condition covers are NaN."""
    shaped = next(value for value in known.values() if torch.is_tensor(value))
    result = torch.full_like(shaped, torch.nan)
    for value, condition in reversed(expression.args):
        branch = torch.as_tensor(_evaluate(value, known), dtype=shaped.dtype, device=shaped.device)
        chosen = torch.as_tensor(_condition(condition, known), device=shaped.device)
        result = torch.where(chosen, branch, result)
    return result


def _condition(condition: Any, known: dict[Any, Any]) -> Any:
    """Evaluate a truth value: True, False, or a relation between expressions."""
    if condition.is_Boolean and not condition.args:
        return bool(condition)
    return _evaluate(condition, known)


@cache
def _functions() -> dict[Any, Callable[..., Any]]:
    """Return the table; built on first use, because sympy takes long to import."""
    import sympy

    one: dict[Any, Callable[..., Any]] = {
        sympy.Abs: torch.abs,
        sympy.sign: torch.sign,
        sympy.floor: torch.floor,
        sympy.ceiling: torch.ceil,
        sympy.exp: torch.exp,
        sympy.log: torch.log,
        sympy.sin: torch.sin,
        sympy.cos: torch.cos,
        sympy.tan: torch.tan,
        sympy.asin: torch.asin,
        sympy.acos: torch.acos,
        sympy.atan: torch.atan,
        sympy.sinh: torch.sinh,
        sympy.cosh: torch.cosh,
        sympy.tanh: torch.tanh,
        sympy.asinh: torch.asinh,
        sympy.acosh: torch.acosh,
        sympy.atanh: torch.atanh,
        sympy.erf: torch.erf,
        sympy.cot: lambda x: 1 / torch.tan(x),
        sympy.sec: lambda x: 1 / torch.cos(x),
        sympy.csc: lambda x: 1 / torch.sin(x),
        sympy.Not: torch.logical_not,
    }
    several: dict[Any, Callable[..., Any]] = {
        sympy.Add: lambda *terms: reduce(lambda a, b: a + b, terms),
        sympy.Mul: lambda *factors: reduce(lambda a, b: a * b, factors),
        sympy.Max: lambda *terms: reduce(torch.maximum, _tensors(terms)),
        sympy.Min: lambda *terms: reduce(torch.minimum, _tensors(terms)),
        sympy.atan2: lambda y, x: torch.atan2(*_tensors((y, x))),
        sympy.And: lambda *terms: reduce(torch.logical_and, terms),
        sympy.Or: lambda *terms: reduce(torch.logical_or, terms),
        sympy.StrictLessThan: lambda a, b: a < b,
        sympy.LessThan: lambda a, b: a <= b,
        sympy.StrictGreaterThan: lambda a, b: a > b,
        sympy.GreaterThan: lambda a, b: a >= b,
    }
    return {**one, **several}


def _tensors(terms: Any) -> list[torch.Tensor]:
    """Return numbers among `terms` as tensors like the first tensor there."""
    like = next(term for term in terms if torch.is_tensor(term))
    return [
        term if torch.is_tensor(term) else torch.as_tensor(term, dtype=like.dtype, device=like.device) for term in terms
    ]
