"""Pictures of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from kan.attribution import attribute
from kan.common.errors import check_choice
from kan.models.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure


class Looking(Reading):
    """The part of a model that draws."""

    def plot(
        self,
        folder: str | None = None,
        beta: float = 3,
        metric: str = "backward",
        scale: float = 0.5,
        tick: bool = False,
        sample: bool = False,
        in_vars: Sequence[Any] | None = None,
        out_vars: Sequence[Any] | None = None,
        title: Any = None,
        varscale: float = 1.0,
        *,
        mask: bool = True,
        out_vars_offset: float = 0.0,
    ) -> Figure:
        """Draw the network, every edge as a box with its function.

        Inputs are below, outputs above. Splines are black, symbolic functions red,
        both together purple; edges that matter little are pale. The data are the
        last input; after `fit` these are the training inputs.

        Parameters
        ----------
        folder : str, optional
            Also write one small picture per edge into this folder.
        beta : float
            An edge's opacity is ``tanh(beta * score)``.
        metric : str
            The score: 'backward' (how much of the output goes through the edge),
            'forward_u' (its standard deviation) or 'forward_n' (the same over that
            of its input).
        scale : float
            Size of the picture.
        tick : bool
            Write the ranges of inputs and outputs at every box.
        sample : bool
            Mark the samples on the curves.
        in_vars, out_vars : sequence of str or sympy expressions, optional
            Names of inputs and outputs; after `prune_input`, names of all columns
            of the data serve as well.
        title : str or sympy expression, optional
            What stands above the picture.
        varscale : float
            Size of the names and the title.
        mask : bool
            Leave removed edges out.
        out_vars_offset : float
            Move the names of the outputs up.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it by itself; in a script use
            ``figure.savefig("network.png")``.

        Raises
        ------
        StateError
            Before any data was seen.
        ArgumentError
            For another number of names than there are variables, an unknown
            `metric`, or sizes that are not positive.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.get_act(torch.rand(100, 2))
        >>> figure = model.plot(in_vars=["x", "y"], title="at the start")
        """
        return self.draw(
            beta=beta,
            metric=metric,
            folder=folder,
            sample=sample,
            mask=mask,
            scale=scale,
            tick=tick,
            in_vars=in_vars,
            out_vars=out_vars,
            title=title,
            varscale=varscale,
            out_vars_offset=out_vars_offset,
            show_in_pyplot=True,
        )

    def draw(
        self,
        *,
        beta: float = 3,
        metric: str = "backward",
        folder: str | None = None,
        sample: bool = False,
        mask: bool = True,
        in_vars: Sequence[Any] | None = None,
        show_in_pyplot: bool = False,
        **options: Any,
    ) -> Figure:
        """Draw like `plot`, but by default without pyplot, so that nothing is shown and nothing has to be closed.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.get_act(torch.rand(100, 2))
        >>> figure = model.draw(title="a frame")
        """
        measures: dict[str, Callable[[], Any]] = {
            "backward": lambda: attribute(self).edge,  # not `edge_scores`, which may be weighted, or a script's own
            "forward_n": lambda: self.acts_scale,
            "forward_u": lambda: self.edge_actscale,
        }
        check_choice("metric", metric, measures)
        data = self._last_input()
        names = None if in_vars is None else self.per_input("in_vars", in_vars)

        from kan.plotting.diagram import draw_diagram
        from kan.plotting.edge_files import save_edges
        from kan.plotting.network_picture import picture_of

        with torch.no_grad():
            scores = measures[metric]()
        picture = picture_of(self, data, beta=beta, scores=scores, sample=sample, hide_removed=mask)
        if folder is not None:
            save_edges(picture, folder)
        return draw_diagram(picture, sample=sample, in_vars=names, show_in_pyplot=show_in_pyplot, **options)

    def get_fun(self, l: int, i: int, j: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:  # noqa: E741
        """Draw the function of edge (l, i, j) at the last input, and return its inputs and outputs, sorted by input.

        Parameters
        ----------
        l, i, j : int
            Layer, input node and output sub-node of the edge.

        Returns
        -------
        x, y : array (N,)

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.get_act(torch.rand(100, 2))
        >>> x, y = model.get_fun(0, 1, 2)
        >>> x.shape, y.shape
        ((100,), (100,))
        """
        from kan.plotting.curves import plot_function

        inputs, outputs = self._edge_samples(l, i, j)
        plot_function(inputs, outputs)
        return inputs, outputs
