"""Networks whose edges are known functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from kan.network import Network
from kan.spline import fit_coefficients


@torch.no_grad()
def plant_function(
    network: Network, layer: int, i: int, j: int, function: Callable[..., Any], bounds: tuple[float, float] = (-1, 1)
) -> None:
    """Make the spline of an edge the best one for a function on an interval, and leave the base function out."""
    edges = network.act_fun[layer]
    x = torch.linspace(*bounds, 400, dtype=edges.grid.dtype)[None]
    edges.coef[i, j] = fit_coefficients(x, function(x)[None], edges.grid[[i]], degree=edges.k)[0, 0]
    edges.scale_base[i, j], edges.scale_sp[i, j] = 0.0, 1.0


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: the tensors are small, and threads that wait for a busy core take seconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def plant() -> Callable[..., None]:
    return plant_function


@pytest.fixture
def hello() -> Callable[[int], tuple[Network, torch.Tensor, torch.Tensor]]:
    """Make a trained network for exp(sin(pi x) + y^2), with arbitrary scales between its layers, and its data."""

    def make(seed: int, grid: int = 10) -> tuple[Network, torch.Tensor, torch.Tensor]:
        stream = torch.Generator().manual_seed(seed)
        scale, shift = torch.rand(2, generator=stream, dtype=torch.float64).tolist()
        scale = (0.2 + 0.3 * scale) * (-1) ** seed
        network = Network(width=[2, 1, 1], grid=grid, seed=seed, grid_range=(-1.01, 1.01)).double()
        shift = 0.2 * shift - 0.5 * scale
        plant_function(network, 0, 0, 0, lambda x: scale * torch.sin(torch.pi * x) + shift)
        plant_function(network, 0, 1, 0, lambda y: scale * y**2)
        ends = sorted((scale * -1 + shift, scale * 2 + shift))
        plant_function(network, 1, 0, 0, lambda u: torch.exp((u - shift) / scale), tuple(ends))
        x = 2 * torch.rand(500, 2, generator=stream, dtype=torch.float64) - 1
        y = torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)
        train(network, x, y, steps=30)
        return network, x, y

    return make


def train(network: Network, x: torch.Tensor, y: torch.Tensor, steps: int) -> float:
    """Fit the network, and return the root mean square error."""
    from kan.training.lbfgs import LBFGS

    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = LBFGS(parameters, line_search_fn="strong_wolfe", max_iter=steps, tolerance_grad=0, tolerance_change=0)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = (network(x) - y).square().mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    return float(optimiser.last_loss**0.5)


@pytest.fixture
def fit() -> Callable[..., float]:
    return train
