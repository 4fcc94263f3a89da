"""Auxiliary variables: columns computed from the input columns by sympy expressions, put in front of them.

The expression is evaluated node by node on torch tensors, each subexpression once, so dtype, device and gradients
follow the data and no code is generated. Deviations from pykan: a data set comes back as a new dict, the one handed
in keeps its tensors; an expression without variables fills a column; unknown symbols and values that are NaN or Inf
are errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import torch

from kan.common.arrays import as_tensor
from kan.common.errors import ArgumentError
from kan.common.transforms import has_values
from kan.datasets.evaluate import evaluate


@overload
def augment_input(orig_vars: Sequence[Any], aux_vars: Sequence[Any], x: torch.Tensor) -> torch.Tensor: ...


@overload
def augment_input(
    orig_vars: Sequence[Any], aux_vars: Sequence[Any], x: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]: ...


def augment_input(orig_vars: Sequence[Any], aux_vars: Sequence[Any], x: Any) -> Any:
    """Put columns computed from the inputs in front of the inputs.

    Parameters
    ----------
    orig_vars : sequence of sympy.Symbol
        Names of the first columns of `x`, in order.
    aux_vars : sequence of sympy expressions
        One for each new column, written in `orig_vars`.
    x : torch.Tensor of shape (N, I), or a dataset dict
        In a dict, every entry whose name ends in ``_input`` is augmented.

    Returns
    -------
    torch.Tensor of shape (N, len(aux_vars) + I), or a new dict
        The auxiliary columns, then the columns of `x`.

    Raises
    ------
    ArgumentError
        When an expression holds an unknown symbol or function, when there are more symbols than columns, or when a
        value is NaN or Inf.

    Examples
    --------
    >>> import sympy, torch
    >>> a, b = sympy.symbols("a b")
    >>> augment_input([a, b], [a + b, a * b], torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[ 3.,  2.,  1.,  2.],
            [ 7., 12.,  3.,  4.]])
    """
    symbols, expressions = _check_variables(orig_vars, aux_vars)
    if not isinstance(x, dict):
        return _augment(symbols=symbols, expressions=expressions, x=x, name="x")
    names = [name for name in x if isinstance(name, str) and name.endswith("_input")]
    if not names:
        raise ArgumentError(f"`x` must hold 'train_input' (and 'test_input') to be augmented; it has {list(x)}.")
    widened = {name: _augment(symbols=symbols, expressions=expressions, x=x[name], name=name) for name in names}
    return {**x, **widened}


def _check_variables(orig_vars: Any, aux_vars: Any) -> tuple[list[Any], list[Any]]:
    """Return the symbols and the expressions as sympy objects that fit each other."""
    import sympy

    if isinstance(orig_vars, sympy.Basic) or isinstance(aux_vars, sympy.Basic):
        raise ArgumentError("`orig_vars` and `aux_vars` must be sequences; put a single one into a list, [a].")
    symbols = list(orig_vars)
    for symbol in symbols:
        if not isinstance(symbol, sympy.Symbol):
            raise ArgumentError(f"`orig_vars` must be sympy symbols; got {symbol!r} ({type(symbol).__name__}).")
    expressions = []
    for position, item in enumerate(aux_vars):
        if isinstance(item, str):
            raise ArgumentError(f"`aux_vars` must be sympy expressions, not text; got {item!r}.")
        expression = sympy.sympify(item)
        unknown = sorted(str(symbol) for symbol in expression.free_symbols - set(symbols))
        if unknown:
            raise ArgumentError(
                f"`aux_vars` must be written in orig_vars={symbols}; aux_vars[{position}] = {expression} also holds "
                f"{', '.join(unknown)}."
            )
        expressions.append(expression)
    return symbols, expressions


def _augment(*, symbols: list[Any], expressions: list[Any], x: Any, name: str) -> torch.Tensor:
    """Return the auxiliary columns followed by `x`."""
    table = as_tensor(x)
    if table.dim() != 2 or table.shape[1] < len(symbols):
        raise ArgumentError(
            f"`{name}` must have shape (N, I) with a column for each of the {len(symbols)} symbols in `orig_vars`; "
            f"got {tuple(table.shape)}."
        )
    columns = {symbol: table[:, [i]] for i, symbol in enumerate(symbols)}
    computed = []
    for position, expression in enumerate(expressions):
        value = evaluate(expression=expression, values=columns)
        column = torch.as_tensor(value, dtype=table.dtype, device=table.device).expand(len(table), 1)
        _check_column(column, label=f"aux_vars[{position}] = {expression}", name=name)
        computed.append(column)
    return torch.cat([*computed, table], dim=1)


def _check_column(column: torch.Tensor, *, label: str, name: str) -> None:
    """Raise unless the new column is finite."""
    if not has_values(column):
        return
    bad_rows = (~torch.isfinite(column[:, 0])).nonzero()[:, 0]
    if len(bad_rows):
        raise ArgumentError(
            f"`aux_vars` must be finite on the data; {label} is NaN or Inf in {len(bad_rows)} of {len(column)} rows "
            f"of `{name}`, the first is row {int(bad_rows[0])}. Remove these rows, or choose another expression."
        )
