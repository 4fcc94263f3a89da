"""Empty figures: white ones of a size that nothing changes, whatever style is set, and charts in the user's style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_canvas(*, across: tuple[float, float], up: tuple[float, float], zoom: float, show_in_pyplot: bool) -> Axes:
    """Return the one Axes of a new white figure, which it fills.

    Parameters
    ----------
    across, up : pair of float
        Limits of the Axes, in inches at scale 0.5.
    zoom : float
        Inches of the figure for each of these inches.
    show_in_pyplot : bool
        Whether pyplot knows the figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    size = ((across[1] - across[0]) * zoom, (up[1] - up[0]) * zoom)
    axes = _new_figure(size, show_in_pyplot=show_in_pyplot).add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(*across)
    axes.set_ylim(*up)
    axes.set_aspect("equal")
    return axes


def new_chart(size: tuple[float, float]) -> Figure:
    """Return a figure in the user's style, which pyplot knows, and a notebook shows once."""
    import matplotlib.pyplot as plt

    from kan.plotting.notebook import NotebookFigure

    return plt.figure(figsize=size, layout="constrained", FigureClass=NotebookFigure)


def _new_figure(size: tuple[float, float], *, show_in_pyplot: bool) -> Figure:
    """Return a white figure; pyplot is imported only where it is to know the figure."""
    # Dark styles would hide black curves, and automatic layouts would move the Axes. An rc_context would do, too, but
    # also undo what a notebook sets while the first figure loads its backend: no other figure would be shown.
    style: dict[str, Any] = {"figsize": size, "facecolor": "white", "layout": "none"}
    if not show_in_pyplot:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(**style)
        FigureCanvasAgg(figure)  # from whose buffer a video takes its frames
        return figure
    import matplotlib.pyplot as plt

    from kan.plotting.notebook import NotebookFigure

    return plt.figure(**style, FigureClass=NotebookFigure)
