"""Scores of edges, nodes and inputs: how much of the spread of the outputs goes through each; and what follows."""

from kan.attribution.interactions import feature_interaction
from kan.attribution.perceptron_scores import PerceptronScores, perceptron_scores
from kan.attribution.scores import Scores, attribute, node_attributes, scores_from_trace
from kan.attribution.wiring import connection_cost, distances

__all__ = [
    "PerceptronScores",
    "Scores",
    "attribute",
    "connection_cost",
    "distances",
    "feature_interaction",
    "node_attributes",
    "perceptron_scores",
    "scores_from_trace",
]
