"""`torch.compile` makes one graph of a network, for forward pass and training, whatever the size of the batch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from kan import KAN, KANLinear

SIZES = (7, 20, 9)


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield
    torch._dynamo.reset()


def make(kind: str) -> nn.Module:
    if kind == "KANLinear":
        return KANLinear(2, 1, grid_size=3, spline_order=2, generator=torch.Generator().manual_seed(0))
    grid = 40 if kind == "fine grid" else 3
    return KAN([2, [1, 1], 1], grid=grid, k=0 if kind == "steps" else 3, seed=0, auto_save=False)


def batches() -> Iterator[Tensor]:
    """Yield batches of several sizes, some of the samples outside of the grid."""
    generator = torch.Generator().manual_seed(0)
    for size in SIZES:
        yield 3 * torch.rand(size, 2, generator=generator) - 1.5


@pytest.mark.parametrize("kind", ["network", "steps", "fine grid", "KANLinear"])
def test_one_graph_serves_batches_of_all_sizes(kind: str) -> None:
    model = make(kind)
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="eager")
    with torch.no_grad():
        for x in batches():
            torch.testing.assert_close(compiled(x), model(x))


def test_a_compiled_network_trains_like_one_that_is_not() -> None:
    models = [make("network") for _ in range(2)]
    compiled = torch.compile(models[0], fullgraph=True, dynamic=True, backend="aot_eager")
    optimisers = [torch.optim.Adam(model.parameters(), lr=0.01) for model in models]
    for x in batches():
        y = x.sum(dim=1, keepdim=True)
        for call, optimiser in zip((compiled, models[1]), optimisers):
            optimiser.zero_grad()
            nn.functional.mse_loss(call(x), y).backward()
            optimiser.step()
    for first, second in zip(models[0].parameters(), models[1].parameters()):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)
