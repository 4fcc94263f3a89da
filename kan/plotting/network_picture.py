"""From a network to the plain description that the diagram is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from kan.plotting.picture import DiagramPicture, EdgePicture, LayerPicture

if TYPE_CHECKING:
    from kan.network import Network

# A curve is a few millimetres wide: more points cannot be seen, and postacts of all samples may not fit in memory.
MOST_SAMPLES = 1000
POINTS_PER_CURVE = 200
# Of edges that do not count, where they are drawn at all.
REMOVED_OPACITY = 0.25


def picture_of(
    network: Network,
    x: torch.Tensor,
    *,
    beta: float,
    scores: Sequence[torch.Tensor],
    sample: bool = False,
    hide_removed: bool = True,
) -> DiagramPicture:
    """Describe how `network` looks on the samples `x`.

    Parameters
    ----------
    network : Network
        The network; nothing of it is changed.
    x : torch.Tensor
        Samples of shape (N, I), of which up to about a thousand are used.
    beta : float
        Opacity is ``tanh(beta * score)``.
    scores : sequence of torch.Tensor
        Scores of the edges, one tensor of shape (O, I) for every layer.
    sample : bool
        Keep the points of all used samples, to be marked on the curves.
    hide_removed : bool
        Leave removed edges out. Otherwise their splines are drawn faintly.

    Returns
    -------
    DiagramPicture
        The description, free of torch.
    """
    with torch.no_grad():
        trace = network.trace(_choose_samples(x))
        layers = []
        for depth, of_layer in enumerate(trace.layers):
            kinds, postacts = _kinds(network, depth), _numpy(of_layer.postacts())
            alpha = _opacity(scores[depth], beta=beta)
            if not hide_removed:
                removed = kinds.T == "none"  # (O, I)
                postacts = np.where(removed, _numpy(of_layer.unmasked()), postacts)
                alpha = np.where(removed, REMOVED_OPACITY, alpha)
                kinds = np.where(removed.T, "spline", kinds)
            layers.append(
                _layer_picture(
                    preacts=_numpy(of_layer.preacts),
                    postacts=postacts,
                    alpha=alpha,
                    kinds=kinds,
                    n_sum=network.width[depth + 1][0],
                    arities=network.arities(depth + 1),
                    thin=not sample,
                )
            )
    return DiagramPicture(layers)


def _choose_samples(x: torch.Tensor) -> torch.Tensor:
    """Return at most about a thousand rows of `x`, evenly chosen, with the extremes of every column."""
    if len(x) <= MOST_SAMPLES:
        return x
    even = torch.from_numpy(np.linspace(0, len(x) - 1, MOST_SAMPLES).round().astype(int)).to(x.device)
    rows = torch.cat([even, x.argmin(0), x.argmax(0)]).unique()
    return x[rows]


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor of any device and floating type as a float64 array."""
    return tensor.detach().cpu().double().numpy()


def _opacity(scores: torch.Tensor, *, beta: float) -> np.ndarray:
    """Return opacities of shape (O, I); a score that is not a number gives 0."""
    values = np.nan_to_num(_numpy(scores), nan=0.0)
    return np.clip(np.tanh(beta * values), 0.0, 1.0)


def _kinds(network: Network, depth: int) -> np.ndarray:
    """Return the kind of every edge of a layer, shape (I, O)."""
    spline = _numpy(network.act_fun[depth].mask) != 0  # (I, O)
    symbolic = _numpy(network.symbolic_fun[depth].mask).T != 0  # (I, O)
    return np.where(symbolic, np.where(spline, "both", "symbolic"), np.where(spline, "spline", "none"))


def _layer_picture(
    *,
    preacts: np.ndarray,
    postacts: np.ndarray,
    alpha: np.ndarray,
    kinds: np.ndarray,
    n_sum: int,
    arities: list[int],
    thin: bool,
) -> LayerPicture:
    """Describe one layer from its pre-activations (N, I) and post-activations (N, O, I)."""
    n_in, n_sub = kinds.shape
    edges = {}
    for i in range(n_in):
        order = np.argsort(preacts[:, i], kind="stable")
        x = preacts[order, i]
        chosen = _thin_out(x) if thin else np.arange(len(x))
        for j in range(n_sub):
            kind = str(kinds[i, j])
            if kind != "none":
                edges[i, j] = EdgePicture(x[chosen], postacts[order[chosen], j, i], float(alpha[j, i]), kind)
    return LayerPicture(edges, n_in=n_in, n_sum=n_sum, arities=arities)


def _thin_out(x: np.ndarray) -> np.ndarray:
    """Return the indices of up to 200 of the sorted `x`: half by rank, for where samples are dense, half by value."""
    if len(x) <= POINTS_PER_CURVE:
        return np.arange(len(x))
    half = POINTS_PER_CURVE // 2
    by_rank = np.linspace(0, len(x) - 1, half).round().astype(int)
    by_value = np.searchsorted(x, np.linspace(x[0], x[-1], half)).clip(0, len(x) - 1)
    return np.unique(np.concatenate([by_rank, by_value]))
