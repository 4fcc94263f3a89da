"""What users read from a model: activations, scales and scores, computed when they are first read.

Activations and scores are those of the last input: after `fit` the training inputs, after `get_act` its argument.
They are kept, and may be changed and set, until the next pass (`kan.network.records`). Scores, and the spreads that
pykan differentiates, carry a graph back to the parameters, for users' own penalties; activations carry none.
Methods that change a network (pruning, symbolic fits) refer to `reference_data` instead, which no forward pass changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kan.attribution import Scores, attribute, connection_cost, feature_interaction, node_attributes
from kan.common.console import say
from kan.models.observed import Observed
from kan.network import LayerTrace, Network, Trace, recorded, recorded_with_graph
from kan.surgery.indices import checked_edge, checked_index

if TYPE_CHECKING:
    import numpy as np


# The properties, and where `Scores` has them.
_SCORES = {f"{kind}_scores{which}": f"{kind}{which}" for kind in ("node", "subnode", "edge") for which in ("", "_all")}


class Reading(Observed, Network):
    """The part of a model that tells what goes on inside."""

    @recorded
    def acts(self) -> list[Tensor] | None:
        """The values of the nodes, one tensor (N, nodes) per node layer, inputs first; None before any data."""
        return None if self.cache_data is None else self._last_trace().nodes

    @recorded
    def acts_premult(self) -> list[Tensor] | None:
        """The values of the sub-nodes, before the products, one tensor (N, O) per layer; None before any data."""
        return self._per_layer(lambda layer: layer.subnodes.T)

    @recorded
    def spline_preacts(self) -> list[Tensor] | None:
        """The inputs of the edges, one tensor (N, O, I) per layer; None before any data."""
        return self._per_layer(lambda layer: layer.preacts[:, None, :].expand(-1, layer.numeric.out_dim, -1))

    @recorded
    def spline_postacts(self) -> list[Tensor] | None:
        """The outputs of the edges, both parts together, one tensor (N, O, I) per layer; None before any data."""
        return self._per_layer(LayerTrace.postacts)

    @recorded
    def spline_postsplines(self) -> list[Tensor] | None:
        """The bare splines of the edges, one tensor (N, O, I) per layer; None before any data."""
        return self._per_layer(LayerTrace.postsplines)

    @recorded
    def acts_scale(self) -> list[Tensor] | None:
        """The spread of every edge over that of its input, one tensor (O, I) per layer; None before any data."""
        return self._per_layer(LayerTrace.relative_edge_spread)

    @recorded_with_graph
    def acts_scale_spline(self) -> list[Tensor] | None:
        """`acts_scale` of the numerical parts, one tensor (O, I) per layer, differentiable; None before any data."""
        return self._per_layer(LayerTrace.relative_spline_spread, graph=True)

    @recorded_with_graph
    def edge_actscale(self) -> list[Tensor] | None:
        """The spread of every edge, one tensor (O, I) per layer, differentiable; None before any data."""
        return self._per_layer(LayerTrace.edge_spread, graph=True)

    @recorded
    def subnode_actscale(self) -> list[Tensor] | None:
        """The spread of every sub-node, one tensor (O,) per layer; None before any data."""
        return self._per_layer(LayerTrace.subnode_spread)

    @recorded_with_graph
    def node_scores(self) -> list[Tensor]:
        """The score of every node, one tensor per node layer, inputs first; differentiable, as all scores are.

        Raises
        ------
        StateError
            Before any data was seen; so do the other scores.
        """
        return self._scores().node

    @recorded_with_graph
    def subnode_scores(self) -> list[Tensor]:
        """The score of every sub-node, one tensor (O,) per layer."""
        return self._scores().subnode

    @recorded_with_graph
    def edge_scores(self) -> list[Tensor]:
        """The score of every edge, one tensor (O, I) per layer."""
        return self._scores().edge

    @recorded_with_graph
    def node_scores_all(self) -> list[Tensor]:
        """The score of every node for each of the outputs, one tensor (outputs, nodes) per node layer, inputs first."""
        return self._scores().node_all

    @recorded_with_graph
    def subnode_scores_all(self) -> list[Tensor]:
        """The score of every sub-node for each of the outputs, one tensor (outputs, O) per layer."""
        return self._scores().subnode_all

    @recorded_with_graph
    def edge_scores_all(self) -> list[Tensor]:
        """The score of every edge for each of the outputs, one tensor (outputs, O, I) per layer."""
        return self._scores().edge_all

    @recorded_with_graph
    def node_attribute_scores(self) -> list[Tensor]:
        """The scores of the inputs for each node after a layer, one tensor (nodes, inputs) per layer."""
        return self.node_attribute()

    @property
    def connection_cost(self) -> Tensor:
        """The sum, over all edges, of the score times the sideways distance in the picture, where a layer is 1 wide.

        It is differentiable, as the scores are.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[4, 4, 1])
        >>> model.get_act(torch.rand(100, 4))
        >>> before = model.connection_cost
        >>> model.auto_swap()
        >>> bool(model.connection_cost <= before)
        True
        """
        return connection_cost(self.edge_scores)

    @property
    def feature_score(self) -> Tensor:
        """The score of every input (inputs,), differentiable; `detach()` it for numpy.

        Raises
        ------
        StateError
            Before any data was seen.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[3, 2, 1])
        >>> model.get_act(torch.rand(100, 3))
        >>> model.feature_score.shape
        torch.Size([3])
        """
        self.attribute()  # as in pykan: a new one for the last input, whatever weights were given before
        return self.node_scores[0]

    def attribute(
        self,
        l: int | None = None,  # noqa: E741
        i: int | None = None,
        out_score: Tensor | None = None,
        plot: bool = True,
    ) -> Tensor | None:
        """Return how much each input matters for the nodes of a layer.

        Parameters
        ----------
        l : int, optional
            Node layer. Without it nothing is returned; the scores of all layers are in `node_scores`, `edge_scores` and
            `subnode_scores`, which are up to date in any case.
        i : int, optional
            One node of that layer.
        out_score : Tensor (nodes of that layer,), optional
            Weights of the nodes; by default their own scores. Without a layer, weights of the outputs, for all scores
            until the next pass; by default 1.
        plot : bool
            With `i`, also draw a bar chart.

        Returns
        -------
        Tensor (nodes, inputs), or (inputs,) with `i`
            Differentiable.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[3, 2, 1])
        >>> model.get_act(torch.rand(100, 3))
        >>> model.attribute(1).shape, model.attribute(1, 0, plot=False).shape
        (torch.Size([2, 3]), torch.Size([3]))
        """
        if l is None:
            self._last_input()
            weighted = None if out_score is None else self._scores(out_score)
            self._recorded.drop(*_SCORES)
            if weighted is not None:
                for name, of_scores in _SCORES.items():
                    setattr(self, name, getattr(weighted, of_scores))
            return None
        inputs = self._input_scores(l, out_score)
        if i is None:
            return inputs
        node = checked_index("i", i, count=len(inputs), of=f"nodes of layer {l}")
        if plot:
            from kan.plotting.bars import plot_scores

            plot_scores(inputs[node].detach().cpu().numpy())
        return inputs[node]

    def node_attribute(self) -> list[Tensor]:
        """Return `node_attribute_scores`: for every layer after the inputs, the scores of the inputs for its nodes.

        Returns
        -------
        list of Tensor (nodes, inputs)

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.get_act(torch.rand(100, 2))
        >>> [tuple(scores.shape) for scores in model.node_attribute()]
        [(3, 2), (1, 2)]
        """
        return node_attributes(self, self.trace(self._last_input()))

    def feature_interaction(
        self,
        l: int,  # noqa: E741
        neuron_th: float = 1e-2,
        feature_th: float = 1e-2,
    ) -> dict[tuple[int, ...], int]:
        """Count the nodes of layer l that depend on each set of inputs.

        Parameters
        ----------
        l : int
            Node layer.
        neuron_th : float
            Only nodes for which some input has a score above this are counted; see `attribute`.
        feature_th : float
            A node depends on the inputs with a score above this share of its largest.

        Returns
        -------
        dict
            From tuples of inputs to numbers of nodes.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[3, 2, 1])
        >>> model.remove_edge(0, 2, 0)
        >>> model.get_act(torch.rand(100, 3))
        >>> model.feature_interaction(1)
        {(0, 1): 1, (0, 1, 2): 1}
        """
        with torch.no_grad():
            return feature_interaction(self._input_scores(l), neuron_th=neuron_th, feature_th=feature_th)

    def get_range(self, l: int, i: int, j: int, verbose: bool = True) -> tuple[Any, Any, Any, Any]:  # noqa: E741
        """Return the smallest and largest input and the smallest and largest output of edge (l, i, j).

        Parameters
        ----------
        l, i, j : int
            Layer, input node and output sub-node of the edge.
        verbose : bool
            Print them.

        Returns
        -------
        x_min, x_max, y_min, y_max : float

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> model = KAN(width=[2, 3, 1])
        >>> model.get_act(torch.rand(100, 2))
        >>> x_min, x_max, y_min, y_max = model.get_range(0, 0, 0, verbose=False)
        >>> bool(0 <= x_min < x_max <= 1)
        True
        """
        inputs, outputs = self._edge_samples(l, i, j)
        if verbose:
            say(f"x range: [{inputs.min():.2f}, {inputs.max():.2f}]")
            say(f"y range: [{outputs.min():.2f}, {outputs.max():.2f}]")
        return inputs.min(), inputs.max(), outputs.min(), outputs.max()

    def _scores(self, out_score: Tensor | None = None) -> Scores:
        """Return all scores at the last input; `out_score` weights the outputs."""
        return attribute(self, self._last_input(), out_score=out_score)

    def _input_scores(self, l: int, out_score: Tensor | None = None) -> Tensor:  # noqa: E741
        """Return the scores of the inputs for the nodes of layer l (nodes, inputs)."""
        data = self._last_input()
        layer = checked_index("l", l, count=self.depth + 1, of="node layers")
        weights = attribute(self, data).node[layer] if out_score is None else out_score
        return attribute(self, data, layer=layer, out_score=weights).node_all[0]

    def _edge_samples(self, l: int, i: int, j: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:  # noqa: E741
        """Return inputs and outputs of one edge at the last input, ordered by the input."""
        number, i, j = checked_edge(self, layer=l, i=i, j=j)
        with torch.no_grad():
            layer = self.trace(self._last_input()).layers[number]
            samples = torch.stack([layer.inputs[i], layer.edge_values(i, j)])  # (2, N)
        samples = samples.float() if samples.dtype == torch.bfloat16 else samples  # numpy has no bfloat16
        inputs, outputs = samples[:, samples[0].argsort()].cpu().numpy()
        return inputs, outputs

    def _last_input(self) -> Tensor:
        """Return the last input, or raise."""
        return self.reference_data(self.cache_data)

    def read_from(self) -> tuple[list[Tensor], list[Any]]:
        """Return what activations and scores depend on."""
        tensors, others = super().read_from()
        base_functions = [getattr(layer, "base_fun", None) for layer in self.act_fun]  # a user's layer may have none
        symbolic = [group for layer in self.symbolic_fun for group in layer.edge_groups()]
        return tensors, [*others, self.graph_shape, self.symbolic_enabled, *base_functions, *symbolic]

    def _last_trace(self) -> Trace:
        """Trace the last input."""
        with torch.no_grad():
            return self.trace(self._last_input())

    def _per_layer(self, read: Callable[[LayerTrace], Tensor], *, graph: bool = False) -> list[Tensor] | None:
        """Read something from every layer at the last input, if there is one."""
        if self.cache_data is None:
            return None
        with torch.set_grad_enabled(graph and torch.is_grad_enabled()):
            return [read(layer) for layer in self.trace(self._last_input()).layers]
