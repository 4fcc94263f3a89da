"""A symmetry with a name: whether inputs act through a given expression of them only.

If f depends on some inputs through h(those inputs) only, the gradients of f and h with respect to them are parallel at
every sample. The expression is differentiated by sympy and evaluated in double precision.

Deviations from pykan: gradients are compared in units of the inputs' spread, so that no unit hides an input; besides
pykan's share of cosines above 0.9, which x0 + 2*x1 still passes where x0 + x1 is right, the verdict asks for 0.999;
samples without a gradient are left out, and not taken for failures; any function of sympy that numpy knows may occur,
where pykan hands tensors that require gradients to numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kan.calculus import batch_jacobian
from kan.common.console import say
from kan.common.errors import ArgumentError
from kan.hypothesis.influences import Function, checked_samples, wide

if TYPE_CHECKING:
    import sympy

# The share of the samples that must agree, and the cosine that pykan's users know.
_MOST = 0.9
_PYKAN = 0.9


def test_symmetry_var(
    model: Function,
    x: Any,
    input_vars: Sequence[Any],
    symmetry_var: Any,
    *,
    cosine_th: float = 0.999,
    quiet: bool = False,
) -> Tensor:
    """Test whether the inputs that occur in an expression act through this expression only.

    The statistic is the share of the samples at which the gradients of function and expression, with respect to these
    inputs and in units of their standard deviations, have a cosine of more than `cosine_th`, which stands for an angle
    of 2.6 degrees. The summary says that there is a symmetry from 90 % on, and also the share above 0.9.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,); the first output is looked at.
    x : Tensor (N, I)
        Samples.
    input_vars : sequence of sympy symbols
        Names of the inputs, from the first on.
    symmetry_var : sympy expression
        The supposed combination of inputs.
    cosine_th : float
        See above.
    quiet : bool
        Print no summary.

    Returns
    -------
    Tensor (N,)
        Absolute cosines; NaN where one of the gradients is 0 or not finite.

    Raises
    ------
    ArgumentError
        If the expression holds other symbols, or none, or functions that numpy lacks.

    Examples
    --------
    >>> import sympy
    >>> import torch
    >>> a, b, c = sympy.symbols("a b c")
    >>> x = torch.rand(100, 3) + 1
    >>> f = lambda x: x[:, 0] * (x[:, 1] + x[:, 2])
    >>> cosines = test_symmetry_var(f, x, [a, b, c], b + c)
    b + c: cosine above 0.999 at 100.0% of the samples, above 0.9 at 100.0%; a symmetry
    >>> cosines = test_symmetry_var(f, x, [a, b, c], b * c, quiet=True)
    >>> bool((cosines > 0.999).float().mean() < 0.9)
    True
    """
    import sympy

    x = checked_samples(x)
    expression = sympy.sympify(symmetry_var)
    symbols = list(input_vars)
    members = _occurring(expression, symbols, count=x.shape[1])
    spread = wide(x).std(dim=0, correction=0)[members]
    of_function = wide(batch_jacobian(model, x))[:, members] * spread
    of_expression = _gradient(expression, symbols, members, x) * spread
    cosines = _cosines(of_function, of_expression)
    if not quiet:
        known = cosines[cosines.isfinite()]
        say(f"{expression}: {_verdict(known, cosine_th=cosine_th)}")
    return cosines.to(x)


test_symmetry_var.__test__ = False  # type: ignore[attr-defined]


def _occurring(expression: sympy.Expr, symbols: list[Any], *, count: int) -> list[int]:
    """Return which inputs occur in the expression, or raise."""
    if len(symbols) > count or len(set(symbols)) < len(symbols):
        raise ArgumentError(f"`input_vars` must hold at most {count} different symbols, one an input; got {symbols}.")
    unknown = sorted(map(str, expression.free_symbols - set(symbols)))
    if unknown or not expression.free_symbols:
        raise ArgumentError(
            f"`symmetry_var` must be an expression of the symbols in `input_vars`, {symbols}; got {expression}."
        )
    return [i for i, symbol in enumerate(symbols) if symbol in expression.free_symbols]


def _gradient(expression: sympy.Expr, symbols: list[Any], members: list[int], x: Tensor) -> Tensor:
    """Return the derivatives (N, members) of the expression at the samples, NaN where there is none."""
    import sympy

    columns = wide(x).cpu().numpy().T[: len(symbols)]
    result = np.full((len(x), len(members)), np.nan)
    with np.errstate(all="ignore"):
        for column, i in enumerate(members):
            derivative = sympy.diff(expression, symbols[i])
            try:
                values = sympy.lambdify(symbols, derivative, modules="numpy")(*columns)
            except (NameError, TypeError) as error:
                raise ArgumentError(f"numpy cannot evaluate {derivative}, a derivative of `symmetry_var`.") from error
            result[:, column] = np.where(np.isreal(values), np.real(values), np.nan)
    return torch.from_numpy(result).to(wide(x))


def _cosines(left: Tensor, right: Tensor) -> Tensor:
    """Return the absolute cosines (N,) of the angles between rows; NaN where a row is 0 or not finite."""
    left, right = (part / part.abs().amax(dim=1, keepdim=True) for part in (left, right))
    cosines = (left * right).sum(dim=1).abs() / (left.square().sum(dim=1) * right.square().sum(dim=1)).sqrt()
    return cosines.clamp(max=1.0)


def _verdict(cosines: Tensor, *, cosine_th: float) -> str:
    """Write what the defined cosines say."""
    if not len(cosines):
        return "no sample at which both gradients are finite and not 0; nothing can be said"
    high, low = (float(wide(cosines > threshold).mean()) for threshold in (cosine_th, _PYKAN))
    return (
        f"cosine above {cosine_th:g} at {high:.1%} of the samples, above {_PYKAN:g} at {low:.1%}; "
        f"{'a symmetry' if high >= _MOST else 'not a symmetry'}"
    )
