"""Networks to operate on, and a check that an operation left its original alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kan.network import Network


class Sub(Network):
    """A user's own class: operations must give it back."""


def build(width: list, *, seed: int = 1, noise_scale: float = 1.0, **options: object) -> Network:
    """Return a network in float64."""
    return Sub(width, seed=seed, noise_scale=noise_scale, **options).double()


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
            "functions": [layer.get_extra_state() for layer in network.symbolic_fun],
            "rest": (
                network.training,
                network._draws,
                id(network.cache_data),
                id(network._reference),
                network.settings(),
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
        samples = staticmethod(samples)
        assert_nothing_shared = staticmethod(assert_nothing_shared)

    return Kit
