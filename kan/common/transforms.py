"""Whether the running code is seen by one of torch's program transforms instead of plain eager autograd."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.autograd import forward_ad


def is_transformed() -> bool:
    """Return True inside ``torch.func``, ``torch.compile``, ``torch.jit.trace`` and forward-mode differentiation."""
    return is_recorded() or _is_differentiated_otherwise()


def is_recorded() -> bool:
    """Return True inside ``torch.compile`` and ``torch.jit.trace``, whose graphs hold operations only."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def is_compiled_plainly() -> bool:
    """Return True where ``torch.compile`` takes values and first derivatives: no export, no ``torch.func`` within."""
    return torch.compiler.is_compiling() and not _is_exported_or_differentiated()


def _is_differentiated_otherwise() -> bool:
    """Return True inside ``torch.func`` and forward-mode differentiation."""
    # Neither state has a public query; both names have been stable since torch 2.0.
    return torch._C._functorch.maybe_current_level() is not None or forward_ad._current_level >= 0


def _is_exported_or_differentiated() -> bool:
    return torch.compiler.is_exporting() or _is_differentiated_otherwise()


# What `torch.compiler.assume_constant_result` does, which would import the whole compiler. The answers are those at the
# time when a graph is made; compilers of torch 2.8, at least, would take every graph for an exported one.
_is_exported_or_differentiated._dynamo_marked_constant = True  # type: ignore[attr-defined]


def is_nested_forward() -> bool:
    """Return True inside two or more of ``torch.func``'s forward-mode transforms, such as ``jacfwd`` of ``jacfwd``."""
    if torch.compiler.is_compiling() or torch._C._functorch.maybe_current_level() is None:
        return False
    levels = torch._C._functorch.get_interpreter_stack() or []
    return sum(level.key() == torch._C._functorch.TransformType.Jvp for level in levels) > 1


def has_values(tensor: torch.Tensor) -> bool:
    """Return False where a tensor's values decide nothing: for compilers, and batched by ``torch.func.vmap``."""
    if torch.compiler.is_compiling():
        return False
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        if torch._C._functorch.is_batchedtensor(tensor):
            return False
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return True


def is_batched(gradient: torch.Tensor) -> bool:
    """Return True for several gradients that autograd takes back together (``is_grads_batched``)."""
    return torch._C._functorch.is_legacy_batchedtensor(gradient)


# Asked for here, because the compilers of torch 2.8 to 2.11, at least, cannot trace the question.
_COMPILED_WITH_AUTOCAST = frozenset(
    kind for kind in ("cpu", "cuda", "mps", "xpu") if torch.amp.is_autocast_available(kind)
)


def is_autocast(device_type: str) -> bool:
    """Return True where operations on this kind of device choose their own precision."""
    if torch.compiler.is_compiling():
        return device_type in _COMPILED_WITH_AUTOCAST and torch.is_autocast_enabled(device_type)
    return torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type)


def full_precision(device_type: str) -> AbstractContextManager[Any]:
    """Return the context in which no operation on this kind of device chooses its own precision."""
    return torch.autocast(device_type, enabled=False) if is_autocast(device_type) else nullcontext()
