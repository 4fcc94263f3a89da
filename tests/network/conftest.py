"""Networks of every kind, and what pykan answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from kan.checkpoints import load_checkpoint
from kan.network import Network

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture
def pykan_case() -> Callable[[str], tuple[Network, dict[str, Any]]]:
    """Return a function from the name of a checkpoint to the network and pykan's answers."""

    def load(name: str) -> tuple[Network, dict[str, Any]]:
        return load_checkpoint(DATA / name, Network), torch.load(DATA / f"{name}_expected.pt", weights_only=True)

    return load


@pytest.fixture
def mixed() -> Network:
    """Return a network with sums, products, symbolic, removed and doubled edges, in float64."""
    network = Network([2, [2, 1], [1, 1], 2], grid=4, mult_arity=[[], [3], [2], []], seed=3).double()
    with torch.no_grad():
        first, symbolic = network.act_fun[0], network.symbolic_fun[0]
        first.mask[0, 0], first.mask[1, 0] = 0.0, 0.5
        for i, j, name in ((0, 0, "sin"), (1, 1, "x^2"), (1, 0, "sin")):
            symbolic.set_edge(i, j, name)
            symbolic.mask[j, i] = 1
            symbolic.affine[j, i] = torch.tensor([1.5, 0.2, 0.7, -0.3])
        for name, parameter in network.named_parameters():
            if "bias" in name or "node_scale" in name:
                parameter += 0.1
    return network


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
