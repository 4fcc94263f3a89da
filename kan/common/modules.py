"""Lists of modules whose entries have a known type: for type checkers; the objects are torch's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Generic, TypeVar, overload

    Entry = TypeVar("Entry", bound=nn.Module)

    class ModuleList(nn.ModuleList, Generic[Entry]):
        """A `torch.nn.ModuleList` of one kind of module."""

        def __init__(self, modules: Iterable[Entry]) -> None: ...
        def __iter__(self) -> Iterator[Entry]: ...
        @overload
        def __getitem__(self, idx: slice) -> ModuleList[Entry]: ...
        @overload
        def __getitem__(self, idx: int) -> Entry: ...
        def __getitem__(self, idx: Any) -> Any: ...

else:
    ModuleList = nn.ModuleList
