"""Samples, and functions whose structure is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


@pytest.fixture
def samples() -> Callable[..., Tensor]:
    """Return a function that gives uniform samples in [-1, 1], by default in single precision."""

    def draw(n_inputs: int, n_samples: int = 100, dtype: torch.dtype = torch.float32) -> Tensor:
        generator = torch.Generator().manual_seed(n_inputs)
        return torch.rand(n_samples, n_inputs, generator=generator, dtype=dtype) * 2 - 1

    return draw


@pytest.fixture
def network() -> Callable[..., torch.nn.Module]:
    """Return a function that gives a network with random weights, in which every input interacts with every other."""

    def build(n_inputs: int, activation: type[torch.nn.Module] = torch.nn.SiLU) -> torch.nn.Module:
        generator = torch.Generator().manual_seed(0)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            hidden = torch.nn.Linear(n_inputs, 20), activation(), torch.nn.Linear(20, 20), activation()
            model = torch.nn.Sequential(*hidden, torch.nn.Linear(20, 1))
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        return model

    return build
