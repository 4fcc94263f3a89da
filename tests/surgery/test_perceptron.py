"""Swapping hidden nodes of a perceptron."""

from __future__ import annotations

import pytest
import torch

from kan.attribution import connection_cost
from kan.common.errors import ArgumentError
from kan.network import Perceptron
from kan.surgery import auto_swap_units, swap_units


@pytest.fixture
def perceptron():
    return Perceptron([3, 5, 7, 2], seed=1).double()


def test_a_swap_exchanges_two_nodes_and_keeps_the_function(perceptron, kit):
    x = kit.samples(columns=3)
    before = perceptron.trace(x)
    swap_units(perceptron, 2, 1, -1)
    after = perceptron.trace(x)
    torch.testing.assert_close(after.output, before.output)
    torch.testing.assert_close(after.nodes[2], before.nodes[2][:, [0, 6, 2, 3, 4, 5, 1]])


def test_auto_swap_keeps_the_function_and_lowers_the_cost(perceptron, kit):
    x = kit.samples(columns=3)
    before, cost = perceptron(x), connection_cost(perceptron.w)
    auto_swap_units(perceptron, layer=1)
    first = connection_cost(perceptron.w)
    auto_swap_units(perceptron)
    torch.testing.assert_close(perceptron(x), before)
    assert connection_cost(perceptron.w) < first < cost


def test_parallel_chains_are_found_again():
    """Nodes that do nothing but hand their input on stand above it in the end."""
    model = Perceptron([6, 6, 6, 6])
    order = torch.tensor([3, 5, 0, 2, 4, 1])
    for linear, matrix in zip(model.linears, (torch.eye(6)[order], torch.eye(6), torch.eye(6)[:, order])):
        linear.weight.data = matrix
    auto_swap_units(model)
    assert all(torch.equal(matrix, torch.eye(6)) for matrix in model.w)


def test_nodes_that_are_not_there(perceptron):
    with pytest.raises(ArgumentError, match="`l` must be one of 1 … 2, the hidden layers"):
        swap_units(perceptron, 3, 0, 1)
    with pytest.raises(ArgumentError, match="`i1` must be one of 0 … 4, the nodes of hidden layer 1"):
        swap_units(perceptron, 1, 5, 1)
    with pytest.raises(ArgumentError, match="`l` must be one of 1 … 2"):
        auto_swap_units(perceptron, layer=0)
