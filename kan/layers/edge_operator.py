"""The sums of a layer with many intervals as one operator of torch, for compiled graphs.

`torch.compile` cannot see through the gathering of `EdgeGather`; without it there is only the product with all bases,
most of which are zero. As an operator it stays what it is, among whatever the compiler makes of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kan.layers.edge_gather import EdgeGather, LocalBases
from kan.layers.edge_tensors import EdgeTensors

_TENSORS = ", ".join(f"Tensor {name}" for name in EdgeTensors._fields)
# How many of the tensors have gradients: all but the knots.
_DIFFERENTIATED = len(EdgeTensors._fields) - 1


def gathered_sums(tensors: EdgeTensors, *, degree: int) -> Tensor:
    """Return the sums (O, N) of the edges; they can be differentiated once."""
    sums: Tensor = _forward(*tensors, degree)[0]
    return sums


# What the arguments are is given as text: versions of torch differ in which annotations they understand.
@torch.library.custom_op(
    "kan::gathered_sums", mutates_args=(), schema=f"({_TENSORS}, int degree) -> (Tensor, Tensor, Tensor)"
)
def _forward(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sums (O, N), and the `LocalBases` for the gradients."""
    *tensors, degree = arguments
    gather = EdgeGather(EdgeTensors(*tensors), degree=degree)
    sums, _ = gather.forward(with_variances=False)
    return sums.contiguous(), *gather.local


@_forward.register_fake
def _(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *tensors, degree = arguments
    x, *_, mask, _ = tensors
    interval = x.new_empty(x.shape, dtype=torch.int32)
    return x.new_empty(mask.shape[1], x.shape[1]), interval, x.new_empty(*x.shape, degree + 1)


@torch.library.custom_op(
    "kan::gathered_sums_backward",
    mutates_args=(),
    schema=f"(Tensor gradient, {_TENSORS}, Tensor interval, Tensor values, int degree, bool[] wanted) -> Tensor[]",
)
def _backward(gradient: Tensor, *arguments: Any) -> list[Tensor]:
    """Return the gradients that are wanted."""
    *tensors, interval, values, degree, wanted = arguments
    gather = EdgeGather(EdgeTensors(*tensors), degree=degree, local=LocalBases(interval, values))
    return [found for found in gather.backward(gradient, None, wanted=tuple(wanted)) if found is not None]


@_backward.register_fake
def _(*arguments: Any) -> list[Tensor]:
    _, *tensors = arguments
    return [torch.empty_like(tensor) for tensor, want in zip(tensors, tensors[-1]) if want]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.degree = inputs
    ctx.save_for_backward(*tensors, *output[1:])


def _differentiate(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
    wanted: Sequence[bool] = ctx.needs_input_grad[:_DIFFERENTIATED]
    found = iter(_backward(gradient, *ctx.saved_tensors, ctx.degree, list(wanted)))
    return *(next(found) if want else None for want in wanted), None, None


_forward.register_autograd(_differentiate, setup_context=_keep)
