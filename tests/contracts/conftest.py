"""Every layer and network that the contracts hold for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from kan.common.random import stream
from kan.layers import KANLayer, KANLinear, Symbolic_KANLayer, edge_kernel, edge_sum
from kan.network import Network, Perceptron
from kan.surgery import expand_depth, expand_width, perturb, swap

Make = Callable[[], nn.Module]


class Case(NamedTuple):
    """A module of 2 inputs, and the function that gives its output."""

    make: Make
    output: Callable[[nn.Module, Tensor], Tensor] = lambda module, x: module(x)
    # How the bases are evaluated; by default as it is cheapest for few samples.
    evaluation: str = "numpy"


def first(module: nn.Module, x: Tensor) -> Tensor:
    """Return the first of the tensors that a layer of pykan's returns."""
    result: Tensor = module(x)[0]
    return result


def forward_sum(module: nn.Module, x: Tensor) -> Tensor:
    """Return the sums alone."""
    result: Tensor = module.forward_sum(x)  # type: ignore[operator]
    return result


def numeric(grid: int = 3, base_fun: str = "silu") -> KANLayer:
    """Return a numerical layer with one edge removed and one halved."""
    layer = KANLayer(2, 3, num=grid, k=3, base_fun=base_fun, generator=stream(0))
    layer.mask.data[0, 0], layer.mask.data[1, 0] = 0.0, 0.5
    return layer


def symbolic() -> Symbolic_KANLayer:
    """Return a symbolic layer with two functions."""
    layer = Symbolic_KANLayer(2, 3)
    for i, j, name in ((0, 0, "sin"), (1, 1, "exp"), (1, 2, "sin")):
        layer.set_edge(i, j, name)
        layer.mask.data[j, i] = 1
        layer.affine.data[j, i] = torch.tensor([1.5, 0.2, 0.7, -0.3])
    return layer


def network(grid: int = 3, *, with_symbols: bool = False) -> Network:
    """Return a network with a sum and two products."""
    result = Network([2, [1, 2], 2], grid=grid, mult_arity=[[], [2, 3], []], seed=1)
    if with_symbols:
        for i, j, name in ((0, 0, "sin"), (1, 1, "exp")):
            result.symbolic_fun[0].set_edge(i, j, name)  # type: ignore[operator]
            result.symbolic_fun[0].affine.data[j, i] = torch.tensor([1.5, 0.2, 0.7, -0.3])  # type: ignore[union-attr]
            result.symbolic_fun[0].mask.data[j, i] = 1  # type: ignore[union-attr, operator, index]
        result.act_fun[0].mask.data[0, 0] = 0  # type: ignore[union-attr, operator, index]
    return result


def expanded() -> Network:
    """Return a network that was made deeper and wider, with numerical parts everywhere."""
    result = network(with_symbols=True)
    expand_depth(result)
    expand_width(result, 1, 1)
    expand_width(result, 2, 1, sum_bool=False)
    perturb(result, mag=0.5, mode="all")
    swap(result, 1, 0, 1)
    return result


CASES = {
    "KANLayer": Case(numeric, first),
    "forward_sum": Case(numeric, forward_sum),
    "forward_sum, by torch": Case(numeric, forward_sum, "torch"),
    "forward_sum, fine grid": Case(lambda: numeric(15), forward_sum, "local"),
    "KANLinear": Case(lambda: KANLinear(2, 3, generator=stream(0))),
    "Symbolic_KANLayer": Case(symbolic, first),
    "Network": Case(network),
    "Network, fine grid": Case(lambda: network(15), evaluation="local"),
    "Network with symbols": Case(lambda: network(with_symbols=True)),
    "Network, expanded": Case(expanded),
    "Perceptron": Case(lambda: Perceptron([2, 5, 2])),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    chosen = CASES[request.param]
    if chosen.evaluation != "numpy":
        monkeypatch.setattr(edge_kernel, "_SMALL_WORK", 0)
    if chosen.evaluation == "local":
        monkeypatch.setattr(import_module("kan.spline.basis"), "_DENSE_SURPLUS", 0)
        monkeypatch.setattr(edge_sum, "is_gathered", lambda *_, **__: True)
    return chosen


@pytest.fixture
def x() -> Tensor:
    """Return samples inside and a little outside of the grid."""
    return torch.rand(12, 2, generator=torch.Generator().manual_seed(0)) * 2.4 - 1.2
