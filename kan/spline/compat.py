"""pykan's four spline functions, with its shapes: samples first, one column per input.

They check their arguments, follow the dtype and device of `x`, and are differentiable.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from kan.common.errors import ArgumentError, check_whole
from kan.spline.basis import basis
from kan.spline.curves import evaluate_curves, fit_coefficients
from kan.spline.knots import extend_knots


def B_batch(x: Tensor, grid: Tensor, k: int = 0, extend: bool = True, device: Any = "cpu") -> Tensor:  # noqa: ARG001
    """Evaluate all B-spline bases.

    Parameters
    ----------
    x : Tensor (N, I)
        Samples.
    grid : Tensor (I, G + 2k + 1) or (1, G + 2k + 1)
        Extended knots (see `extend_grid`); a single row serves all columns of `x`.
    k : int
        Degree.
    extend, device
        Have no effect in pykan 0.2.8 either; kept for its callers. The result lives where `x` lives.

    Returns
    -------
    Tensor (N, I, G + k)

    Raises
    ------
    ArgumentError
        If shapes do not fit.

    Examples
    --------
    >>> import torch
    >>> from kan.spline import B_batch, extend_grid
    >>> grid = extend_grid(torch.linspace(-1, 1, 11)[None, :].expand(2, 11), k_extend=3)
    >>> B_batch(torch.rand(100, 2), grid, k=3).shape
    torch.Size([100, 2, 13])
    """
    if x.ndim == 2 and grid.ndim == 2 and len(grid) == 1:
        grid = grid.expand(x.shape[1], -1)
    _check(x, grid, k)
    return basis(x.T, grid.to(x), degree=k).permute(2, 0, 1)


def coef2curve(x_eval: Tensor, grid: Tensor, coef: Tensor, k: int, device: Any = "cpu") -> Tensor:  # noqa: ARG001
    """Evaluate spline curves.

    Parameters
    ----------
    x_eval : Tensor (N, I)
    grid : Tensor (I, G + 2k + 1)
    coef : Tensor (I, O, G + k)
    k : int
        Degree.
    device
        Has no effect; the result lives where `x_eval` lives.

    Returns
    -------
    Tensor (N, I, O)

    Raises
    ------
    ArgumentError
        If shapes do not fit.

    Examples
    --------
    >>> import torch
    >>> from kan.spline import coef2curve, extend_grid
    >>> grid = extend_grid(torch.linspace(-1, 1, 6)[None, :], k_extend=3)
    >>> coef2curve(torch.rand(100, 1), grid, torch.ones(1, 4, 8), 3).shape
    torch.Size([100, 1, 4])
    """
    _check(x_eval, grid, k)
    if coef.shape[0] != grid.shape[0] or coef.shape[2] != grid.shape[1] - 1 - k:
        expected = f"({grid.shape[0]}, O, {grid.shape[1] - 1 - k})"
        raise ArgumentError(f"`coef` must have shape {expected} for this grid and k={k}; got {tuple(coef.shape)}.")
    return evaluate_curves(x_eval.T, grid.to(x_eval), coef.to(x_eval), degree=k).permute(2, 0, 1)


def curve2coef(x_eval: Tensor, y_eval: Tensor, grid: Tensor, k: int) -> Tensor:
    """Fit coefficients to values of curves by stable least squares.

    Parameters
    ----------
    x_eval : Tensor (N, I)
    y_eval : Tensor (N, I, O)
    grid : Tensor (I, G + 2k + 1)
    k : int
        Degree.

    Returns
    -------
    Tensor (I, O, G + k)
        The coefficients of least norm among the best.

    Raises
    ------
    ArgumentError
        If shapes do not fit.

    Examples
    --------
    >>> import torch
    >>> from kan.spline import coef2curve, curve2coef, extend_grid
    >>> grid = extend_grid(torch.linspace(-1, 1, 6)[None, :], k_extend=3)
    >>> x = torch.linspace(-1, 1, 50)[:, None]
    >>> coef = curve2coef(x, (x**3)[:, :, None], grid, 3)
    >>> bool(torch.allclose(coef2curve(x, grid, coef, 3)[:, :, 0], x**3, atol=1e-6))
    True
    """
    _check(x_eval, grid, k)
    if y_eval.ndim != 3 or y_eval.shape[:2] != x_eval.shape:
        raise ArgumentError(
            f"`y_eval` must have shape ({x_eval.shape[0]}, {x_eval.shape[1]}, O); got {tuple(y_eval.shape)}."
        )
    return fit_coefficients(x_eval.T, y_eval.permute(1, 2, 0), grid.to(x_eval), degree=k)


def extend_grid(grid: Tensor, k_extend: int = 0) -> Tensor:
    """Add `k_extend` knots on either side, spaced by the mean interval: (I, G + 1) -> (I, G + 2 k_extend + 1).

    Parameters
    ----------
    grid : Tensor (I, G + 1)
        Knots, one row for every input.
    k_extend : int

    Raises
    ------
    ArgumentError
        If `grid` is no matrix, or `k_extend` no whole number of at least 0.

    Examples
    --------
    >>> import torch
    >>> from kan.spline import extend_grid
    >>> extend_grid(torch.tensor([[0.0, 1.0, 2.0]]), k_extend=1)
    tensor([[-1.,  0.,  1.,  2.,  3.]])
    """
    if grid.ndim != 2:
        raise ArgumentError(f"`grid` must have shape (I, G + 1), one row for every input; got {tuple(grid.shape)}.")
    return extend_knots(grid, degree=check_whole("k_extend", k_extend, 0))


def _check(x: Tensor, grid: Tensor, k: int) -> None:
    """Raise unless `x` is (N, I) and `grid` holds enough knots for each of its columns."""
    if x.ndim != 2 or grid.ndim != 2 or x.shape[1] != grid.shape[0]:
        raise ArgumentError(
            f"`x` must have shape (N, I) and `grid` (I, knots) with the same I; "
            f"got {tuple(x.shape)} and {tuple(grid.shape)}."
        )
    if k < 0 or grid.shape[1] < 2 * k + 2:
        raise ArgumentError(
            f"`grid` must hold at least 2k + 2 = {2 * k + 2} knots for k={k} ≥ 0; got {grid.shape[1]}. "
            "Extend it with `extend_grid`."
        )
