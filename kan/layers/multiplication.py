"""Multiplication nodes: the product of the sub-nodes that belong to each.

The sub-nodes of a node layer are ordered: first one for every sum node, then the factors of the first multiplication
node, of the second, and so on. Deviation from pykan: an arity other than 2 is right here, and arity 1 and 0 work.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def multiply_nodes(subnodes: Tensor, *, n_sum: int, arities: Sequence[int]) -> Tensor:
    """Turn sub-nodes (n_sum + sum(arities), N) into nodes (n_sum + len(arities), N)."""
    if not arities:
        return subnodes
    return torch.cat([subnodes[:n_sum], *map(_product, _by_arity(subnodes[n_sum:], arities))])


def pull_back_products(subnodes: Tensor, gradient: Tensor, *, n_sum: int, arities: Sequence[int]) -> Tensor:
    """Turn the gradient of the nodes that `multiply_nodes` returns into that of its sub-nodes."""
    if not arities:
        return gradient
    pieces = [gradient[:n_sum]]
    groups = _by_arity(subnodes[n_sum:], arities)
    for group, of_products in zip(groups, gradient[n_sum:].split([len(group) for group in groups])):
        others = [torch.cat([group[:, :row], group[:, row + 1 :]], dim=1) for row in range(group.shape[1])]
        if others:
            pieces.append((of_products[:, None] * torch.stack([*map(_product, others)], dim=1)).flatten(0, 1))
    return torch.cat(pieces)


def _by_arity(factors: Tensor, arities: Sequence[int]) -> list[Tensor]:
    """Cut factors into pieces (nodes, arity, N): one for all nodes if they have one arity, the usual case."""
    if len(set(arities)) == 1:
        return [factors.unflatten(0, (len(arities), arities[0]))]
    return [group[None] for group in torch.split(factors, list(arities))]


def _product(factors: Tensor) -> Tensor:
    """Multiply along dimension 1 of (nodes, arity, N), factor by factor: exact derivatives, zeros included."""
    if factors.shape[1] == 0:
        return factors.new_ones(factors.shape[0], factors.shape[2])
    product = factors[:, 0]
    for index in range(1, factors.shape[1]):
        product = product * factors[:, index]
    return product


def nodes_to_subnodes(values: Tensor, *, n_sum: int, arities: Sequence[int]) -> Tensor:
    """Repeat the value of every multiplication node for each of its factors, along the last dimension."""
    repeats = torch.tensor([1] * n_sum + list(arities), device=values.device)
    return torch.repeat_interleave(values, repeats, dim=-1)
