"""Networks with everything that a checkpoint has to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
import torch

from kan.layers import Symbolic_KANLayer
from kan.network import Network

DATA = Path(__file__).resolve().parent.parent / "data"


def make_network(**options: Any) -> Network:
    """Return a network that differs from a fresh one in everything that can differ."""
    dtype = options.pop("dtype", torch.float32)
    network = Network(**{"width": [2, [2, 1], 1], "grid": 4, "k": 2, "seed": 3, **options}).to(dtype)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.rand(parameter.shape, generator=generator).to(dtype)
        numeric, symbolic = network.act_fun[0], network.symbolic_fun[0]
        assert isinstance(symbolic, Symbolic_KANLayer)
        numeric.mask[0, 0], numeric.mask[1, 0] = 0.0, 0.5
        symbolic.set_edge(0, 0, "sin")
        symbolic.set_edge(1, 1, "x^2")
        symbolic.set_edge(1, 0, "0")
    network.get_parameter("act_fun.0.scale_base").requires_grad_(False)
    network.get_parameter("node_bias_0").requires_grad_(True)
    return network.eval()


def inputs_of(network: Network, rows: int = 7) -> torch.Tensor:
    """Return inputs for a network, some of them outside its grid."""
    x = 3 * torch.rand(rows, network.n_columns, generator=torch.Generator().manual_seed(1)) - 1.5
    return x.to(network.dtype)


def same(one: Network, other: Network) -> bool:
    """Whether two networks have equal settings, parameters and outputs."""
    x = inputs_of(one)
    return (
        one.constructor_arguments() == other.constructor_arguments()
        and one.training == other.training
        and one.dtype == other.dtype
        and torch.equal(one(x), other(x))
        and [p.requires_grad for p in one.parameters()] == [p.requires_grad for p in other.parameters()]
        and all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters()))
    )


@pytest.fixture
def make() -> Callable[..., Network]:
    return make_network


@pytest.fixture
def inputs() -> Callable[..., torch.Tensor]:
    return inputs_of


@pytest.fixture
def equal() -> Callable[[Network, Network], bool]:
    return same


@pytest.fixture
def pykan_data() -> Path:
    return DATA
