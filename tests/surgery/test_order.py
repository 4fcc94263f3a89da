"""Swapping hidden nodes: the function stays, and everything that belongs to a node goes with it."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch

from kan.attribution import attribute, connection_cost
from kan.common.errors import ArgumentError, StateError
from kan.common.extra_state import unpack
from kan.surgery import auto_swap, swap


def values(network, x):
    with torch.no_grad():
        return network(x)


def cost(network):
    return connection_cost(attribute(network).edge).item()


@pytest.mark.parametrize(("layer", "pair"), [(1, (0, 1)), (1, (2, 4)), (1, (2, 3)), (2, (0, 3)), (2, (-2, 1))])
def test_the_function_stays(kit, layer, pair):
    """Nodes 2 to 4 of layer 1 are products of arity 2, 3 and 2."""
    network, x = kit.build_rich(), kit.samples(columns=3)
    before = values(network, x)
    swap(network, layer, *pair)
    torch.testing.assert_close(values(network, x), before)


@pytest.mark.parametrize("singularity_avoiding", [False, True])
def test_nodes_change_places(kit, singularity_avoiding):
    network, x = kit.build_rich(), kit.samples(columns=3)
    before = network.trace(x, singularity_avoiding=singularity_avoiding).nodes[1]
    swap(network, 1, 2, 3)
    after = network.trace(x, singularity_avoiding=singularity_avoiding).nodes[1]
    torch.testing.assert_close(after, before[:, [0, 1, 3, 2, 4]])


def test_arities_move_with_their_nodes(kit):
    network = kit.build_rich()
    swap(network, 1, 2, 3)
    assert network.mult_arity == [[], [3, 2, 2], [3], []]
    assert network.arities(1) == [3, 2, 2]


def test_one_arity_for_all_stays_one(kit):
    network = kit.build([2, [1, 3], 1], mult_arity=2)
    swap(network, 1, 1, 3)
    assert network.mult_arity == 2


def test_twice_is_as_before(kit):
    network = kit.build_rich()
    before = {name: tensor.clone() for name, tensor in network.named_parameters()}
    functions = [unpack(layer.get_extra_state()) for layer in network.symbolic_fun]
    for _ in range(2):
        swap(network, 2, 0, 3)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.named_parameters())
    assert functions == [unpack(layer.get_extra_state()) for layer in network.symbolic_fun]


def test_optimisers_keep_their_parameters(kit):
    network = kit.build_rich()
    before = {name: id(tensor) for name, tensor in network.named_parameters()}
    swap(network, 1, 0, 1)
    assert before == {name: id(tensor) for name, tensor in network.named_parameters()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 1), "`l` must be one of 1 … 2, the hidden layers: inputs and outputs"),
        ((3, 0, 1), "`l` must be one of 1 … 2"),
        ((-1, 0, 1), "`l` must be one of 1 … 2"),
        ((1.5, 0, 1), "`l` must be one of 1 … 2"),
        ((1, 0, 5), "`i2` must be one of 0 … 4"),
        ((1, 1, 2), r"both be sums \(0 … 1\) or both products \(2 … 4\)"),
    ],
)
def test_what_cannot_be_swapped(kit, arguments, message):
    network = kit.build_rich()
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match=message):
        swap(network, *arguments)
    snapshot.assert_unchanged()


def test_a_network_without_hidden_layers_has_nothing_to_swap(kit):
    network = kit.build([2, 2])
    network.set_reference(kit.samples())
    with pytest.raises(ArgumentError, match="of which there is none"):
        swap(network, 1, 0, 1)
    auto_swap(network)


def test_auto_swap_keeps_the_function_and_lowers_the_cost(kit):
    network, x = kit.build_rich(), kit.samples(columns=3)
    network.set_reference(x)
    before, cost_before = values(network, x), cost(network)
    auto_swap(network)
    torch.testing.assert_close(values(network, x), before)
    assert cost(network) < cost_before


def test_one_layer_gets_its_best_order(kit):
    """All orders of five nodes are tried by hand."""
    network, x = kit.build([3, 4, 5, 2]), kit.samples(columns=3)
    network.set_reference(x)
    costs = []
    for order in permutations(range(5)):
        twin = kit.build([3, 4, 5, 2])
        twin.set_reference(x)
        for layer, mode in ((1, "out"), (2, "in")):
            twin.act_fun[layer].reorder(order, mode)
        costs.append(cost(twin))
    auto_swap(network, layer=2)
    assert cost(network) == pytest.approx(min(costs), rel=1e-9)


def test_other_layers_stay(kit):
    network, x = kit.build([3, 4, 5, 2]), kit.samples(columns=3)
    network.set_reference(x)
    before = network.trace(x).nodes[1]
    auto_swap(network, layer=2)
    assert torch.equal(network.trace(x).nodes[1], before)


def test_data_are_needed(kit):
    with pytest.raises(StateError, match="has not seen any data"):
        auto_swap(kit.build([2, 3, 1]))


def test_scores_that_are_not_numbers_are_refused(kit):
    network = kit.build([1, 2, 1])
    network.symbolic_fun[0].fix_symbolic(0, 0, "log")
    network.symbolic_fun[0].mask.data[0, 0] = 1
    network.set_reference(-torch.ones(3, 1))
    with pytest.raises(StateError, match="is NaN or Inf"):
        auto_swap(network)
