"""Scores of a perceptron, against pykan's."""

from __future__ import annotations

import torch

from kan.attribution import perceptron_scores
from kan.network import Perceptron


def test_scores_are_pykans() -> None:
    t = torch.linspace(-1, 1, 7)
    trace = Perceptron([3, 4, 2], seed=3).trace(torch.stack([t, t**2, torch.sin(3 * t)], dim=1))
    scores = perceptron_scores(trace)
    # From pykan 0.2.8: MLP(width=[3, 4, 2], seed=3).
    nodes = [[7.014108, 1.580156, 4.686378], [0.669152, 2.842824, 1.157740, 2.828870], [1.0, 1.0]]
    edges = [[0.790956, 2.899096, 0.782769, 1.904946], [0.547348, 2.786552, 1.532712, 3.752795]]
    assert all(torch.allclose(ours, torch.tensor(theirs), rtol=1e-5) for ours, theirs in zip(scores.node, nodes))
    assert torch.allclose(scores.edge[1], torch.tensor(edges), rtol=1e-5)
    assert [tuple(matrix.shape) for matrix in scores.edge] == [(4, 3), (2, 4)]


def test_an_input_that_does_nothing_has_no_score() -> None:
    model = Perceptron([2, 3, 1])
    model.linears[0].weight.data[:, 1] = 0  # type: ignore[union-attr, index, operator]
    scores = perceptron_scores(model.trace(torch.rand(20, 2, generator=torch.Generator().manual_seed(0))))
    assert scores.node[0][1] == 0
    assert scores.node[0][0] > 0
