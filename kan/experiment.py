"""Door: pykan's import path of whole runs."""

from kan.recipes import pareto_frontier, plot_pareto_frontier, runner1

__all__ = ["pareto_frontier", "plot_pareto_frontier", "runner1"]
