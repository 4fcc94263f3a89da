"""What a module's state holds besides numbers, as a tensor like the rest of a `state_dict`.

Users go through a `state_dict` with ``.clone()``, ``.cpu()`` or ``.numel()``, to keep the best weights or to count
them, and average those of several models: every entry has to be a tensor of floating-point numbers, of one shape for
models of one structure, and to survive some rounding. Where there is nothing to say, there is no entry.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError

# What torch calls the entry, after the name of the module.
_KEY = "_extra_state"


def pack(state: dict[str, Any]) -> Tensor:
    """Return plain lists, numbers and strings by their names as the codes of a text.

    Examples
    --------
    >>> unpack(pack({"names": ["sin", "x^2"], "count": 3}))
    {'names': ['sin', 'x^2'], 'count': 3}
    """
    return torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8).float()


def unpack(state: Any) -> Mapping[str, Any]:
    """Return what `pack` was given; a mapping is returned as it is.

    Raises
    ------
    ArgumentError
        If it is neither a mapping nor such codes.
    """
    if isinstance(state, Mapping):
        return state
    try:
        found = json.loads(bytes(map(round, state.tolist())))
    except (AttributeError, TypeError, ValueError, OverflowError):
        found = None
    if not isinstance(found, dict):
        raise ArgumentError(f"the extra state of a module must be what `get_extra_state` returns; got {state!r}.")
    return found


class ExtraState(nn.Module, ABC):
    """A module whose extra state is in its `state_dict` only where it says something.

    A state of this library without the entry stands for the usual state. Other states, as those of pykan and dicts that
    users have made, leave what the entry would say as it is.
    """

    _version = 2  # what torch writes beside a state; pykan's modules have 1

    @abstractmethod
    def _named_state(self) -> dict[str, Any]:
        """Return the extra state as plain lists, numbers and strings."""

    @abstractmethod
    def _usual_state(self) -> dict[str, Any]:
        """Return what `_named_state` is where there is nothing to say."""

    @abstractmethod
    def set_extra_state(self, state: Any) -> None:
        """Restore what `get_extra_state` returned."""

    def get_extra_state(self) -> Tensor:
        """Return what the parameters do not say, as a tensor, for the `state_dict`."""
        return pack(self._named_state())

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self._named_state() == self._usual_state():
            del destination[prefix + _KEY]

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, local_metadata: Mapping[str, Any], *args: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)
        missing: list[str] = args[1]
        if prefix + _KEY in missing:
            missing.remove(prefix + _KEY)
            if local_metadata.get("version") == self._version:
                self.set_extra_state(self._usual_state())
