"""What users hand in (tensors, numpy arrays, lists of numbers), made into tensors and checked."""

from __future__ import annotations

from typing import Any

import torch

from kan.common.errors import ArgumentError


def as_tensor(values: Any, *, like: torch.Tensor | None = None) -> torch.Tensor:
    """Return `values` as a floating tensor, with the dtype and device of `like` where it is given."""
    tensor = values if isinstance(values, torch.Tensor) else torch.as_tensor(values)
    if like is not None:
        return tensor.to(dtype=like.dtype, device=like.device)
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


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
