"""Plain descriptions of what a diagram shows, independent of networks and of matplotlib.

A network is turned into a :class:`DiagramPicture` by :mod:`kan.plotting.network_picture`; everything that draws works
from these descriptions alone, so that it can be tested, and reused for other kinds of networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kan.common.errors import ArgumentError, check_choice

KINDS = ("spline", "symbolic", "both", "none")


@dataclass(frozen=True)
class EdgePicture:
    """The curve of one edge.

    Parameters
    ----------
    x, y : numpy.ndarray
        Points of the curve, both of shape (P,), sorted by `x`. Points that are not finite are left out when drawn.
    alpha : float
        Opacity in [0, 1] of the edge's lines, box and curve.
    kind : str
        'spline' (black), 'symbolic' (red), 'both' (purple) or 'none' (a removed edge, not drawn).
    """

    x: np.ndarray
    y: np.ndarray
    alpha: float = 1.0
    kind: str = "spline"

    def __post_init__(self) -> None:
        """Check the kind, the opacity and that `x` and `y` go together."""
        check_choice("kind", self.kind, KINDS)
        if not 0.0 <= self.alpha <= 1.0:
            raise ArgumentError(f"`alpha` must be in [0, 1]; got {self.alpha!r}.")
        if np.ndim(self.x) != 1 or np.shape(self.x) != np.shape(self.y):
            raise ArgumentError(
                f"`x` and `y` must be 1-D and of one length; got shapes {np.shape(self.x)} and {np.shape(self.y)}."
            )

    @property
    def drawn(self) -> bool:
        """Whether the edge is there at all."""
        return self.kind != "none"


NO_EDGE = EdgePicture(np.empty(0), np.empty(0), 0.0, "none")


@dataclass(frozen=True)
class LayerPicture:
    """The edges of one layer and the nodes on its upper side.

    Parameters
    ----------
    edges : mapping of (i, j) to EdgePicture
        The edge from input node i to sub-node j. One that is missing is not drawn.
    n_in : int
        Number of input nodes.
    n_sum : int
        Number of sum nodes; each owns one sub-node.
    arities : sequence of int
        For each multiplication node the number of sub-nodes it multiplies.
    """

    edges: Mapping[tuple[int, int], EdgePicture]
    n_in: int
    n_sum: int
    arities: Sequence[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check that every multiplication node has something to multiply."""
        if any(arity < 1 for arity in self.arities):
            raise ArgumentError(f"every entry of `arities` must be at least 1; got {list(self.arities)!r}.")

    @property
    def n_sub(self) -> int:
        """Number of sub-nodes, O."""
        return self.n_sum + sum(self.arities)

    @property
    def n_out(self) -> int:
        """Number of nodes after multiplication, which are the inputs of the next layer."""
        return self.n_sum + len(self.arities)

    def edge(self, i: int, j: int) -> EdgePicture:
        """Return the edge from input i to sub-node j."""
        return self.edges.get((i, j), NO_EDGE)

    def drawn_edges(self) -> Iterator[tuple[int, int, EdgePicture]]:
        """Yield (i, j, edge) for every edge that is there, by input first."""
        for i in range(self.n_in):
            for j in range(self.n_sub):
                edge = self.edge(i, j)
                if edge.drawn:
                    yield i, j, edge

    def owners(self) -> list[int]:
        """Return for every sub-node the index of the node that it belongs to."""
        owners = list(range(self.n_sum))
        for m, arity in enumerate(self.arities):
            owners += [self.n_sum + m] * arity
        return owners


@dataclass(frozen=True)
class DiagramPicture:
    """A whole network: its layers from the inputs to the outputs."""

    layers: Sequence[LayerPicture]

    def __post_init__(self) -> None:
        """Check that there is a layer and that each layer takes what the layer before it gives."""
        if not self.layers:
            raise ArgumentError("`layers` must hold at least one layer; got none.")
        for depth, (lower, upper) in enumerate(zip(self.layers, self.layers[1:])):
            if lower.n_out != upper.n_in:
                raise ArgumentError(
                    f"layer {depth + 1} must have n_in={lower.n_out}, the number of nodes that layer {depth} gives; "
                    f"got {upper.n_in}."
                )

    @property
    def n_in(self) -> int:
        """Number of inputs of the network."""
        return self.layers[0].n_in

    @property
    def n_out(self) -> int:
        """Number of outputs of the network."""
        return self.layers[-1].n_out
