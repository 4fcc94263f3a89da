"""Pruning: leaving out nodes, edges and inputs that contribute little to the output.

Attribution scores, computed on the model's reference data, say what contributes little. They measure variation, so an
edge that hardly varies may still add a constant. Deviations from pykan: this constant, the mean of what is pruned,
moves into the bias of the sub-node that it was added to, while pykan's output jumps by it; the original stays; the
child keeps every setting; an edge that is pruned loses its symbolic part too; a threshold that would leave a layer
without nodes is an error.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.5.1, and 2408.10205 (KAN 2.0), sec. 4.1 for the scores.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kan.attribution import Scores, scores_from_trace
from kan.common.console import say
from kan.common.errors import ArgumentError, StateError, check_number
from kan.network import LayerTrace, Network, Trace
from kan.surgery.indices import checked_ids, subnodes_of
from kan.surgery.masks import remove_edges
from kan.surgery.transplant import Net, select_nodes

# Of more inputs than these, the ones that are kept are listed by number.
_MOST_NAMED = 20


def prune(
    network: Net, *, node_th: float = 1e-2, edge_th: float = 3e-2, active_neurons_id: Sequence[Any] | None = None
) -> Net:
    """Prune nodes, then edges of what is left.

    Parameters
    ----------
    network : Network
        Stays as it is.
    node_th, edge_th : float
        Hidden nodes and edges with a score up to these go.
    active_neurons_id : list of list of int, optional
        Keep these hidden nodes (see `prune_node`) and all edges between them, whatever their scores.

    Returns
    -------
    Network
        A new network of the same class.

    Raises
    ------
    StateError
        If the model has seen no data, or no node of a layer has a score above `node_th`.
    ArgumentError
        If a threshold is not a number, or `active_neurons_id` names nodes that do not exist.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import prune, remove_edge
    >>> network = Network([2, 3, 1])
    >>> _ = network(torch.rand(50, 2))
    >>> remove_edge(network, 1, 0, 0)
    >>> prune(network, edge_th=0.0).width
    [[2, 0], [2, 0], [1, 0]]
    """
    if active_neurons_id is not None:
        return prune_node(network, active_neurons_id=active_neurons_id)
    child = prune_node(network, threshold=node_th)
    _prune_edges(child, edge_th)
    return child


def prune_node(network: Net, *, threshold: float = 1e-2, active_neurons_id: Sequence[Any] | None = None) -> Net:
    """Leave out hidden nodes.

    Parameters
    ----------
    network : Network
        Stays as it is.
    threshold : float
        Nodes with a score up to this go.
    active_neurons_id : list of list of int, optional
        Instead of the scores: the nodes to keep of every hidden layer. A list with an entry for the inputs before
        them, and perhaps one for the outputs after them, is read as pykan 0.0 does: these two entries have no effect.

    Returns
    -------
    Network
        A new network of the same class.

    Raises
    ------
    StateError
        If the model has seen no data, or no node of a layer has a score above `threshold`.
    ArgumentError
        If `threshold` is not a number, or `active_neurons_id` names nodes that do not exist.
    """
    if active_neurons_id is not None:
        hidden = _named_nodes(network, active_neurons_id)
    else:
        hidden = [
            _strong(
                scores, threshold, where=f"hidden layer {layer}", remedy="Lower `threshold` (`node_th` of `prune`)."
            )
            for layer, scores in enumerate(finite_scores(network).node[1:-1], start=1)
        ]
    return _without_others(network, [list(range(network.width_in[0])), *hidden, list(range(network.width_in[-1]))])


def prune_edge(network: Network, *, threshold: float = 3e-2) -> None:
    """Remove edges with a score up to `threshold`, in place.

    Raises
    ------
    StateError
        If the model has seen no data, or gives NaN on it.
    ArgumentError
        If `threshold` is not a number.
    """
    _prune_edges(network, threshold)


def prune_input(network: Net, *, threshold: float = 1e-2, active_inputs: Sequence[int] | None = None) -> Net:
    """Leave out inputs. The result still takes data with all columns and picks those it needs.

    Parameters
    ----------
    network : Network
        Stays as it is.
    threshold : float
        Inputs with a score up to this go.
    active_inputs : list of int, optional
        Instead of the scores: which of the present inputs to keep, in this order.

    Returns
    -------
    Network
        A new network of the same class.

    Raises
    ------
    StateError
        If the model has seen no data, or no input has a score above `threshold`.
    ArgumentError
        If `threshold` is not a number, or `active_inputs` names inputs that do not exist, one twice, or none.
    """
    count = network.width_in[0]
    if active_inputs is not None:
        kept = checked_ids("active_inputs", active_inputs, count=count, of="inputs")
    else:
        scores = finite_scores(network).node[0]
        kept = _strong(scores, threshold, where="the input layer", remedy="Lower `threshold`.")
        say(_kept_text(kept, count=count))
    return _without_others(network, [kept, *(list(range(n)) for n in network.width_in[1:])])


def _kept_text(kept: Sequence[int], *, count: int) -> str:
    """Say which inputs are kept: pykan's line of truth values, or the list of them where that line would be long."""
    if count <= _MOST_NAMED:
        return f"keep: {[i in kept for i in range(count)]}"
    return f"keep {len(kept)} of {count} inputs: {list(kept)}"


@torch.no_grad()
def finite_scores(network: Network) -> Scores:
    """Compute the scores on the reference data, and refuse where the model gives NaN or Inf."""
    return scores_from_trace(network, _finite_trace(network))


def _finite_trace(network: Network) -> Trace:
    """Trace the reference data, and refuse where the model gives NaN or Inf."""
    trace = network.trace(network.reference_data())
    for layer, values in enumerate(trace.nodes):
        if not bool(torch.isfinite(values).all()):
            raise StateError(
                f"node layer {layer} is NaN or Inf on the model's reference data, so that scores mean nothing. "
                "Call `model.get_act(x)` with data on which the model is finite, or mend the edge that fails."
            )
    return trace


@torch.no_grad()
def _without_others(network: Net, nodes: Sequence[Sequence[int]]) -> Net:
    """Return a network of some nodes, with the means of what the others added to them, if there are data to tell."""
    child = select_nodes(network, nodes)
    if network.cache_data is not None:
        for layer, step in enumerate(network.trace(network.reference_data()).layers):
            subnodes = subnodes_of(network.graph_shape, layer + 1, nodes[layer + 1])
            _keep_means(child, layer, inputs=step.inputs[list(nodes[layer])], sums=step.sums[subnodes])
    return child


@torch.no_grad()
def _prune_edges(network: Network, threshold: float) -> None:
    """Remove weak edges, in place; keep the means of the sums."""
    trace = _finite_trace(network)
    _check_threshold(threshold)
    weak = [scores <= threshold for scores in scores_from_trace(network, trace).edge]
    empty = [layer for layer, edges in enumerate(weak) if bool(edges.all())]
    if empty:
        warnings.warn(
            f"pruning leaves edge layer {empty[0]} without edges, so that the network is constant: no score there is "
            f"above the threshold {threshold:g} (`edge_th` of `prune`).",
            UserWarning,
            stacklevel=5,  # who called `model.prune` or `model.prune_edge`
        )
    for layer, step in enumerate(trace.layers):
        remove_edges(network, layer, weak[layer])
        _keep_means(network, layer, inputs=step.inputs, sums=step.sums)


def _keep_means(network: Network, layer: int, *, inputs: Tensor, sums: Tensor) -> None:
    """Move what the sums (O, N) of a layer lost on average, at the same inputs (I, N), into the sub-nodes' bias."""
    record: list[LayerTrace] = []
    network.advance(layer, inputs, record)
    lost = (sums - record[0].sums).mean(dim=1)
    # What is no more than rounding would stand in the formula; where the sums are not finite, nothing is known.
    counts = lost.abs() > 4 * torch.finfo(sums.dtype).eps * sums.abs().amax()
    scale, bias = network.affine_map("subnode", layer)
    bias.add_(scale * lost.masked_fill(~counts, 0.0))


def _check_threshold(threshold: Any) -> None:
    """Raise unless `threshold` is a number, which may be infinite."""
    if threshold not in (math.inf, -math.inf):
        check_number("threshold", threshold)


def _strong(scores: Tensor, threshold: float, *, where: str, remedy: str) -> list[int]:
    """Return the nodes with a score above `threshold`; raise if there are none."""
    _check_threshold(threshold)
    kept: list[int] = (scores > threshold).nonzero().flatten().tolist()
    if not kept:
        raise StateError(
            f"pruning would leave {where} without nodes: the best score there is {float(scores.max()):.3g}, "
            f"the threshold {threshold:g}. {remedy}"
        )
    return kept


def _named_nodes(network: Network, ids: Sequence[Any]) -> list[list[int]]:
    """Return the nodes to keep of every hidden layer, in ascending order."""
    hidden = network.depth - 1
    try:
        entries = list(ids)
    except TypeError:
        entries = []
    if len(entries) in (hidden + 1, hidden + 2):
        entries = entries[1 : hidden + 1]
    if len(entries) != hidden:
        raise ArgumentError(
            f"`active_neurons_id` must hold one list of nodes for each of the {hidden} hidden layers of "
            f"width={network.width}; got {ids!r}."
        )
    return [
        sorted(
            checked_ids(
                f"active_neurons_id[{layer - 1}]",
                entry,
                count=network.width_in[layer],
                of=f"nodes of hidden layer {layer}",
            )
        )
        for layer, entry in enumerate(entries, start=1)
    ]
