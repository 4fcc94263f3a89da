"""Edges and nodes by number, checked before anything changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kan.common.errors import ArgumentError, as_whole

if TYPE_CHECKING:
    from kan.network import Network, Shape


def checked_index(name: str, value: Any, *, count: int, of: str) -> int:
    """Return `value` as an index in 0 … count - 1; negative ones count from the end."""
    index = as_whole(value)
    if index is None or not -count <= index < count:
        raise ArgumentError(f"`{name}` must be one of 0 … {count - 1}, the {of}; got {value!r}.")
    return index % count


def checked_edge(network: Network, *, layer: Any, i: Any, j: Any) -> tuple[int, int, int]:
    """Return the indices of an edge: its layer, its input node and its output sub-node."""
    layer = checked_index("l", layer, count=network.depth, of="edge layers")
    i = checked_index("i", i, count=network.width_in[layer], of=f"inputs of edge layer {layer}")
    j = checked_index("j", j, count=network.width_out[layer + 1], of=f"outputs of edge layer {layer}")
    return layer, i, j


def checked_ids(name: str, ids: Any, *, count: int, of: str) -> list[int]:
    """Return a list of distinct indices, at least one, in the order given."""
    if not isinstance(ids, Iterable) or isinstance(ids, str):
        raise ArgumentError(f"`{name}` must list {of} by number, 0 … {count - 1}; got {ids!r}.")
    chosen = [checked_index(name, entry, count=count, of=of) for entry in ids]
    if not chosen:
        raise ArgumentError(f"`{name}` must name at least one of the {count} {of}; got none.")
    if len(set(chosen)) != len(chosen):
        raise ArgumentError(f"`{name}` must name each of the {of} once; got {ids!r}.")
    return chosen


def subnodes_of(shape: Shape, layer: int, nodes: Iterable[int]) -> list[int]:
    """Return the sub-nodes that feed some nodes of a node layer, in the order of the nodes."""
    n_sum, arities = shape.sums[layer], shape.arities[layer]
    chosen: list[int] = []
    for node in nodes:
        if node < n_sum:
            chosen.append(node)
        else:
            start = n_sum + sum(arities[: node - n_sum])
            chosen.extend(range(start, start + arities[node - n_sum]))
    return chosen
