"""Jacobians and Hessians of a function applied row by row, for equations that contain derivatives of a network.

The rows of a batch do not see each other, so the gradient of the sum over the batch holds the gradient of every row:
one backward pass per output (per input for the second derivative) serves all samples. Many passes over a small batch
are run together (``is_grads_batched``); a few, or large ones, come in turn, which is as fast there and keeps memory
bounded. `.grad` of inputs and parameters is left alone.

Deviations from pykan: functions with one-dimensional output are accepted, a function that does not depend on the
inputs gives zeros, and a function that mixes up the rows of its batch is an error.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from kan.common.errors import ArgumentError, check_choice

# Backward passes are run together from this many on, while they touch no more rows than this. Measured on two-layer
# networks: 10 passes over 100 rows take half the time, 50 a third; 2 passes, or 1000 rows, take the same. The first
# use also costs a second, in which torch imports its machinery for it.
_FEWEST_TOGETHER = 8
_ROWS_TOGETHER = 4096


def batch_jacobian(
    func: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    create_graph: bool = False,
    mode: str = "scalar",
) -> torch.Tensor:
    """Return the first derivatives of `func` at each row of `x`.

    Parameters
    ----------
    func : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,), each row by itself.
    x : torch.Tensor, shape (N, I)
        Where to differentiate; it need not require a gradient.
    create_graph : bool
        Keep the result differentiable, to put it into a loss or to differentiate again.
    mode : {'scalar', 'vector'}
        'scalar' differentiates the first output, 'vector' all of them.

    Returns
    -------
    torch.Tensor
        Shape (N, I) for 'scalar', (N, O, I) for 'vector'.

    Raises
    ------
    ArgumentError
        When `x` is not (N, I), `mode` is unknown, or `func` does not return one row for each row of `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> batch_jacobian(lambda x: x[:, [0]] * x[:, [1]], x)
    tensor([[2., 1.],
            [4., 3.]])
    >>> batch_jacobian(lambda x: torch.sin(x), x, mode="vector").shape
    torch.Size([2, 2, 2])
    """
    check_choice("mode", mode, ("scalar", "vector"))
    with torch.enable_grad():
        point = _point(x, create_graph=create_graph)
        sums = _outputs(func, point).sum(dim=0)  # (O,)
        if mode == "scalar":
            return _gradients(totals=sums[:1], x=point, create_graph=create_graph)[0]
        return _gradients(totals=sums, x=point, create_graph=create_graph).transpose(0, 1)


def batch_hessian(
    model: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    create_graph: bool = False,
) -> torch.Tensor:
    """Return the second derivatives of the first output of `model` at each row of `x`.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,), each row by itself.
    x : torch.Tensor, shape (N, I)
        Where to differentiate; it need not require a gradient.
    create_graph : bool
        Keep the result differentiable, to put it into a loss or to differentiate again.

    Returns
    -------
    torch.Tensor, shape (N, I, I)

    Raises
    ------
    ArgumentError
        When `x` is not (N, I), or `model` does not return one row for each row of `x`.

    Examples
    --------
    >>> import torch
    >>> batch_hessian(lambda x: x[:, [0]] ** 2 * x[:, [1]], torch.tensor([[1.0, 2.0]]))
    tensor([[[4., 2.],
             [2., 0.]]])
    """
    with torch.enable_grad():
        point = _point(x, create_graph=create_graph)
        first = _gradients(totals=_outputs(model, point).sum(dim=0)[:1], x=point, create_graph=True)[0]
        return _gradients(totals=first.sum(dim=0), x=point, create_graph=create_graph).transpose(0, 1)


def _point(x: torch.Tensor, *, create_graph: bool) -> torch.Tensor:
    """Return `x` as a tensor that a gradient can be taken of, apart from the caller's."""
    if not isinstance(x, torch.Tensor) or x.dim() != 2 or not x.is_floating_point():
        got = f"{tuple(x.shape)} {x.dtype}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise ArgumentError(f"`x` must be a floating tensor of shape (N, I), one row for each sample; got {got}.")
    # A view keeps the caller's graph for higher derivatives; otherwise it is cut, so nothing of it is held.
    return x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()


def _outputs(func: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Call `func` and return its outputs as (N, O)."""
    y = func(x)
    if y.dim() not in (1, 2) or len(y) != len(x):
        raise ArgumentError(
            f"the function must return ({len(x)},) or ({len(x)}, O) for x of shape {tuple(x.shape)}, one row for "
            f"each row of x; got {tuple(y.shape)}."
        )
    return y.unsqueeze(1) if y.dim() == 1 else y


def _gradients(*, totals: torch.Tensor, x: torch.Tensor, create_graph: bool) -> torch.Tensor:
    """Return the gradient of each of the M entries of `totals` with respect to `x`, shape (M, N, I)."""
    if not totals.requires_grad:
        return x.new_zeros(len(totals), *x.shape)
    seeds = torch.eye(len(totals), dtype=totals.dtype, device=totals.device)
    together = max(1, _ROWS_TOGETHER // max(1, len(x)))
    parts = [
        _backward(totals=totals, seeds=seeds[start : start + together], x=x, create_graph=create_graph)
        for start in range(0, len(totals), together)
    ]
    return torch.cat(parts)


def _backward(*, totals: torch.Tensor, seeds: torch.Tensor, x: torch.Tensor, create_graph: bool) -> torch.Tensor:
    """Run the backward passes that start from the rows of `seeds`, together where the function allows it."""
    if len(seeds) >= _FEWEST_TOGETHER:
        try:
            return _grad(totals=totals, seeds=seeds, x=x, create_graph=create_graph, batched=True)
        except RuntimeError:
            # An operation of the function cannot be batched; a real mistake shows again below.
            pass
    rows = [_grad(totals=totals, seeds=seed, x=x, create_graph=create_graph, batched=False) for seed in seeds]
    return torch.stack(rows)


def _grad(
    *, totals: torch.Tensor, seeds: torch.Tensor, x: torch.Tensor, create_graph: bool, batched: bool
) -> torch.Tensor:
    """Call autograd; where `x` plays no part the gradient is zero."""
    gradients: tuple[torch.Tensor | None, ...] = torch.autograd.grad(
        totals,
        x,
        grad_outputs=seeds,
        retain_graph=True,
        create_graph=create_graph,
        is_grads_batched=batched,
        allow_unused=True,
    )
    gradient = gradients[0]
    if gradient is None:
        return x.new_zeros(*(seeds.shape[:1] if batched else ()), *x.shape)
    return gradient
