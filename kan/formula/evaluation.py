"""A sympy expression with the values of all its parts on data, so that the effect of a change is cheap to learn.

A change of one part recomputes the parts above it with numpy; compiling an expression per candidate would take longer
than all candidates do here. Imports sympy: import this module in functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np
import sympy
from sympy.core.function import AppliedUndef

from kan.common.errors import FormulaError
from kan.symbolic.library import SYMBOLIC_LIB

Values = Any
"""A numpy array (N,), or a number where a part is constant."""

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "Abs": np.abs,
    "sign": np.sign,
    "Max": lambda *values: np.maximum.reduce(np.broadcast_arrays(*values)),
    "Min": lambda *values: np.minimum.reduce(np.broadcast_arrays(*values)),
}


class Part:
    """One node of the expression.

    Attributes
    ----------
    expr : sympy expression
        What it was at the start.
    parts : list of Part
        Its arguments.
    value : numpy array or number
        Its values on the data.
    substitute : sympy expression or None
        What it has been replaced by.
    """

    __slots__ = ("compute", "expr", "parent", "parts", "substitute", "value")

    def __init__(self, expr: Any, parent: Part | None) -> None:
        self.expr, self.parent = expr, parent
        self.substitute: Any = None
        self.parts: list[Part] = []
        self.compute: Callable[..., Values] = _constant(0.0)
        self.value: Values = 0.0

    @property
    def is_term(self) -> bool:
        """Whether it is one term of a sum."""
        return self.parent is not None and self.parent.expr.is_Add

    def descendants(self) -> Iterator[Part]:
        """Yield this part and all below, from the outside in."""
        yield self
        if self.substitute is None:
            for part in self.parts:
                yield from part.descendants()

    def rebuild(self) -> Any:
        """Return the expression with all substitutions made."""
        if self.substitute is not None:
            return self.substitute
        arguments = [part.rebuild() for part in self.parts]
        if all(new is part.expr for new, part in zip(arguments, self.parts)):
            return self.expr
        return self.expr.func(*arguments)


class Evaluation:
    """An expression on data.

    Parameters
    ----------
    expr : sympy expression
    columns : dict
        The values (N,) of every symbol.
    """

    def __init__(self, expr: Any, columns: Mapping[Any, Any]) -> None:
        self.columns, self.rows = columns, len(next(iter(columns.values()), [0.0]))
        with np.errstate(all="ignore"):
            self.root = self._build(sympy.sympify(expr), None)

    @property
    def output(self) -> Any:
        """The values of the whole expression (N,)."""
        return self._full(self.root.value)

    def trial(self, part: Part, value: Values) -> Any:
        """Return the values of the whole expression if `part` had other values."""
        *_, (_, output) = self._path(part, value)
        return self._full(output)

    def commit(self, part: Part, expr: Any, value: Values) -> None:
        """Replace a part."""
        part.substitute = expr
        for changed, new in list(self._path(part, value)):
            changed.value = new

    def _path(self, part: Part | None, value: Values) -> Iterator[tuple[Part, Values]]:
        """Yield a part and all above it with their values after a change of the part."""
        below: Part | None = None
        with np.errstate(all="ignore"):
            while part is not None:
                if below is not None:
                    value = part.compute(*(value if child is below else child.value for child in part.parts))
                yield part, value
                below, part = part, part.parent

    def _full(self, value: Values) -> Any:
        return np.broadcast_to(np.asarray(value, dtype=float), (self.rows,))

    def _build(self, expr: Any, parent: Part | None) -> Part:
        part = Part(expr, parent)
        if expr.is_Symbol:
            if expr not in self.columns:
                raise FormulaError(f"the formula contains {expr}, which is none of the variables {list(self.columns)}.")
            part.compute = _constant(self.columns[expr])
        elif expr.is_number:
            part.compute = _constant(_float(expr))
        else:
            part.parts = [self._build(argument, part) for argument in expr.args]
            part.compute = _function(expr)
        part.value = part.compute(*(child.value for child in part.parts))
        return part


def _constant(value: Values) -> Callable[..., Values]:
    return lambda *_: value


def _float(expr: Any) -> float:
    """Return a number of sympy's as a float, NaN if it is not real."""
    try:
        return float(expr)
    except TypeError:
        return float("nan")


def _function(expr: Any) -> Callable[..., Values]:
    """Return the numpy function of an expression's outermost operation."""
    if expr.is_Add:
        return lambda *terms: reduce(add, terms)
    if expr.is_Mul:
        return lambda *factors: reduce(mul, factors)
    if expr.is_Pow:
        return lambda base, exponent: np.power(np.asarray(base, dtype=float), exponent)
    name = expr.func.__name__
    # What a user put in the place of the library's "log" has only its name, which says nothing to numpy.
    if name in _FUNCTIONS and not isinstance(expr, AppliedUndef):
        return _FUNCTIONS[name]
    if name in SYMBOLIC_LIB:
        return _from_torch(SYMBOLIC_LIB[name][0])
    return _compiled(expr)


def _compiled(expr: Any) -> Callable[..., Values]:
    """Let sympy translate an operation that the table does not know."""
    symbols = [sympy.Dummy() for _ in expr.args]
    function = sympy.lambdify(symbols, expr.func(*symbols), ["scipy", "numpy"])

    def evaluate(*values: Values) -> Values:
        try:
            return function(*values)
        except (NameError, TypeError, AttributeError) as error:
            raise FormulaError(
                f"{expr.func} in the formula cannot be evaluated; register it with `add_symbolic` if it is your own."
            ) from error

    return evaluate


def _from_torch(function: Callable[..., Any]) -> Callable[..., Values]:
    """Let a function of tensors take arrays, and numbers, of which functions of numpy make no arrays."""
    import torch

    def evaluate(value: Values) -> Values:
        array = np.array(value, dtype=float)
        return function(torch.from_numpy(array.reshape(-1))).numpy().reshape(array.shape)

    return evaluate
