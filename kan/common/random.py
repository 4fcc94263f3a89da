"""Random streams that belong to whoever draws from them, so that models leave torch's generator alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch

_Function = TypeVar("_Function", bound=Callable[..., Any])


def on_cpu(function: _Function) -> _Function:
    """Return a function that makes tensors on the CPU, where streams are, whatever torch's default device is."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if torch.get_default_device().type == "cpu":  # inside the context every operation costs twice as much
            return function(*args, **kwargs)
        with torch.device("cpu"):
            return function(*args, **kwargs)

    return cast("_Function", wrapped)


def stream(*seeds: int) -> torch.Generator:
    """Return a CPU generator for the given seeds; a single seed gives the numbers of ``torch.manual_seed(seed)``."""
    generator = torch.Generator()
    mixed = seeds[0]
    for seed in seeds[1:]:
        # Knuth's multiplicative hash spreads neighbouring seeds over the whole 63-bit range.
        mixed = (mixed * 2654435761 + seed * 40503 + 1) % (2**63 - 1)
    generator.manual_seed(mixed)
    return generator
