"""Training, penalties and scores never need memory for a number per edge and sample."""

from __future__ import annotations

import tracemalloc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kan.attribution import attribute, node_attributes
from kan.network import Network
from kan.training.objective import Objective
from kan.training.penalties import REG_METRICS, penalty


class Watch(TorchDispatchMode):
    """Records the bytes of all tensors that are alive at once, and the numbers of the largest tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = self.largest = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._see(tensor.untyped_storage(), tensor.element_size())
        return result

    def _see(self, storage: torch.UntypedStorage, size: int) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        # Views that were expanded have many entries and little memory: storages are what counts.
        self.largest = max(self.largest, storage.nbytes() // size)
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def test_the_watch_sees_what_is_alive() -> None:
    with Watch() as watch:
        first = torch.zeros(1000)
        second = first + 1
        del first
        third = second + 1
    assert watch.peak == 8000
    assert watch.largest == 1000
    assert watch.live == 8000
    del third


def step(network: Network, x: Tensor, y: Tensor, **weights: Any) -> None:
    """Take the loss, the penalty and their gradients, as training does."""
    Objective(network, None, None, 0.01, weights, {}).at(x, y, repeatedly=True).differentiate()


@pytest.mark.parametrize("reg_metric", REG_METRICS)
@pytest.mark.parametrize("grid", [3, 20])
def test_no_tensor_has_a_number_for_every_edge_and_sample(reg_metric: str, grid: int) -> None:
    n_samples, n_inputs, n_outputs = 300, 40, 50
    network = Network([n_inputs, n_outputs, 1], grid=grid)
    x, y = torch.rand(n_samples, n_inputs), torch.rand(n_samples, 1)
    with Watch() as watch:
        step(network, x, y, reg_metric=reg_metric, lamb_coef=0.1, lamb_coefdiff=0.1)
    assert watch.largest < n_samples * n_inputs * n_outputs
    # Features of the inputs: one number for every basis and sample.
    assert watch.largest <= n_samples * n_outputs * (grid + 8)


def test_scores_need_no_number_for_every_edge_and_sample_either() -> None:
    network = Network([40, 50, 2])
    x = torch.rand(300, 40)
    with Watch() as watch:
        attribute(network, x)
        node_attributes(network, network.trace(x))
    assert watch.largest <= 300 * 50 * (3 + 8)


def test_a_wide_network_trains_in_little_memory() -> None:
    network = Network([256, 256, 1], grid=3, k=3)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(4096, 256, generator=generator), torch.rand(4096, 1, generator=generator)
    # Arrays of numpy are no tensors: their memory is counted beside.
    tracemalloc.start()
    with Watch() as watch:
        step(network, x, y)
    _, arrays = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert watch.peak + arrays < 2**30
    assert penalty(network, network.trace(x[:5])).isfinite()
