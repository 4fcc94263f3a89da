"""Double precision where a device has it, and else on the CPU: Apple's GPUs have none.

A copy to the CPU that casts is made on the device, so tensors move first and are cast then.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor


@functools.cache
def has_double(device: torch.device) -> bool:
    """Whether a device computes in double precision."""
    if device.type in ("cpu", "cuda"):
        return True  # whatever goes wrong at the moment, such as a lack of memory
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return False
    return True


def widest(device: torch.device) -> torch.dtype:
    """Return the dtype of the most precise numbers on a device."""
    return torch.float64 if has_double(device) else torch.float32


def to_double(tensor: Tensor) -> Tensor:
    """Return a tensor in double precision, where it is or else on the CPU."""
    return (tensor if has_double(tensor.device) else tensor.cpu()).double()


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Return a tensor on a device; one in double precision becomes single where the device has no double."""
    target = torch.device(device)
    return (tensor.float() if tensor.dtype == torch.float64 and not has_double(target) else tensor).to(target)


def to_like(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a tensor of any device with the dtype and device of another."""
    return (tensor.cpu() if like.device.type == "cpu" else tensor).to(like)
