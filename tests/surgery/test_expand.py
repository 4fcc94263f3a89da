"""Deeper and wider networks: the function stays, and what is new can be used."""

from __future__ import annotations

import copy

import pytest
import torch

from kan.common.errors import ArgumentError, StateError
from kan.network import Network
from kan.surgery import expand_depth, expand_width, perturb


def values(network, x):
    with torch.no_grad():
        return network(x)


@pytest.fixture(params=["rich", "splines", "symbolic"])
def network(request, kit):
    if request.param == "rich":
        return kit.build_rich()
    network = kit.build([3, [2, 1], 2], mult_arity=2, grid=4)
    if request.param == "symbolic":
        for layer in range(2):
            network.act_fun[layer].mask.data.zero_()
            network.symbolic_fun[layer].mask.data.fill_(1)
            for i in range(network.width_in[layer]):
                for j in range(network.width_out[layer + 1]):
                    network.symbolic_fun[layer].fix_symbolic(i, j, ("x", "sin", "0")[(i + j) % 3], random=True)
    return network


def test_a_deeper_network_is_the_same_function(kit, network):
    x = kit.samples(columns=3)
    before, width = values(network, x), network.width
    expand_depth(network)
    expand_depth(network)
    torch.testing.assert_close(values(network, x), before)
    assert network.width == [*width, [2, 0], [2, 0]]
    assert network.depth == len(network.act_fun) == len(network.symbolic_fun) == len(network.node_scale)


def test_outputs_that_are_products_are_handed_on(kit):
    network, x = kit.build([2, [1, 2]], mult_arity=2), kit.samples()
    before = values(network, x)
    expand_depth(network)
    torch.testing.assert_close(values(network, x), before)
    assert network.width == [[2, 0], [1, 2], [3, 0]]


@pytest.mark.parametrize("hidden", ["first", "last"])
@pytest.mark.parametrize("options", [{}, {"sum_bool": False}, {"sum_bool": False, "mult_arity": [1, 3]}])
@pytest.mark.parametrize("live", [False, True])
def test_a_wider_network_is_the_same_function(kit, network, hidden, options, live):
    x, layer = kit.samples(columns=3), 1 if hidden == "first" else network.depth - 1
    before, nodes = values(network, x), network.width_in
    expand_width(network, layer, 2, perturb=live, **options)
    torch.testing.assert_close(values(network, x), before)
    nodes[layer] += 2
    assert network.width_in == nodes
    assert network.width_in[layer] == network.act_fun[layer].in_dim == network.symbolic_fun[layer].in_dim
    assert network.width_out[layer] == network.act_fun[layer - 1].out_dim == len(network.subnode_bias[layer - 1])


def test_sums_come_first_and_products_last(kit):
    network, x = kit.build_rich(), kit.samples(columns=3)
    before = network.trace(x).nodes[1]
    expand_width(network, 1, 2)
    expand_width(network, 1, 1, sum_bool=False, mult_arity=4)
    after = network.trace(x).nodes[1]
    torch.testing.assert_close(after[:, 2:7], before)
    assert (network.width[1], network.mult_arity[1]) == ([4, 4], [2, 3, 2, 4])
    assert bool((after[:, [0, 1, 7]] == 0).all())


def test_one_arity_for_all_stays_one_while_it_is(kit):
    network = kit.build([2, [1, 1], 1], mult_arity=2)
    expand_width(network, 1, 1, sum_bool=False)
    assert (network.mult_arity, network.mult_homo) == (2, True)
    expand_width(network, 1, 1, sum_bool=False, mult_arity=3)
    assert (network.mult_arity, network.mult_homo) == ([[], [2, 2, 3], []], False)


@pytest.mark.parametrize("live", [False, True])
def test_new_inputs_come_before_the_others(kit, live):
    network, x = kit.build_rich(), kit.samples(columns=3)
    network.input_id = torch.tensor([2, 0, 1])
    before = values(network, x)
    expand_width(network, 0, 2, perturb=live)
    assert network.cache_data is None
    assert network.input_id.tolist() == [0, 1, 4, 2, 3]
    torch.testing.assert_close(values(network, torch.cat([kit.samples(columns=2, seed=1), x], dim=1)), before)


def test_settings_of_the_layers_are_kept(kit):
    network = kit.build([2, 3, 1], grid=[3, 5], k=[2, 3], base_fun="identity", grid_eps=0.5, sb_trainable=False)
    network.act_fun[0].coef.requires_grad_(False)
    network.eval()
    expand_width(network, 1, 1)
    expand_depth(network)
    layers = network.act_fun
    assert [(layer.num, layer.k, layer.grid_eps) for layer in layers] == [(3, 2, 0.5), (5, 3, 0.5), (5, 3, 0.5)]
    assert (network.grid, network.k) == ([3, 5, 5], [2, 3, 3])
    assert all(float(layer.base_fun(torch.tensor(-3.0))) == -3 for layer in layers)
    assert [layer.coef.requires_grad for layer in layers] == [False, True, True]
    assert not any(layer.scale_base.requires_grad or layer.training for layer in layers)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float64}


def test_an_expanded_network_can_be_rebuilt_and_loaded(kit, network):
    x = kit.samples(columns=3)
    expand_depth(network)
    expand_width(network, 1, 1, sum_bool=False, mult_arity=3)
    expand_width(network, 2, 1)
    perturb(network, mode="all", mag=0.1)
    fresh = network.rebuild()
    for ours, theirs in zip(fresh.symbolic_fun, network.symbolic_fun):
        ours._callables = copy.copy(theirs._callables)
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(values(fresh, x), values(network, x))


def test_live_nodes_can_be_learnt(kit):
    """Something flows back to every edge of a new node, or to the edge that it has to pass first."""
    network, x = kit.build([2, 3, 1]), kit.samples()
    expand_width(network, 1, 1, perturb=True)
    network(x).square().sum().backward()
    assert network.act_fun[1].coef.grad[0].abs().sum() > 0
    with torch.no_grad():
        network.act_fun[1].coef[0] += torch.linspace(0, 1, 6)
    network.zero_grad()
    network(x).square().sum().backward()
    assert bool((network.act_fun[0].coef.grad[:, 0].abs().sum(dim=1) > 0).all())


def test_gradients_from_before_are_not_in_the_way(kit):
    network, x = kit.build([2, 3, 1], affine_trainable=True), kit.samples()
    network(x).sum().backward()
    expand_width(network, 1, 1)
    network(x).sum().backward()
    assert network.node_scale_0.grad.shape == (4,)


def test_new_random_functions_are_the_models_own(kit, global_generators_untouched):
    twins = [kit.build([2, 3, 1]), kit.build([2, 3, 1])]
    for twin in twins:
        expand_width(twin, 1, 1, perturb=True)
    assert torch.equal(twins[0].act_fun[0].coef, twins[1].act_fun[0].coef)
    expand_width(twins[0], 1, 1, perturb=True)
    assert not torch.equal(twins[0].act_fun[0].coef[:, 0], twins[0].act_fun[0].coef[:, 1])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3, 1), {}, "`layer_id` must be one of 0 … 2"),
        ((-1, 1), {}, "`layer_id` must be one of 0 … 2"),
        ((1, 0), {}, "`n_added_nodes` must be a whole number of at least 1; got 0"),
        ((1, 1.5), {}, "`n_added_nodes`"),
        ((0, 1), {"sum_bool": False}, "inputs cannot be products"),
        ((1, 2), {"sum_bool": False, "mult_arity": [2]}, "one for each of the 2 added products"),
        ((1, 1), {"sum_bool": False, "mult_arity": 0}, "`mult_arity` must be"),
        ((1, 1), {"sum_bool": False, "mult_arity": "2"}, "`mult_arity` must be"),
    ],
)
def test_what_cannot_be_added_changes_nothing(kit, arguments, options, message):
    network = kit.build_rich()
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match=message):
        expand_width(network, *arguments, **options)
    snapshot.assert_unchanged()


def test_depth_needs_symbolic_edges(kit):
    network = kit.build([2, 1], symbolic_enabled=False)
    with pytest.raises(StateError, match="symbolic_enabled = True"):
        expand_depth(network)
    assert network.depth == 1


def test_symbolic_parameters_keep_their_digits(kit):
    network = kit.build([2, 2, 1])
    network.symbolic_fun[0].fix_symbolic(0, 0, "sin", random=True)
    before = network.symbolic_fun[0].affine[0, 0].clone()
    assert before.dtype == torch.float64
    expand_width(network, 1, 1)
    assert torch.equal(network.symbolic_fun[0].affine[1, 0], before)


def test_new_edges_are_drawn_as_the_constructor_draws():
    network = Network(width=[2, 2, 1], noise_scale=0.0, scale_base_sigma=0.0)
    expand_width(network, 1, 1)
    assert not network.act_fun[0].coef[:, -1].any()
    assert not network.act_fun[0].scale_base[:, -1].any()


def test_new_edges_have_the_grids_and_scales_of_a_constructed_network(kit):
    options = {"grid": 4, "k": 2, "grid_range": [-3, 2], "grid_eps": 0.5, "base_fun": "identity"}
    drawn = {"noise_scale": 0.0, "scale_base_mu": 2.0, "scale_base_sigma": 0.0}  # nothing is left to chance
    network, expected = (kit.build([2, width, 1], **options, **drawn) for width in (3, 4))
    expand_width(network, 1, 1)
    for ours, theirs in zip(network.act_fun, expected.act_fun):
        assert torch.equal(ours.grid, theirs.grid)
        assert (ours.num, ours.k, ours.grid_eps) == (theirs.num, theirs.k, theirs.grid_eps)
    ours, theirs = network.act_fun[0], expected.act_fun[0]
    assert torch.equal(ours.scale_base, theirs.scale_base)
    torch.testing.assert_close(ours.coef, theirs.coef)
