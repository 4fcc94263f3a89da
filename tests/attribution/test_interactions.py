"""Sets of inputs that act together."""

from __future__ import annotations

import torch

from kan.attribution import feature_interaction


def test_nodes_are_counted_by_the_inputs_that_they_depend_on() -> None:
    scores = torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.0, 2.0], [3.0, 3.0, 0.0]])
    assert feature_interaction(scores) == {(0, 1): 2, (2,): 1}


def test_nodes_up_to_the_threshold_do_not_count() -> None:
    scores = torch.tensor([[0.5, 0.0], [0.0, 0.6]], dtype=torch.float64)
    assert feature_interaction(scores, neuron_th=0.5) == {(1,): 1}


def test_inputs_count_relative_to_the_largest_score_of_the_node() -> None:
    scores = torch.tensor([[8.0, 2.0, 2.5], [0.2, 0.5, 0.1]])
    assert feature_interaction(scores, feature_th=0.25) == {(0, 2): 1, (0, 1): 1}
    assert feature_interaction(scores) == {(0, 1, 2): 2}


def test_nothing_interacts_where_no_node_matters() -> None:
    assert feature_interaction(torch.zeros(3, 2)) == {}
