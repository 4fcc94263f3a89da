"""Values that belong to one state of a model, kept for as long as it is in that state.

Activations and scores are computed when they are read. Loops over all edges read them at every edge, and scripts change
them in place: what was computed is given out again, the same objects, until a parameter, a grid or the data change.
What a script puts in place of a value stays until the next pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

import torch
from torch import Tensor

from kan.common.transforms import is_transformed

if TYPE_CHECKING:
    from kan.network.model import Model

Value = TypeVar("Value")


class _Seen(NamedTuple):
    """A tensor, its memory, which is held so that nothing else can come to lie there, and its version."""

    tensor: Tensor
    memory: Tensor
    version: int

    @classmethod
    def of(cls, tensor: Tensor) -> _Seen:
        """Take note of a tensor."""
        return cls(tensor, tensor.detach(), _version(tensor))

    def is_still(self, tensor: Tensor) -> bool:
        """Whether `tensor` is this one, with the same numbers in it."""
        same = tensor is self.tensor and _version(tensor) == self.version
        return same and tensor.data_ptr() == self.memory.data_ptr()


class Records:
    """What was recorded of a model; copies and pickles of it are empty."""

    def __init__(self) -> None:
        self._forget()

    def clear(self) -> None:
        """Forget everything; every pass through the model does."""
        if self._seen or self._put:
            self._forget()

    def _forget(self) -> None:
        """Start with nothing."""
        self._values: dict[tuple[str, str], Any] = {}  # by name and kind
        self._seen: list[_Seen] = []
        self._others: list[Any] = []
        # Values that were put in, and the data that the model had then.
        self._put: dict[str, tuple[Any, Tensor | None]] = {}

    def drop(self, *names: str) -> None:
        """Forget some values, so that they are computed again."""
        self._values = {key: value for key, value in self._values.items() if key[0] not in names}
        self._put = {name: value for name, value in self._put.items() if name not in names}

    def put(self, name: str, value: Any, data: Tensor | None) -> None:
        """Let a value be `value` until the data are others."""
        self._put[name] = (value, data)

    def read(self, name: str, model: Model, compute: Callable[[Any], Any], *, kind: str) -> Any:
        """Return a value that was put in or computed in the present state, or compute it; `kind` is that of tensors."""
        put = self._put.get(name)
        if put is not None and put[1] is model.cache_data:
            return put[0]
        tensors, others = model.read_from()
        if not self._hold(tensors, others):
            self._values.clear()
            self._seen, self._others = [_Seen.of(tensor) for tensor in tensors], others
        key = (name, kind)
        if key not in self._values:
            self._values[key] = compute(model)
        return self._values[key]

    def _hold(self, tensors: list[Tensor], others: list[Any]) -> bool:
        """Whether the values belong to this state."""
        return (
            len(tensors) == len(self._seen)
            and len(others) == len(self._others)
            and all(known is other for known, other in zip(self._others, others))
            and all(known.is_still(tensor) for known, tensor in zip(self._seen, tensors))
        )

    def __deepcopy__(self, _: Any) -> Records:
        return Records()

    def __reduce__(self) -> tuple[type[Records], tuple[()]]:
        return Records, ()


class recorded(property, Generic[Value]):  # noqa: N801 - used like `property`
    """A property of a model that is kept in its `Records`; its tensors carry no graph. It can be set."""

    @overload
    def __get__(self, model: None, owner: type | None = None, /) -> recorded[Value]: ...
    @overload
    def __get__(self, model: object, owner: type | None = None, /) -> Value: ...
    def __get__(self, model: Any, owner: type | None = None, /) -> Any:
        if model is None:
            return self
        assert self.fget is not None
        if is_transformed():  # by what leaves nothing to keep
            return self.fget(model)
        return model._recorded.read(self.fget.__name__, model, self.fget, kind=self._kind())

    def __set__(self, model: Any, value: Any) -> None:
        assert self.fget is not None
        model._recorded.put(self.fget.__name__, value, model.cache_data)

    def _kind(self) -> str:
        """Return what distinguishes the tensors that are computed here from others of the same numbers."""
        return "i" * torch.is_inference_mode_enabled()


class recorded_with_graph(recorded[Value]):  # noqa: N801 - used like `property`
    """The same, with a graph back to the parameters where gradients are enabled, for penalties of a user's own."""

    def _kind(self) -> str:
        return super()._kind() + "g" * torch.is_grad_enabled()


def _version(tensor: Tensor) -> int:
    """Return how often a tensor was changed in place; what was made in inference mode does not count that."""
    return 0 if tensor.is_inference() else tensor._version
