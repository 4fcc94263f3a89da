"""Pictures: the network's diagram, single curves, score bars. The only home of matplotlib.

Nothing heavy is imported here: the submodules load matplotlib, and `notebook`, when their functions are called.
"""
