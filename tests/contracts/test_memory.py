"""What training costs in calls and in bytes: counted, so that a loss is seen without a clock."""

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
    """Counts operations; records the bytes of all tensors that are alive at once, and the numbers of the largest."""

    def __init__(self, *known: Tensor) -> None:
        super().__init__()
        self.live = self.peak = self.largest = self.operations = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in known}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
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
    assert watch.operations == 3
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


# A training step without penalties: what is kept for the backward, and how much it takes altogether

COUNT, DEGREE = 4, 3  # bytes of a number; the degree of the splines


def squares(network: Network, x: Tensor) -> Tensor:
    return network(x).square().mean()


def bytes_kept(n_inputs: int, n_outputs: int, grid: int, n_samples: int) -> int:
    """Return the bytes that the graph of a loss keeps, but those of data and parameters."""
    network = Network([n_inputs, n_outputs], grid=grid)
    x = torch.rand(n_samples, n_inputs)
    with Watch(x, *network.parameters()) as watch:
        loss = squares(network, x)
        kept = watch.live
    assert loss.requires_grad
    return kept


@pytest.mark.parametrize("grid", [5, 20, 50, 200])
@pytest.mark.parametrize("n_outputs", [8, 64])
@pytest.mark.parametrize("n_inputs", [16, 64])
def test_a_large_layer_keeps_a_few_numbers_for_every_input_and_sample(n_inputs: int, n_outputs: int, grid: int) -> None:
    n_samples = 4096
    kept = bytes_kept(n_inputs, n_outputs, grid, n_samples)
    # The bases that are not zero and their interval; the inputs, samples last, and their base function; the outputs.
    per_sample = n_inputs * (DEGREE + 2 + 2) + 2 * n_outputs
    assert kept <= COUNT * n_samples * per_sample


@pytest.mark.skipif(torch.__version__ < "2.13", reason="older versions of torch count their calls differently")
@pytest.mark.parametrize(
    ("width", "grid", "n_samples", "operations", "megabytes"),
    [([2, 5, 1], 5, 1000, 125, 1.8), ([64, 64], 5, 1024, 600, 5.8), ([10, 10], 200, 4096, 420, 5.3)],
)
def test_a_training_step_takes_no_more_calls_and_bytes_than_counted(
    width: list[int], grid: int, n_samples: int, operations: int, megabytes: float
) -> None:
    network = Network(width, grid=grid)
    x = torch.rand(n_samples, width[0], generator=torch.Generator().manual_seed(0))
    with Watch() as first:
        squares(network, x).backward()
    for parameter in network.parameters():
        parameter.grad = None
    with Watch() as later:
        squares(network, x).backward()
    assert later.operations <= operations
    assert first.peak <= megabytes * 1e6
