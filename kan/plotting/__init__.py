"""Pictures: the network's diagram, single curves, score bars, perceptrons, frontiers and films.

The only home of matplotlib. Nothing heavy is imported here: the submodules load matplotlib, and `notebook`, when their
functions are called.
"""

from kan.plotting.video import make_video

__all__ = ["make_video"]
