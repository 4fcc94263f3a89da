"""Networks to operate on, and a check that an operation left its original alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kan.common.extra_state import unpack
from kan.network import Network
from kan.surgery import remove_edge, remove_node, set_mode


class Sub(Network):
    """A user's own class: operations must give it back."""


def build(width: list, *, seed: int = 1, noise_scale: float = 1.0, **options: object) -> Network:
    """Return a network in float64."""
    return Sub(width, seed=seed, noise_scale=noise_scale, **options).double()


def build_rich() -> Network:
    """Return a network with a bit of everything.

    Layers of unequal width and grid, sums and products of several arities, affine maps, symbolic edges (one without a
    name, one beside a spline), a removed edge and a removed node.
    """
    width = [3, [2, 3], [4, 1], 2]
    arities = [[], [2, 3, 2], [3], []]
    network = build(width, mult_arity=arities, grid=[3, 5, 4], k=[3, 2, 3], base_fun="identity")
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith(("node", "subnode")):
                parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
    for layer, i, j, function in (
        (0, 1, 2, "sin"),
        (0, 2, 8, "x^2"),
        (1, 3, 5, torch.cos),
        (1, 4, 0, "exp"),
        (2, 4, 1, "tanh"),
    ):
        network.symbolic_fun[layer].fix_symbolic(i, j, function, random=True, generator=generator)
        set_mode(network, layer, i, j, "s")
    set_mode(network, 1, 4, 0, "sn")
    remove_edge(network, 0, 0, 0)
    remove_node(network, 2, 2)
    return network


def samples(count: int = 60, columns: int = 2, *, seed: int = 0) -> Tensor:
    """Return inputs in (-1, 1)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, columns, generator=generator, dtype=torch.float64) * 2 - 1


class Snapshot:
    """Everything about a network that an operation on a copy of it must not change."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.state = self.read()

    def read(self) -> dict:
        network = self.network
        tensors = [*network.named_parameters(), *network.named_buffers()]
        return {
            "tensors": {name: (tensor.data_ptr(), tensor._version, tensor.clone()) for name, tensor in tensors},
            "trained": {name: parameter.requires_grad for name, parameter in network.named_parameters()},
            "functions": [unpack(layer.get_extra_state()) for layer in network.symbolic_fun],
            "rest": (
                network.training,
                network._draws,
                id(network.cache_data),
                id(network._reference),
                network.constructor_arguments(),
            ),
            "random": torch.get_rng_state(),
        }

    def assert_unchanged(self) -> None:
        now = self.read()
        for name, (pointer, version, values) in self.state["tensors"].items():
            assert now["tensors"][name][:2] == (pointer, version), name
            torch.testing.assert_close(now["tensors"][name][2], values, rtol=0, atol=0, equal_nan=True)
        assert torch.equal(now["random"], self.state["random"])
        for part in ("trained", "functions", "rest"):
            assert now[part] == self.state[part], part


def assert_nothing_shared(first: Network, second: Network) -> None:
    """Fail when two networks hold the same memory in a parameter or buffer."""

    def pointers(network: Network) -> set:
        tensors = [*network.parameters(), *network.buffers()]
        return {tensor.untyped_storage().data_ptr() for tensor in tensors if tensor.numel()}

    assert not pointers(first) & pointers(second)


@pytest.fixture
def kit() -> type:
    """Give tests the helpers of this file, which importlib mode does not let them import."""

    class Kit:
        Sub = Sub
        Snapshot = Snapshot
        build = staticmethod(build)
        build_rich = staticmethod(build_rich)
        samples = staticmethod(samples)
        assert_nothing_shared = staticmethod(assert_nothing_shared)

    return Kit
