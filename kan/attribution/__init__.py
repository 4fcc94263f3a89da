"""Scores of edges, nodes and inputs: how much of the spread of the outputs goes through each."""

from kan.attribution.scores import Scores, attribute, node_attributes, scores_from_trace

__all__ = ["Scores", "attribute", "node_attributes", "scores_from_trace"]
