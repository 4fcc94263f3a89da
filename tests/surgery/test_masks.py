"""Switching edges on and off."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kan.common.errors import ArgumentError
from kan.surgery import prune_edge, remove_edge, remove_node, set_mode, unfix


def edge_value(network, x, layer, i, j):
    with torch.no_grad():
        return network.trace(x).layers[layer].edge_values(i, j)


def fix(network, layer, i, j, name):
    network.symbolic_fun[layer].fix_symbolic(i, j, name)
    set_mode(network, layer, i, j, "s")


@pytest.mark.parametrize(
    ("mode", "mask_n", "weights"),
    [
        ("s", None, (0.0, 1.0)),
        ("n", None, (1.0, 0.0)),
        ("sn", None, (1.0, 1.0)),
        ("ns", 0.5, (0.5, 1.0)),
        ("n", 0.5, (1.0, 0.0)),
    ],
)
def test_a_mode_weighs_the_two_parts_of_an_edge(kit, mode, mask_n, weights):
    network, x = kit.build([2, 3, 1]), kit.samples()
    numeric = edge_value(network, x, 0, 1, 2)
    fix(network, 0, 1, 2, "sin")
    set_mode(network, 0, 1, 2, mode, mask_n)
    expected = weights[0] * numeric + weights[1] * torch.sin(x[:, 1])
    torch.testing.assert_close(edge_value(network, x, 0, 1, 2), expected)


def test_mode_n_keeps_the_function_for_later(kit):
    network, x = kit.build([1, 1]), kit.samples(columns=1)
    fix(network, 0, 0, 0, "sin")
    set_mode(network, 0, 0, 0, "n")
    set_mode(network, 0, 0, 0, "s")
    torch.testing.assert_close(network(x), torch.sin(x))


@pytest.mark.parametrize("remove", ["edge", "mode", "node", "prune"])
def test_a_removed_edge_cannot_give_nan(kit, remove):
    """Zero times the logarithm of a negative number would be NaN."""
    network, x = kit.build([1, 1, 1]), kit.samples(columns=1)
    fix(network, 0, 0, 0, "log")
    assert torch.isnan(network(x)).any()
    if remove == "edge":
        remove_edge(network, 0, 0, 0)
    elif remove == "mode":
        set_mode(network, 0, 0, 0, "0")
    elif remove == "node":
        remove_node(network, 0, 0)
    else:
        network.set_reference(x.abs() + 1)
        with pytest.warns(UserWarning, match="the network is constant"):
            prune_edge(network, threshold=1e9)
    assert torch.isfinite(network(x)).all()
    assert network.symbolic_fun[0].is_idle


def test_a_removed_edge_is_gone_and_the_others_stay(kit):
    network, x = kit.build([2, 3, 1]), kit.samples()
    before = network.trace(x).layers[0].postacts()
    remove_edge(network, 0, 1, 2)
    after = network.trace(x).layers[0].postacts()
    assert after[:, 2, 1].abs().max() == 0
    after[:, 2, 1] = before[:, 2, 1]
    torch.testing.assert_close(after, before)


@pytest.mark.parametrize("indices", [(-2, -1, -2), (np.int64(0), np.int32(1), torch.tensor(1))])
def test_indices_may_be_negative_or_of_any_whole_type(kit, indices):
    network = kit.build([2, 3, 1])
    remove_edge(network, *indices)
    assert network.act_fun[0].mask.tolist() == [[1, 1, 1], [1, 0, 1]]


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ((2, 0, 0), r"`l` must be one of 0 … 1, the edge layers; got 2"),
        ((0, 2, 0), r"`i` must be one of 0 … 1, the inputs of edge layer 0; got 2"),
        ((0, 0, 3), r"`j` must be one of 0 … 2, the outputs of edge layer 0; got 3"),
        ((0, 0.5, 0), r"`i` must be"),
        ((0, True, 0), r"`i` must be"),
    ],
)
def test_an_edge_that_does_not_exist_is_named(kit, indices, message):
    network = kit.build([2, 3, 1])
    snapshot = kit.Snapshot(network)
    for call in (remove_edge, unfix, lambda *args: set_mode(*args, "s")):
        with pytest.raises(ArgumentError, match=message):
            call(network, *indices)
    snapshot.assert_unchanged()


@pytest.mark.parametrize("mult_arity", [2, [[], [2, 3], []]])
def test_removing_a_node_removes_its_edges_and_no_others(kit, mult_arity):
    """Node 3 is the second product of layer 1; after one sum and a product of two, its factors start at sub-node 4."""
    network = kit.build([2, [2, 2], 2], mult_arity=mult_arity)
    remove_node(network, 1, 3)
    incoming = torch.ones(2, network.width_out[1])
    incoming[:, 4:] = 0
    assert torch.equal(network.act_fun[0].mask, incoming.double())
    assert network.act_fun[1].mask.tolist() == [[1, 1], [1, 1], [1, 1], [0, 0]]


def test_up_takes_nodes_and_down_takes_sub_nodes(kit):
    network = kit.build([2, [1, 1], 1], mult_arity=3)
    remove_node(network, 1, 1, mode="up")
    assert network.act_fun[0].mask.all()
    assert network.act_fun[1].mask.tolist() == [[1], [0]]
    remove_node(network, 1, 3, mode="down")
    assert network.act_fun[0].mask.tolist() == [[1, 1, 1, 0]] * 2


def test_removing_an_input_or_an_output_touches_only_its_own_layer(kit):
    network = kit.build([2, 3, 2])
    remove_node(network, 0, 1)
    assert network.act_fun[0].mask.tolist() == [[1, 1, 1], [0, 0, 0]]
    assert network.act_fun[1].mask.all()
    remove_node(network, 2, 0)
    assert network.act_fun[1].mask.tolist() == [[0, 1]] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 0), r"`l` must be one of 0 … 2"),
        ((-1, 0), r"`l` must be one of 0 … 2"),
        ((2, 0, "up"), r"`l` must be one of 0 … 1, the node layers with outgoing edges"),
        ((0, 0, "down"), r"`l` must be one of 1 … 2, the node layers with incoming edges"),
        ((1, 2), r"`i` must be one of 0 … 1, the nodes of layer 1; got 2"),
        ((1, 3, "down"), r"`i` must be one of 0 … 2, the sub-nodes of layer 1; got 3"),
        ((1, 0, "sideways"), r"`mode` must be one of 'all', 'up', 'down'"),
    ],
)
def test_a_node_that_does_not_exist_is_named(kit, arguments, message):
    network = kit.build([2, [1, 1], 1])
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match=message):
        remove_node(network, *arguments)
    snapshot.assert_unchanged()


def test_unfix_makes_an_edge_numerical(kit):
    network, x = kit.build([2, 1]), kit.samples()
    before = network(x)
    fix(network, 0, 1, 0, "sin")
    unfix(network, 0, 1, 0)
    torch.testing.assert_close(network(x), before)
    assert network.symbolic_fun[0].is_idle


def test_training_goes_on_after_both_edges_into_a_hidden_node_are_removed(kit):
    """Also after the grid follows the constant activation of the dead node."""
    from kan.surgery import update_grid

    network, x = kit.build([2, 2, 1]), kit.samples()
    remove_edge(network, 0, 0, 0)
    remove_edge(network, 0, 1, 0)
    update_grid(network, x)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(10):
        optimiser.zero_grad()
        trace = network.trace(x)
        loss = (trace.output - x.prod(dim=1, keepdim=True)).square().mean()
        loss = loss + 0.01 * sum(layer.edge_spread().sum() for layer in trace.layers)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(np.isfinite(losses))
    assert losses[-1] < losses[0]
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())
