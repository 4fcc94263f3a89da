"""Small data, and models that have seen them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture
def pykan_data() -> Path:
    return DATA


@pytest.fixture
def x() -> Tensor:
    return torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def dataset(x: Tensor) -> dict[str, Tensor]:
    y = x[:, [0]] ** 2 + x[:, [1]]
    return {"train_input": x, "train_label": y, "test_input": x[:20], "test_label": y[:20]}


@pytest.fixture
def make(x: Tensor) -> Callable[..., KAN]:
    """Return a function that makes a model; it has seen `x` where the number of columns allows."""

    def build(width: Any = (2, 3, 1), **options: Any) -> KAN:
        model = KAN(width=list(width), **{"seed": 0, **options})
        if model.n_columns == 2:
            model.get_act(x)
        return model

    return build
