"""Products on multiplication nodes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kan.layers import multiply_nodes, nodes_to_subnodes, pull_back_products

ARITIES = [[], [2], [2, 2], [3, 3], [1], [0], [0, 0], [4, 0, 2, 1, 3]]


def random(rows: int, samples: int = 5) -> Tensor:
    return torch.randn(rows, samples, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def explicit(subnodes: Tensor, n_sum: int, arities: list[int]) -> Tensor:
    groups = subnodes[n_sum:].split(arities) if arities else []
    return torch.stack([*subnodes[:n_sum], *(group.prod(dim=0) for group in groups)])


@pytest.mark.parametrize("n_sum", [0, 2])
@pytest.mark.parametrize("arities", [arities for arities in ARITIES if arities])
def test_products_are_those_of_torch(n_sum: int, arities: list[int]) -> None:
    subnodes = random(n_sum + sum(arities))
    ours = multiply_nodes(subnodes, n_sum=n_sum, arities=arities)
    assert torch.allclose(ours, explicit(subnodes, n_sum, arities))


def test_without_products_nothing_changes() -> None:
    subnodes = random(3)
    assert torch.equal(multiply_nodes(subnodes, n_sum=3, arities=[]), subnodes)


def test_a_product_of_nothing_is_one() -> None:
    nodes = multiply_nodes(torch.full((1, 2), 7.0), n_sum=1, arities=[0])
    assert nodes.tolist() == [[7, 7], [1, 1]]


@pytest.mark.parametrize("zeros", [0, 1, 2, 4])
@pytest.mark.parametrize("arities", [[4], [2, 2], [4, 0, 2, 1, 3]])
def test_derivatives_are_exact_where_factors_are_zero(arities: list[int], zeros: int) -> None:
    subnodes = random(1 + sum(arities), samples=2)
    subnodes[1 : 1 + zeros] = 0
    subnodes.requires_grad_()

    def products(values: Tensor) -> Tensor:
        return multiply_nodes(values, n_sum=1, arities=arities)

    assert torch.autograd.gradcheck(products, (subnodes,))
    assert torch.autograd.gradgradcheck(products, (subnodes,))


@pytest.mark.parametrize("arities", ARITIES)
@pytest.mark.parametrize("zeros", [0, 2])
def test_gradients_by_hand_are_those_of_autograd(arities: list[int], zeros: int) -> None:
    subnodes = random(2 + sum(arities))
    subnodes[2 : 2 + zeros] = 0
    nodes = multiply_nodes(subnodes.requires_grad_(), n_sum=2, arities=arities)
    gradient = random(len(nodes)) + 1
    found = pull_back_products(subnodes.detach(), gradient, n_sum=2, arities=arities)
    assert torch.allclose(found, torch.autograd.grad(nodes, subnodes, gradient)[0])


@pytest.mark.parametrize("arities", ARITIES)
def test_scores_of_nodes_are_repeated_for_every_factor(arities: list[int]) -> None:
    values = torch.arange(float(2 + len(arities))).expand(3, -1)
    repeated = nodes_to_subnodes(values, n_sum=2, arities=arities)
    expected = [0.0, 1.0] + [float(2 + index) for index, arity in enumerate(arities) for _ in range(arity)]
    assert repeated.tolist() == [expected] * 3
