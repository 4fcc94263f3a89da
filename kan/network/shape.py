"""The shape of a network: how many sum and multiplication nodes each node layer has, and the arities of the latter.

A node layer with n sum nodes and m multiplication nodes is fed by n + (sum of the m arities) sub-nodes; each sub-node
sums the edges that end in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

from kan.common.errors import ArgumentError, as_whole, is_whole

MultArity = Union[int, list[list[int]]]


@dataclass(frozen=True)
class Shape:
    """Node counts of every node layer.

    Attributes
    ----------
    sums : tuple of int
        Sum nodes (inputs, in the first layer) of every node layer.
    arities : tuple of tuple of int
        The arity of every multiplication node of every node layer.
    """

    sums: tuple[int, ...]
    arities: tuple[tuple[int, ...], ...]

    @classmethod
    def parse(cls, width: Any, mult_arity: Any) -> Shape:
        """Read pykan's `width` and `mult_arity`.

        Raises
        ------
        ArgumentError
            If they do not describe a network.
        """
        try:
            layers = list(width.tolist() if hasattr(width, "tolist") else width)
        except TypeError:
            raise ArgumentError(
                f"`width` must list the nodes of every layer, such as [2, 5, 1] or [2, [5, 2], 1]; got {width!r}."
            ) from None
        if len(layers) < 2:
            raise ArgumentError(f"`width` must name at least inputs and outputs, such as [2, 1]; got {width!r}.")
        counts = [_node_counts(entry, width) for entry in layers]
        if counts[0][1] or counts[0][0] == 0:
            raise ArgumentError(
                f"the first entry of `width` counts the inputs, at least 1 and no products; got {width!r}."
            )
        if any(n_sum + n_mult == 0 for n_sum, n_mult in counts):
            raise ArgumentError(f"every layer of `width` needs at least one node; got {width!r}.")
        arities = tuple(_layer_arities(mult_arity, layer, n_mult) for layer, (_, n_mult) in enumerate(counts))
        return cls(tuple(n_sum for n_sum, _ in counts), arities)

    @property
    def depth(self) -> int:
        """The number of edge layers."""
        return len(self.sums) - 1

    @property
    def nodes(self) -> list[int]:
        """Nodes of every node layer; what the next edge layer takes in (pykan's `width_in`)."""
        return [n_sum + len(arities) for n_sum, arities in zip(self.sums, self.arities)]

    @property
    def subnodes(self) -> list[int]:
        """Sub-nodes of every node layer; what the edge layer before gives out (pykan's `width_out`)."""
        return [n_sum + sum(arities) for n_sum, arities in zip(self.sums, self.arities)]

    @property
    def width(self) -> list[list[int]]:
        """pykan's `width`: a pair of sum and multiplication nodes for every node layer."""
        return [[n_sum, len(arities)] for n_sum, arities in zip(self.sums, self.arities)]

    def node_kinds(self, layer: int) -> dict[str, Any]:
        """Return sum nodes and arities of a node layer as `multiply_nodes` takes them: `n_sum` and `arities`."""
        return {"n_sum": self.sums[layer], "arities": self.arities[layer]}

    def mult_arity(self, *, like: Any = None) -> MultArity:
        """pykan's `mult_arity`: the int `like` where it says all, else the nested lists."""
        if isinstance(like, int) and all(arity == like for arities in self.arities for arity in arities):
            return like
        return [list(arities) for arities in self.arities]


def written(width: Sequence[Any]) -> list[Any]:
    """Return a network's or perceptron's `width` as one writes it: layers without multiplication nodes as numbers."""
    return [layer[0] if isinstance(layer, list) and layer[1] == 0 else layer for layer in width]


def _node_counts(entry: Any, width: Any) -> tuple[int, int]:
    """Read one entry of `width`: a number of sum nodes, or a pair of sum and multiplication nodes."""
    entry = entry.tolist() if hasattr(entry, "tolist") else entry
    pair = list(entry) if isinstance(entry, Sequence) else [entry, 0]
    whole = len(pair) == 2 and all(is_whole(count, 0) for count in pair)
    if not whole:
        raise ArgumentError(
            f"entries of `width` must be a number of nodes or a pair [sums, products]; got {entry!r} in {width!r}."
        )
    return int(pair[0]), int(pair[1])


def _layer_arities(mult_arity: Any, layer: int, n_mult: int) -> tuple[int, ...]:
    """Return the arities of the multiplication nodes of one node layer."""
    try:
        arities = [mult_arity] * n_mult if is_whole(mult_arity, 0) else list(mult_arity[layer])
    except (TypeError, IndexError):
        raise ArgumentError(
            f"`mult_arity` must be a whole number or hold one list for every layer of `width`; got {mult_arity!r}."
        ) from None
    if len(arities) != n_mult or not all(is_whole(arity, 0) for arity in arities):
        raise ArgumentError(
            f"`mult_arity[{layer}]` must hold one arity for each of the {n_mult} products there; got {arities!r}."
        )
    return tuple(int(arity) for arity in arities)


def per_layer(name: str, value: Any, depth: int, *, least: int) -> int | list[int]:
    """Return `value` as an int, or as a list with one int for every edge layer, or raise an :class:`ArgumentError`."""
    value = value.tolist() if hasattr(value, "tolist") else value
    several = isinstance(value, (list, tuple))
    entries = value if several else [value]
    counts = [count for count in map(as_whole, entries) if count is not None and count >= least]
    if len(counts) < len(entries) or (several and len(counts) != depth):
        raise ArgumentError(
            f"`{name}` must be a whole number of at least {least}, or a list of {depth}, one for each edge layer; "
            f"got {value!r}."
        )
    return counts if several else counts[0]


def of_each(value: int | list[int], depth: int) -> list[int]:
    """Return what `per_layer` returned as a list."""
    return list(value) if isinstance(value, list) else [value] * depth
