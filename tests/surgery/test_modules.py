"""Cutting modules out of a network."""

from __future__ import annotations

import pytest
import torch

from kan.common.errors import ArgumentError
from kan.surgery import cut_module, set_mode


def masks(network, layer):
    return (network.act_fun[layer].mask.T != 0) | (network.symbolic_fun[layer].mask != 0)


def test_edges_across_the_border_go_and_others_stay(kit):
    network = kit.build([4, 3, 2])
    cut_module(network, 0, "[0,1]->[0]->[0]->[1]")
    inside, outside = torch.tensor([[1, 1, 0, 0]]) == 1, torch.tensor([[0, 0, 1, 1]] * 2) == 1
    assert torch.equal(masks(network, 0), torch.cat([inside, outside]))
    assert torch.equal(masks(network, 1), torch.tensor([[False, True, True], [True, False, False]]))


def test_a_module_does_not_depend_on_the_rest(kit):
    network, x = kit.build([4, 3, 2]), kit.samples(columns=4)
    cut_module(network, 0, "[0,1]->[0]->[0]->[1]")
    other = x.clone()
    other[:, 2:] = 0.3
    assert torch.equal(network(other)[:, 1], network(x)[:, 1])
    assert not torch.equal(network(other)[:, 0], network(x)[:, 0])


def test_a_chain_may_begin_later_and_count_from_the_end(kit):
    network = kit.build([2, 3, 2])
    cut_module(network, 1, " [-1] -> [ -2 ] ")
    assert masks(network, 0).all()
    assert torch.equal(masks(network, 1), torch.tensor([[False, False, True], [True, True, False]]))


def test_symbolic_edges_go_with_their_functions(kit):
    network = kit.build([2, 2])
    network.symbolic_fun[0].fix_symbolic(0, 0, "log")
    set_mode(network, 0, 0, 0, "s")
    cut_module(network, 0, "[0]->[1]")
    assert network.symbolic_fun[0].is_idle


@pytest.mark.parametrize(
    ("start", "chain", "message"),
    [
        (0, "[0]->[1]->[1]", "two groups for each edge layer"),
        (0, "0->1", "`chain` must name nodes"),
        (0, "[0]->[]", "`chain` must name nodes"),
        (0, "[a]->[0]", "`chain` must name nodes"),
        (0, 7, "`chain` must name nodes"),
        (0.5, "[0]->[0]", "`start_layer` must be one of 0 … 1 for the 1 edge layers"),
        (2, "[0]->[0]", "`start_layer` must be one of 0 … 1 for the 1 edge layers"),
        (1, "[0]->[0]->[0]->[0]", "`start_layer` must be one of 0 … 0"),
        (0, "[0]->[0]->[3]->[0]", "`chain` must be one of 0 … 2, the nodes of layer 1"),
        (0, "[0]->[0,0]", "must name each of the sub-nodes of layer 1 once"),
    ],
)
def test_a_chain_that_makes_no_sense_changes_nothing(kit, start, chain, message):
    network = kit.build([2, 3, 1])
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match=message):
        cut_module(network, start, chain)
    snapshot.assert_unchanged()
