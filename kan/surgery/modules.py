"""Cutting a network into modules: nodes that keep to themselves.

Deviations from pykan: numbers below zero count from the end, there they cut the module's own edges too; a removed edge
is gone, its symbolic function included.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 3.2.
"""

from __future__ import annotations

import re
from typing import Any

import torch

from kan.common.errors import ArgumentError, as_whole
from kan.network import Network
from kan.surgery.indices import checked_ids
from kan.surgery.masks import remove_edges

_GROUP = re.compile(r"\s*\[([-+\d,\s]*)\]\s*")


@torch.no_grad()
def cut_module(network: Network, start_layer: Any, chain: str) -> None:
    """Remove the edges between a module and the rest of the network.

    Parameters
    ----------
    network : Network
        Changed in place.
    start_layer : int
        The node layer at which the module begins.
    chain : str
        For every edge layer of the module, the nodes before it and the sub-nodes after it: with `start_layer` 0,
        ``'[0,1]->[2]->[2]->[0]'`` lets inputs 0 and 1 act on nothing but sub-node 2 of layer 1, on which nothing else
        acts, and node 2 on nothing but output 0.

    Raises
    ------
    ArgumentError
        If `chain` cannot be read, or names nodes that do not exist; nothing has changed then.

    Examples
    --------
    >>> from kan.network import Network
    >>> from kan.surgery import cut_module
    >>> network = Network([2, 2])
    >>> cut_module(network, 0, "[0]->[1]")
    >>> network.act_fun[0].mask.int().tolist()
    [[0, 1], [1, 0]]
    """
    groups = _read(chain)
    first, count = as_whole(start_layer), len(groups) // 2
    if first is None or not 0 <= first <= network.depth - count:
        raise ArgumentError(
            f"`start_layer` must be one of 0 … {network.depth - count} for the {count} edge layers of {chain!r} in a "
            f"network with {network.depth}; got {start_layer!r}."
        )
    cuts = []
    for layer, starts, ends in zip(range(first, first + count), groups[::2], groups[1::2]):
        gone = torch.zeros_like(network.symbolic_fun[layer].mask, dtype=torch.bool)
        gone[:, checked_ids("chain", starts, count=gone.shape[1], of=f"nodes of layer {layer}")] = True
        inside = torch.zeros_like(gone)
        inside[checked_ids("chain", ends, count=gone.shape[0], of=f"sub-nodes of layer {layer + 1}")] = True
        cuts.append((layer, gone ^ inside))
    for layer, gone in cuts:
        remove_edges(network, layer, gone)


def _read(chain: Any) -> list[list[int]]:
    """Return the numbers in the brackets of a chain."""
    matches = [_GROUP.fullmatch(part) for part in chain.split("->")] if isinstance(chain, str) else []
    try:
        groups = [[int(number) for number in match[1].split(",")] for match in matches if match is not None]
    except ValueError:
        groups = []
    if len(groups) != len(matches) or not groups or len(groups) % 2:
        raise ArgumentError(
            "`chain` must name nodes and sub-nodes in turn, two groups for each edge layer, such as "
            f"'[0,1]->[2]->[2]->[0]'; got {chain!r}."
        )
    return groups
