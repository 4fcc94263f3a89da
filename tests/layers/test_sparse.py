"""The edges of a sparse start."""

from __future__ import annotations

import pytest
import torch

from kan.layers import sparse_mask


@pytest.mark.parametrize(
    ("in_dim", "out_dim", "edges"),
    [
        (1, 1, [[1]]),
        (3, 3, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        (4, 2, [[1, 0], [1, 0], [0, 1], [0, 1]]),
        # From pykan 0.2.8: KAN(width=[3, [2, 1], 2], sparse_init=True).act_fun[0].mask
        (3, 4, [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]),
    ],
)
def test_nearest_nodes_are_connected(in_dim: int, out_dim: int, edges: list[list[int]]) -> None:
    assert sparse_mask(in_dim, out_dim).tolist() == edges


# From pykan 0.2.8: the middle one of an odd number of nodes is as near to either of two nodes on the other side.
@pytest.mark.parametrize(
    ("in_dim", "out_dim", "input_of_the_middle"), [(6, 7, 2), (6, 9, 2), (10, 11, 4), (12, 13, 5), (14, 15, 6)]
)
def test_ties_are_broken_as_in_pykan(in_dim: int, out_dim: int, input_of_the_middle: int) -> None:
    assert sparse_mask(in_dim, out_dim)[:, out_dim // 2].nonzero().tolist() == [[input_of_the_middle]]


@pytest.mark.parametrize("in_dim", range(1, 8))
@pytest.mark.parametrize("out_dim", range(1, 8))
def test_every_node_has_an_edge_and_there_are_few(in_dim: int, out_dim: int) -> None:
    mask = sparse_mask(in_dim, out_dim)
    assert bool(mask.any(dim=0).all())
    assert bool(mask.any(dim=1).all())
    assert int(mask.sum()) < in_dim + out_dim


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_no_nodes_have_no_edges(shape: tuple[int, int]) -> None:
    assert torch.equal(sparse_mask(*shape), torch.zeros(shape))
