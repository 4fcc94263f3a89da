"""A figure that a notebook shows once.

Jupyter shows every figure that pyplot knows at the end of a cell, and also the value of the cell's last line. A method
that draws through pyplot and returns its figure would be shown twice.
"""

from __future__ import annotations

from io import BytesIO

from matplotlib import pyplot as plt
from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure that takes itself off pyplot's list once it has been shown in a notebook."""

    def _ipython_display_(self) -> None:
        """Show the picture; IPython calls this for the value of a cell and for figures left at its end."""
        from IPython.display import display

        buffer = BytesIO()
        self.savefig(buffer, format="png")
        display({"image/png": buffer.getvalue(), "text/plain": repr(self)}, raw=True)
        plt.close(self)
