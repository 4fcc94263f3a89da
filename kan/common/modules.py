"""Modules of torch: lists of one kind of them, where they are, and whether a call of one does what its class says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Generic, TypeVar, overload

    Entry = TypeVar("Entry", bound=nn.Module)

    class ModuleList(nn.ModuleList, Generic[Entry]):
        """A `torch.nn.ModuleList` of one kind of module, for type checkers; the objects are torch's own."""

        def __init__(self, modules: Iterable[Entry]) -> None: ...
        def __iter__(self) -> Iterator[Entry]: ...
        @overload
        def __getitem__(self, idx: slice) -> ModuleList[Entry]: ...
        @overload
        def __getitem__(self, idx: int) -> Entry: ...
        def __getitem__(self, idx: Any) -> Any: ...

else:
    ModuleList = nn.ModuleList


def move(module: nn.Module, device: Any) -> None:
    """Move a module from the CPU; where it stays there, torch would go through all of its parts for nothing."""
    if device is not None and torch.device(device).type != "cpu":
        module.to(device)


def is_hooked(module: nn.Module) -> bool:
    """Whether a call of a module does more than its class says: through hooks, or a `forward` of this object."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or "forward" in module.__dict__
