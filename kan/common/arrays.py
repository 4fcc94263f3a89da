"""User input (tensors, numpy arrays, lists of numbers), converted to tensors and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kan.common.errors import ArgumentError, shown
from kan.common.precision import to_like


def as_tensor(values: Any, *, like: torch.Tensor | None = None) -> torch.Tensor:
    """Return `values` as a floating tensor, with the dtype and device of `like` where it is given."""
    tensor = to_tensor(values, plain=None if like is None else like.dtype)
    check_real(tensor)
    if like is not None:
        return to_like(tensor, like)
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


def to_tensor(values: Any, *, plain: torch.dtype | None = None) -> torch.Tensor:
    """Return a tensor as it is, and everything else as a new tensor of its own dtype.

    Python's floats have none: they get the dtype `plain`, by default torch's default.

    Raises
    ------
    ArgumentError
        If they are not numbers.
    """
    if isinstance(values, torch.Tensor):
        return values
    if isinstance(values, (list, tuple)) and any(isinstance(row, torch.Tensor) for row in values):
        return torch.stack([torch.as_tensor(row) for row in values])
    # A copy in C order, of native bytes and writable, also where an object makes it: torch reads no others, or warns.
    array = np.array(values, order="C")
    if array.dtype.kind not in "biufc":
        raise ArgumentError(
            f"data must be numbers; got {shown(values)}, which makes an array of type {array.dtype}. Where its entries "
            "are numbers of several types, `numpy.asarray(data, dtype=float)` converts them."
        )
    tensor = torch.as_tensor(np.require(array, array.dtype.newbyteorder("="), ["C", "W"]))
    if isinstance(values, (list, tuple, float)) and tensor.is_floating_point():
        return tensor.to(torch.get_default_dtype() if plain is None else plain)
    return tensor


def is_readable(tensor: torch.Tensor) -> bool:
    """Whether numpy can compute with the tensor's memory; subclasses, such as those that only trace, have none."""
    plain = type(tensor) is torch.Tensor and tensor.device.type == "cpu"
    return plain and tensor.dtype in (torch.float32, torch.float64)


def check_real(tensor: torch.Tensor) -> None:
    """Raise an :class:`ArgumentError`, with the remedy, for complex numbers."""
    if tensor.is_complex():
        raise ArgumentError(
            f"data must be real; got {tensor.dtype}. Give the real and the imaginary part as columns of their own, "
            "torch.cat([z.real, z.imag], dim=1)."
        )


def check_floating(name: str, values: object) -> None:
    """Raise an :class:`ArgumentError`, with the remedy, unless `values` is a tensor of floating-point numbers."""
    if not (isinstance(values, torch.Tensor) and values.is_floating_point()):
        found = f"one of {values.dtype}" if isinstance(values, torch.Tensor) else shown(values)
        raise ArgumentError(
            f"`{name}` must be a tensor of floating-point numbers; got {found}. "
            f"`torch.as_tensor(numpy.asarray({name}), dtype=torch.float32)` makes one."
        )


def check_finite(name: str, tensor: torch.Tensor) -> None:
    """Raise an :class:`ArgumentError` that says where and how many unless every entry is finite."""
    finite = torch.isfinite(tensor)
    if bool(finite.all()):
        return
    wrong = (~finite).nonzero()
    where = tuple(wrong[0].tolist())
    raise ArgumentError(
        f"`{name}` must be finite; {len(wrong)} of {tensor.numel()} entries are NaN or Inf, "
        f"the first at index {where}. Remove or fill these rows."
    )
