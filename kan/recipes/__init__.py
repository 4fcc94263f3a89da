"""Whole runs, composed of a model's methods, and the Pareto frontier of their results."""

from kan.recipes.pareto import pareto_frontier, plot_pareto_frontier
from kan.recipes.prune_refine import runner1

__all__ = ["pareto_frontier", "plot_pareto_frontier", "runner1"]
