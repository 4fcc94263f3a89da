"""The library of univariate functions that a symbolic edge can take: one table from names to functions.

Names, order and complexities are pykan 0.2.8's. An entry unpacks and indexes like pykan's 4-tuple. Everything in the
table can be pickled and copied, and sympy is imported only when a sympy side is called. Deviations from pykan:
functions added without a guard of their own, and ``x^1.5``, work with ``singularity_avoiding=True``; powers that are
not in the table are known by name, such as ``x^7`` or ``x^(1/3)``; and no code is executed from a name.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import torch

from kan.common.errors import ArgumentError, check_number
from kan.symbolic import guards
from kan.symbolic.powers import Exponent, Power, SympyPower, exponent_of
from kan.symbolic.slopes import check_elementwise, differentiable

TorchFunction = Callable[[torch.Tensor], torch.Tensor]


class SymbolicFunction(NamedTuple):
    """One function of the library, as pykan's 4-tuple.

    Attributes
    ----------
    torch_fun : callable
        Elementwise function of a tensor.
    sympy_fun : callable
        The same function of a sympy expression.
    complexity : float
        What `suggest_symbolic` weighs against accuracy.
    guarded_fun : callable
        ``(x, y_th) -> (anything, value)``, finite near singularities.

    Examples
    --------
    >>> torch_fun, sympy_fun, complexity, guarded_fun = SYMBOLIC_LIB["x^2"]
    >>> complexity
    2
    """

    torch_fun: TorchFunction
    sympy_fun: Callable[[Any], Any]
    complexity: float
    guarded_fun: Callable[[torch.Tensor, Any], tuple[Any, torch.Tensor]]


@dataclass(frozen=True)
class SympyCall:
    """The function of sympy with this name."""

    name: str

    def __call__(self, x: Any) -> Any:
        """Apply to `x`."""
        import sympy

        return getattr(sympy, self.name)(x)


@dataclass(frozen=True)
class SympyNamed:
    """An undefined function of sympy: it only has a name."""

    name: str

    def __call__(self, x: Any) -> Any:
        """Apply to `x`."""
        import sympy

        return sympy.Function(self.name)(x)


@dataclass(frozen=True)
class Unguarded:
    """A plain function behind the signature of a guarded one."""

    fun: TorchFunction

    def __call__(self, x: torch.Tensor, y_th: Any) -> tuple[Any, torch.Tensor]:  # noqa: ARG002 - as all guards
        """Apply to `x`; `y_th` has nothing to bound."""
        return (), self.fun(x)


def _identity(x: Any) -> Any:
    return x


def _zero(x: Any) -> Any:
    return x * 0


def _gaussian(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(-x * x)


def _sympy_gaussian(x: Any) -> Any:
    import sympy

    return sympy.exp(-(sympy.sympify(x) ** 2))


def _plain(torch_fun: TorchFunction, sympy_fun: Callable[[Any], Any], complexity: float) -> SymbolicFunction:
    """Make an entry for a function without singularities."""
    return SymbolicFunction(torch_fun, sympy_fun, complexity, Unguarded(torch_fun))


SYMBOLIC_LIB: dict[str, SymbolicFunction] = {
    "x": _plain(_identity, _identity, 1),
    "x^2": _plain(Power(2), SympyPower(2), 2),
    "x^3": _plain(Power(3), SympyPower(3), 3),
    "x^4": _plain(Power(4), SympyPower(4), 3),
    "x^5": _plain(Power(5), SympyPower(5), 3),
    "1/x": SymbolicFunction(Power(-1), SympyPower(-1), 2, guards.f_inv),
    "1/x^2": SymbolicFunction(Power(-2), SympyPower(-2), 2, guards.f_inv2),
    "1/x^3": SymbolicFunction(Power(-3), SympyPower(-3), 3, guards.f_inv3),
    "1/x^4": SymbolicFunction(Power(-4), SympyPower(-4), 4, guards.f_inv4),
    "1/x^5": SymbolicFunction(Power(-5), SympyPower(-5), 5, guards.f_inv5),
    "sqrt": SymbolicFunction(torch.sqrt, SympyPower(Fraction(1, 2)), 2, guards.f_sqrt),
    "x^0.5": SymbolicFunction(torch.sqrt, SympyPower(Fraction(1, 2)), 2, guards.f_sqrt),
    "x^1.5": SymbolicFunction(Power(1.5), SympyPower(Fraction(3, 2)), 4, guards.f_power1d5),
    "1/sqrt(x)": SymbolicFunction(torch.rsqrt, SympyPower(Fraction(-1, 2)), 2, guards.f_invsqrt),
    "1/x^0.5": SymbolicFunction(torch.rsqrt, SympyPower(Fraction(-1, 2)), 2, guards.f_invsqrt),
    "exp": SymbolicFunction(torch.exp, SympyCall("exp"), 2, guards.f_exp),
    "log": SymbolicFunction(torch.log, SympyCall("log"), 2, guards.f_log),
    "abs": _plain(torch.abs, SympyCall("Abs"), 3),
    "sin": _plain(torch.sin, SympyCall("sin"), 2),
    "cos": _plain(torch.cos, SympyCall("cos"), 2),
    "tan": SymbolicFunction(torch.tan, SympyCall("tan"), 3, guards.f_tan),
    "tanh": _plain(torch.tanh, SympyCall("tanh"), 3),
    "sgn": _plain(torch.sign, SympyCall("sign"), 3),
    "arcsin": SymbolicFunction(torch.asin, SympyCall("asin"), 4, guards.f_arcsin),
    "arccos": SymbolicFunction(torch.acos, SympyCall("acos"), 4, guards.f_arccos),
    "arctan": _plain(torch.atan, SympyCall("atan"), 4),
    "arctanh": SymbolicFunction(torch.atanh, SympyCall("atanh"), 4, guards.f_arctanh),
    "0": _plain(_zero, _zero, 0),
    "gaussian": _plain(_gaussian, _sympy_gaussian, 3),
}


def _check_name(name: object) -> None:
    usable = (
        isinstance(name, str) and name.isprintable() and name == name.strip() != "" and not set(name) & set("'\"\\")
    )
    if not usable:
        raise ArgumentError(
            f"`name` must be a printable string without quotes and without blanks at its ends, for example 'J0'; "
            f"got {name!r}."
        )


def add_symbolic(
    name: str,
    fun: TorchFunction,
    c: float = 1,
    fun_singularity: Callable[[torch.Tensor, Any], tuple[Any, torch.Tensor]] | None = None,
) -> None:
    """Add a function to :data:`SYMBOLIC_LIB`, or replace one.

    Parameters
    ----------
    name : str
        Name in the library; in formulas the function is ``sympy.Function(name)``.
    fun : callable
        Elementwise function of a tensor. One that autograd cannot differentiate, such as `torch.special.bessel_j0`, is
        differentiated by differences.
    c : float
        Complexity, at least zero. By default that of `x`; with 3 or more, `sin` and `x^2` are chosen where they fit as
        well.
    fun_singularity : callable, optional
        ``(x, y_th) -> (anything, value)``, used when singularities are avoided. By default `fun` itself.

    Raises
    ------
    ArgumentError
        If the name cannot be used, a function is not callable or the complexity is not a number of at least zero.

    Examples
    --------
    >>> import torch
    >>> add_symbolic("J0", torch.special.bessel_j0, c=1)
    >>> SYMBOLIC_LIB["J0"].sympy_fun("x")
    J0(x)
    >>> del SYMBOLIC_LIB["J0"]
    """
    _check_name(name)
    if not callable(fun):
        raise ArgumentError(f"`fun` must be a function of a tensor; got {type(fun).__name__}.")
    if fun_singularity is not None and not callable(fun_singularity):
        raise ArgumentError(f"`fun_singularity` must be a function (x, y_th); got {type(fun_singularity).__name__}.")
    c = check_number("c", c, least=0)
    fun = differentiable(fun)
    SYMBOLIC_LIB[name] = SymbolicFunction(fun, SympyNamed(name), c, fun_singularity or Unguarded(fun))


def find(name: object) -> SymbolicFunction | None:
    """Return the function with this name, be it in :data:`SYMBOLIC_LIB` or another power, or None.

    Examples
    --------
    >>> find("x^7").sympy_fun("x"), find("sine")
    (x**7, None)
    """
    if not isinstance(name, str):
        return None
    entry = SYMBOLIC_LIB.get(name)
    if entry is None:
        exponent = exponent_of(name)
        return None if exponent is None else _power(exponent)
    # Scripts also write pykan's bare 4-tuples into the table.
    return entry if isinstance(entry, SymbolicFunction) else SymbolicFunction(*entry)


def lookup(name: str) -> SymbolicFunction:
    """Return the function with this name.

    Parameters
    ----------
    name : str
        A key of :data:`SYMBOLIC_LIB`, or the name of another power: 'x^7', '1/x^6', 'x^2.5', 'x^(1/3)'.

    Returns
    -------
    SymbolicFunction

    Raises
    ------
    ArgumentError
        If there is no such function; the message lists the names, the closest first.

    Examples
    --------
    >>> lookup("sin").complexity
    2
    """
    entry = find(name)
    if entry is None:
        close = difflib.get_close_matches(name, SYMBOLIC_LIB, n=3) if isinstance(name, str) else []
        listed = ", ".join(repr(choice) for choice in [*close, *(key for key in SYMBOLIC_LIB if key not in close)])
        raise ArgumentError(
            f"there is no symbolic function {name!r}; the library has {listed}, and powers such as 'x^7' or 'x^(1/3)'. "
            "Others can be added with add_symbolic."
        )
    return entry


def check_function(function: Any) -> None:
    """Raise an ArgumentError unless an edge can carry this: a name in the library, or an elementwise function.

    Examples
    --------
    >>> check_function("sin"), check_function(torch.special.bessel_j0)
    (None, None)
    """
    if isinstance(function, str):
        lookup(function)
        return
    if not callable(function):
        raise ArgumentError(f"`fun_name` must be a name in SYMBOLIC_LIB or a function of a tensor; got {function!r}.")
    x = torch.full((2,), 0.5, dtype=torch.float64, device="cpu")
    try:
        value = function(x)
    except Exception:  # noqa: BLE001 - a function may be for other numbers, and fails again where it is used
        return
    check_elementwise(value, x)


def _power(exponent: Exponent) -> SymbolicFunction:
    """Make an entry for a power that is not in the table."""
    guarded = partial(guards.guarded_power, exponent=float(exponent))
    return SymbolicFunction(Power(float(exponent)), SympyPower(exponent), math.ceil(abs(float(exponent))), guarded)
