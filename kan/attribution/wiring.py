"""The cost of the connections between layers: how far apart connected nodes lie in the picture.

Nodes of a layer stand evenly spread over a width of 1, and a connection costs its weight times the distance it runs
sideways. The order of hidden nodes does not change what a network computes; with a small cost, modules that work apart
also stand apart, and can be seen.

Source: Liu et al. 2023, arXiv 2305.08746 (brain-inspired modular training), on networks embedded in space.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def positions(count: int, *, like: Tensor) -> Tensor:
    """Return where the nodes of a layer stand, evenly between 0 and 1, half a step from either end."""
    return (torch.arange(count, dtype=like.dtype, device=like.device) + 0.5) / count


def distances(ends: int, starts: int, *, like: Tensor) -> Tensor:
    """Return how far sideways every connection between two layers runs (ends, starts)."""
    return (positions(ends, like=like)[:, None] - positions(starts, like=like)[None, :]).abs()


def connection_cost(weights: Sequence[Tensor]) -> Tensor:
    """Return the sum over all connections of weight times sideways distance.

    Parameters
    ----------
    weights : sequence of Tensor (O, I)
        The size of every connection, layer by layer; the sign does not count.

    Examples
    --------
    >>> import torch
    >>> straight, crossed = torch.eye(2), torch.eye(2).flip(0)
    >>> connection_cost([straight]).item(), connection_cost([crossed]).item()
    (0.0, 1.0)
    """
    return torch.stack([(distances(*matrix.shape, like=matrix) * matrix.abs()).sum() for matrix in weights]).sum()
