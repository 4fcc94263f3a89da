"""What a module's state holds besides numbers, as a tensor like the rest of a `state_dict`.

Users go through a `state_dict` with ``.clone()``, ``.cpu()`` or ``.numel()``, to keep the best weights or to count
them: every entry has to be a tensor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError


def pack(state: dict[str, Any]) -> Tensor:
    """Return plain lists, numbers and strings by their names as bytes.

    Examples
    --------
    >>> unpack(pack({"names": ["sin", "x^2"], "draws": 3}))
    {'names': ['sin', 'x^2'], 'draws': 3}
    """
    return torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)


def unpack(state: Any) -> Mapping[str, Any]:
    """Return what `pack` was given; a mapping is returned as it is.

    Raises
    ------
    ArgumentError
        If it is neither a mapping nor such bytes.
    """
    if isinstance(state, Mapping):
        return state
    try:
        found = json.loads(bytes(state.tolist()))
    except (AttributeError, TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ArgumentError(f"the extra state of a module must be what `get_extra_state` returns; got {state!r}.")
    return found


class ExtraState(nn.Module):
    """A module that may do without its extra state: states of pykan have none, and leave what it says as it is."""

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        missing: list[str] = args[2] if len(args) > 2 else kwargs["missing_keys"]
        if prefix + "_extra_state" in missing:
            missing.remove(prefix + "_extra_state")
