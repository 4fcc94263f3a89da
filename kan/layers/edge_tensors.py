"""What the edges of a layer are made of, and how their gradients come from those of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class EdgeTensors(NamedTuple):
    """The arguments of `kan.layers.edge_sum.edge_sums`.

    Attributes
    ----------
    x, base : Tensor (I, N)
    coefficients : Tensor (I, O, B)
    scale_base, scale_spline, mask : Tensor (I, O)
    knots : Tensor (I, G + 2k + 1)
    """

    x: Tensor
    base: Tensor
    coefficients: Tensor
    scale_base: Tensor
    scale_spline: Tensor
    mask: Tensor
    knots: Tensor


def new_gradients(tensors: EdgeTensors, wanted: Sequence[bool]) -> tuple[Tensor | None, ...]:
    """Return memory for the gradients of all but the knots, None for what is not wanted."""
    return tuple(torch.empty_like(tensor) if want else None for tensor, want in zip(tensors, wanted))


def write_gradients(
    tensors: EdgeTensors,
    block: slice,
    grad_spline: Tensor,
    grad_constant: Tensor,
    gradients: Sequence[Tensor | None],
) -> None:
    """Write the gradients of the parameters of some inputs, from those of the weights of bases and base function.

    Parameters
    ----------
    tensors : EdgeTensors
    block : slice
        Which inputs.
    grad_spline : Tensor (I, B, O)
    grad_constant : Tensor (I, O)
    gradients : sequence of Tensor or None
        Where those of coefficients, scale_base, scale_spline and mask belong; None for what is not wanted.
    """
    _, _, coefficients, scale_base, scale_spline, mask, _ = (tensor[block] for tensor in tensors)
    of_coefficients, of_scale_base, of_scale_spline, of_mask = gradients
    grad_spline = grad_spline.mT  # (I, O, B)
    if of_coefficients is not None:
        torch.mul(grad_spline, (scale_spline * mask)[:, :, None], out=of_coefficients[block])
    if of_scale_base is not None:
        torch.mul(grad_constant, mask, out=of_scale_base[block])
    if of_scale_spline is None and of_mask is None:
        return
    along = (grad_spline * coefficients).sum(dim=2)  # with respect to scale_spline * mask
    if of_scale_spline is not None:
        torch.mul(along, mask, out=of_scale_spline[block])
    if of_mask is not None:
        of_mask[block] = along * scale_spline + grad_constant * scale_base
