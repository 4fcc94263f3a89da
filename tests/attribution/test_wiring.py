"""The cost of connections, against pykan's formula written out."""

from __future__ import annotations

import pytest
import torch

from kan.attribution import connection_cost, distances


def test_the_cost_is_the_sum_of_weight_times_sideways_distance() -> None:
    weights = [torch.rand(4, 3, dtype=torch.float64), -torch.rand(2, 5, dtype=torch.float64)]
    expected = sum(
        abs((j + 0.5) / len(matrix) - (i + 0.5) / len(matrix[0])) * abs(float(matrix[j, i]))
        for matrix in weights
        for j in range(len(matrix))
        for i in range(len(matrix[0]))
    )
    assert float(connection_cost(weights)) == pytest.approx(expected)


def test_distances_are_those_of_the_picture() -> None:
    assert torch.equal(distances(1, 2, like=torch.zeros(1)), torch.tensor([[0.25, 0.25]]))


def test_the_cost_has_a_gradient() -> None:
    weights = torch.tensor([[2.0, -3.0]], requires_grad=True)
    connection_cost([weights]).backward()
    assert torch.equal(weights.grad, torch.tensor([[0.25, -0.25]]))
