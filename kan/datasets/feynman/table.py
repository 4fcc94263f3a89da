"""The 120 equations of the Feynman symbolic regression database, numbered and ranged as in pykan.

Each formula is written once, for sympy and for torch alike. Sources: Udrescu and Tegmark 2020, arXiv 1905.11481 (the
database: 100 equations from the Feynman Lectures on Physics, 20 from other books); pykan's numbers, symbols and ranges,
which keep all values finite. Deviations from pykan, each after the database:

- 32 has the factor 6 pi of Larmor's formula; 113 has ``alpha*x/y``, as pykan's torch function but not its expression;
- the torch functions of 20 and 114 compute the equation (pykan's multiply where 20 adds, and fail in 114);
- 4, 22 and 60 are I.8.14, I.18.12 and II.10.9; pykan's I.8.4 and I.10.9 still work, while I.18.4, which it gives to 21
  and to 22, is 21; some names are spelled otherwise, and those of the database work too;
- the frequency in 61 is omega_0; expressions hold no floating-point numbers; ranges are one pair per variable.

115 is in Gaussian units, as in pykan and in the paper; the database has a factor ``1/(4*pi*epsilon)``.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from kan.common.errors import ArgumentError
from kan.datasets.feynman.bonus import BONUS
from kan.datasets.feynman.equation import SIGNED, Equation
from kan.datasets.feynman.volume_one import VOLUME_ONE
from kan.datasets.feynman.volumes_two_and_three import VOLUMES_TWO_AND_THREE

if TYPE_CHECKING:
    import sympy

EQUATIONS: dict[int, Equation] = {row.number: row for row in (*VOLUME_ONE, *VOLUMES_TWO_AND_THREE, *BONUS)}
"""All equations by number."""

# An equation of nobody's, by which pykan's users try things out.
_TEST = Equation(0, "test", "x y", (SIGNED,) * 2, lambda f, x, y: (x + y) * f.sin(f.exp(2 * y)))

_BY_NAME = {name: row for row in (*EQUATIONS.values(), _TEST) for name in (row.name, *row.aliases)}


def get_feynman_dataset(
    name: str | int,
) -> tuple[tuple[sympy.Symbol, ...], sympy.Expr, Callable[[Tensor], Tensor], list[list[float]]]:
    """Return an equation of the Feynman symbolic regression database.

    Parameters
    ----------
    name : str or int
        Its name, such as 'I.6.20a' or 'Compton scattering', or its number, 1 to 120.

    Returns
    -------
    symbols : tuple of sympy symbols
        The variables, in order.
    expr : sympy expression
    f : callable
        The same as a function of a tensor: (N, variables) -> (N, 1).
    ranges : list of [low, high]
        Where to sample each variable.

    Raises
    ------
    ArgumentError
        If there is no such equation.

    References
    ----------
    Udrescu and Tegmark 2020, AI Feynman, arXiv 1905.11481.

    Examples
    --------
    >>> from kan import create_dataset
    >>> from kan.feynman import get_feynman_dataset
    >>> symbols, expr, f, ranges = get_feynman_dataset("I.12.11")
    >>> expr
    q*(B*v*sin(theta) + E_f)
    >>> create_dataset(f, n_var=len(symbols), ranges=ranges)["train_input"].shape
    torch.Size([1000, 5])
    """
    import sympy

    row = _find(name)
    symbols = sympy.symbols(row.symbols, seq=True)
    return symbols, row.formula(sympy, *symbols), row.torch_function, [list(pair) for pair in row.ranges]


def _find(name: Any) -> Equation:
    """Return the equation with a name or number."""
    if isinstance(name, str):
        if name in _BY_NAME:
            return _BY_NAME[name]
        close = ", ".join(map(repr, difflib.get_close_matches(name, _BY_NAME, n=3)))
        hint = f"; did you mean {close}?" if close else "."
        raise ArgumentError(
            f"there is no equation {name!r}: names are such as 'I.6.20a', 'III.21.20' or 'Jackson 2.11'{hint}"
        )
    try:
        return EQUATIONS[operator.index(name)]
    except (TypeError, KeyError):
        raise ArgumentError(f"equations are numbered from 1 to {len(EQUATIONS)}; got {name!r}.") from None
