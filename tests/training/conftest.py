"""Small data and models that train in a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN


def square_and_sine(x: Tensor) -> Tensor:
    """Return x0 ** 2 + sin(3 x1), of two inputs."""
    return x[:, [0]] ** 2 + torch.sin(3 * x[:, [1]])


@pytest.fixture
def dataset() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    train, test = (torch.rand(rows, 2, generator=generator) * 2 - 1 for rows in (60, 30))
    return {
        "train_input": train,
        "train_label": square_and_sine(train),
        "test_input": test,
        "test_label": square_and_sine(test),
    }


@pytest.fixture
def make() -> Callable[..., KAN]:
    def build(width: Any = (2, 2, 1), **options: Any) -> KAN:
        return KAN(width=list(width), **{"seed": 0, "grid": 3, "auto_save": False, **options})

    return build


@pytest.fixture
def state_of() -> Callable[[KAN], dict[str, Tensor]]:
    return lambda model: {name: entry.detach().clone() for name, entry in model.named_parameters()}
