"""Leaving out nodes, edges and inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kan.attribution import attribute
from kan.common.errors import ArgumentError, StateError
from kan.network import Network
from kan.surgery import prune, prune_edge, prune_input, prune_node, refine, remove_node, set_mode, update_grid

# What pykan 0.2.8's `prune` makes of KAN(width, seed=3, noise_scale=2.) on the samples below, in float32: width, node
# and edge threshold; width and masks after, and the output of the first four samples.
PYKAN = [
    (
        [2, 5, 1],
        (0.3, 0.4),
        [[2, 0], [3, 0], [1, 0]],
        [[[0, 1, 1], [1, 1, 0]], [[1], [1], [1]]],
        [0.031563, 0.015935, 0.182707, -0.096192],
    ),
    (
        [2, [2, 2], 1],
        (0.1, 0.3),
        [[2, 0], [2, 1], [1, 0]],
        [[[0, 1, 0, 0], [1, 1, 0, 0]], [[1], [1], [0]]],
        [0.000187, 0.155696, 0.098916, -0.000178],
    ),
    (
        [2, 3, [1, 1], 1],
        (0.5, 0.42),
        [[2, 0], [3, 0], [0, 1], [1, 0]],
        [[[0, 1, 0], [0, 1, 1]], [[0, 1], [0, 1], [1, 0]], [[1]]],
        [-0.062878, -0.069922, -0.067475, -0.068846],
    ),
]


def pykan_samples():
    t = torch.arange(40.0)
    return torch.stack([torch.sin(t), torch.cos(1.7 * t)], dim=1)


@pytest.mark.parametrize(("width", "thresholds", "new_width", "masks", "outputs"), PYKAN)
def test_prune_gives_what_pykan_gives(width, thresholds, new_width, masks, outputs):
    network, x = Network(width, seed=3, noise_scale=2.0), pykan_samples()
    network(x)
    child = prune(network, node_th=thresholds[0], edge_th=thresholds[1])
    assert child.width == new_width
    assert [layer.mask.tolist() for layer in child.act_fun] == masks
    for bias in child.subnode_bias:
        bias.data.zero_()  # pykan drops the means of what is pruned
    np.testing.assert_allclose(child(x)[:4, 0].detach().numpy(), outputs, atol=3e-6)


def rich(kit, mult_arity):
    """Return a network in which nothing is at its default."""
    network = kit.build(
        [3, [2, 2], [1, 1], 2],
        mult_arity=mult_arity,
        grid=[3, 4, 5],
        k=[3, 2, 1],
        grid_eps=0.5,
        grid_range=[-2, 3],
        sp_trainable=False,
        sb_trainable=False,
        affine_trainable=True,
        base_fun="identity",
        save_act=False,
        seed=5,
    )
    generator = torch.Generator().manual_seed(0)
    for name, parameter in network.named_parameters():
        if name.startswith(("node_", "subnode_")):
            parameter.data += torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
    network.symbolic_fun[0].fix_symbolic(1, 0, "sin")
    set_mode(network, 0, 1, 0, "sn", 0.5)
    network.symbolic_fun[1].fix_symbolic(2, 0, torch.tanh)
    set_mode(network, 1, 2, 0, "s")
    network.act_fun[1].coef.requires_grad_(False)
    update_grid(network, kit.samples(columns=3))
    network.eval()
    network.draw_stream()
    return network


@pytest.mark.parametrize("mult_arity", [2, 3, [[], [1, 3], [2], []]])
@pytest.mark.parametrize("operation", ["prune_node", "prune_input", "prune", "refine"])
def test_a_child_keeps_every_setting_and_the_original_stays(kit, mult_arity, operation):
    network, x = rich(kit, mult_arity), kit.samples(columns=3)
    network(x)
    snapshot = kit.Snapshot(network)
    everything = [list(range(4)), list(range(2))]
    child = {
        "prune_node": lambda: prune_node(network, active_neurons_id=everything),
        "prune_input": lambda: prune_input(network, active_inputs=[0, 1, 2]),
        "prune": lambda: prune(network, node_th=-1.0, edge_th=-1.0),
        "refine": lambda: refine(network, network.grid),
    }[operation]()
    snapshot.assert_unchanged()
    kit.assert_nothing_shared(network, child)
    assert type(child) is kit.Sub
    assert child.constructor_arguments() == network.constructor_arguments()
    assert child.training is False
    assert child._draws == network._draws
    assert (child.dtype, child.device) == (network.dtype, network.device)
    assert [layer.training for layer in child.symbolic_fun] == [False] * 3
    flags = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
    assert {name: parameter.requires_grad for name, parameter in child.named_parameters()} == flags
    assert [(layer.num, layer.k) for layer in child.act_fun] == [(3, 3), (4, 2), (5, 1)]
    torch.testing.assert_close(child(x), network(x))
    torch.testing.assert_close(child.reference_data(), x)


def test_training_the_child_leaves_the_original(kit):
    network, x = kit.build([2, 3, 1]), kit.samples()
    before = network(x).detach()
    for child in (prune(network, node_th=0, edge_th=0), prune_input(network, active_inputs=[1]), refine(network, 6)):
        snapshot = kit.Snapshot(network)
        optimiser = torch.optim.SGD(child.parameters(), lr=0.1)
        child(x).square().sum().backward()
        optimiser.step()
        remove_node(child, 1, 0)
        update_grid(child, 2 * x)
        snapshot.assert_unchanged()
    torch.testing.assert_close(network(x), before)


def test_explicit_nodes_are_kept_with_their_affine_parameters(kit):
    """A product keeps its own arity: of products of 2 and 3 factors the second stays."""
    network, x = kit.build([2, [2, 2], 1], mult_arity=[[], [2, 3], []], affine_trainable=True), kit.samples()
    for name in ("node_bias", "node_scale", "subnode_bias", "subnode_scale"):
        parameter = getattr(network, name)[0]
        parameter.data = torch.arange(1.0, 1 + len(parameter), dtype=torch.float64) / 4
    child = prune_node(network, active_neurons_id=[[3, 0]])
    assert (child.width, child.mult_arity) == ([[2, 0], [1, 1], [1, 0]], [[], [3], []])
    remove_node(network, 1, 1)
    remove_node(network, 1, 2)
    difference = network(x) - child(x)
    torch.testing.assert_close(difference, torch.zeros_like(difference))


@pytest.mark.parametrize("ids", [[[2]], [[3], [2]], [[0, 1], [2], [0]], np.array([[2]]), ((np.int64(2),),)])
def test_lists_of_pykan_0_0_begin_with_the_inputs(kit, ids):
    network, x = kit.build([2, 5, 1]), kit.samples()
    child = prune(network, active_neurons_id=ids)
    for node in (0, 1, 3, 4):
        remove_node(network, 1, node)
    torch.testing.assert_close(child(x), network(x))
    assert child.width == [[2, 0], [1, 0], [1, 0]]


def test_a_network_without_hidden_layer_has_no_nodes_to_prune(kit):
    network, x = kit.build([2, 1]), kit.samples()
    network(x)
    torch.testing.assert_close(prune(network, edge_th=0)(x), network(x))
    assert prune(network, active_neurons_id=[]).width == network.width


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[5]], r"`active_neurons_id\[0\]` must be one of 0 … 4, the nodes of hidden layer 1; got 5"),
        ([[]], "must name at least one of the 5 nodes of hidden layer 1"),
        ([[1, 1]], "once"),
        ([[1], [2], [3], [4]], "one list of nodes for each of the 1 hidden layers"),
        (7, "one list of nodes"),
        ([2], "must list nodes of hidden layer 1 by number"),
    ],
)
def test_wrong_ids_are_named(kit, ids, message):
    network = kit.build([2, 5, 1])
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match=message):
        prune_node(network, active_neurons_id=ids)
    snapshot.assert_unchanged()


@given(
    st.lists(st.tuples(st.integers(1, 3), st.lists(st.integers(0, 3), max_size=2)), min_size=1, max_size=2),
    st.booleans(),
    st.data(),
)
def test_leaving_out_nodes_that_are_switched_off_keeps_the_function(hidden, homogeneous, data):
    width = [2, *([sums, len(arities)] for sums, arities in hidden), 2]
    mult_arity = 2 if homogeneous else [[], *(arities for _, arities in hidden), []]
    network = Network(width, mult_arity=mult_arity, noise_scale=1.0, seed=4).double()
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    kept = []
    for layer, count in enumerate(network.width_in[1:-1], start=1):
        kept.append(sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1))))
        for node in set(range(count)) - set(kept[-1]):
            remove_node(network, layer, node)
    child = prune_node(network, active_neurons_id=kept)
    assert child.width_in[1:-1] == [len(nodes) for nodes in kept]
    torch.testing.assert_close(child(x), network(x))


def test_pruning_everything_names_layer_score_and_threshold(kit):
    network, x = kit.build([2, 3, 2, 1]), kit.samples()
    network(x)
    best = attribute(network).node[1].max().item()
    snapshot = kit.Snapshot(network)
    with pytest.raises(
        StateError, match=rf"hidden layer 1 without nodes: the best score there is {best:.3g}, the thr.* 1e\+09"
    ):
        prune(network, node_th=1e9)
    with pytest.raises(StateError, match="the input layer without nodes"):
        prune_input(network, threshold=1e9)
    snapshot.assert_unchanged()


@pytest.mark.parametrize("threshold", [None, "0.1", float("nan")])
@pytest.mark.parametrize("operation", [prune_node, prune_edge, prune_input])
def test_a_threshold_is_a_number(kit, operation, threshold):
    network = kit.build([2, 3, 1])
    network(kit.samples())
    masks = [layer.mask.clone() for layer in network.act_fun]
    with pytest.raises(ArgumentError, match="`threshold` must be a finite number"):
        operation(network, threshold=threshold)
    assert all(torch.equal(layer.mask, mask) for layer, mask in zip(network.act_fun, masks))


@pytest.mark.parametrize("operation", [prune_node, prune_edge, prune_input])
def test_a_threshold_of_minus_infinity_prunes_nothing(kit, operation):
    network = kit.build([2, 3, 1])
    network(kit.samples())
    child = operation(network, threshold=float("-inf")) or network
    assert child.width == [[2, 0], [3, 0], [1, 0]]
    assert all(bool(layer.mask.all()) for layer in child.act_fun)


def test_pruning_all_edges_leaves_a_constant_that_trains(kit):
    network, x = kit.build([2, 3, 1], affine_trainable=True), kit.samples()
    network(x)
    with pytest.warns(UserWarning, match="without edges"):
        child = prune(network, node_th=0, edge_th=1e9)
    assert not any(layer.mask.any() for layer in child.act_fun)
    update_grid(child, x)
    child.trace(x).output.sub(1).square().mean().backward()
    gradients = [parameter.grad for parameter in child.parameters() if parameter.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert child(x).unique().numel() == 1
    with pytest.raises(StateError, match="best score there is 0"):
        prune(child)


def with_constant_edges(kit, **options):
    """Return a network with sums and products; edges out of input 1 and of hidden node 2 add constants."""
    network, x = kit.build([2, [3, 1], 2], scale_base_mu=3.0, **options), kit.samples()
    for layer, node in ((0, 1), (1, 2)):
        symbolic = network.symbolic_fun[layer]
        for j in range(symbolic.out_dim):
            symbolic.fix_symbolic(node, j, "sin")
            symbolic.affine.data[j, node] = torch.tensor([1.0, 0.0, 1e-5, 0.5 + j])
            set_mode(network, layer, node, j, "s")
    for scale in network.subnode_scale:
        scale.data += 0.5
    network(x)
    return network, x


@pytest.mark.parametrize(
    "operation",
    [
        lambda network: prune(network, node_th=1e-4, edge_th=1e-4),
        lambda network: prune_node(network, threshold=1e-4),
        lambda network: prune_node(network, active_neurons_id=[[0, 1, 3]]),
        lambda network: prune_input(network, threshold=1e-4),
        lambda network: prune_edge(network, threshold=1e-4) or network,
    ],
)
@pytest.mark.parametrize("affine_trainable", [False, True])
def test_what_nearly_constant_edges_add_stays(kit, operation, affine_trainable):
    """The output moves by about the spread of what is pruned, 1e-5, and not by its mean, 0.5 and more."""
    network, x = with_constant_edges(kit, affine_trainable=affine_trainable)
    before, edges = network(x).detach(), sum(int((layer.mask != 0).sum()) for layer in network.symbolic_fun)
    child = operation(network)
    assert sum(int((layer.mask != 0).sum()) for layer in child.symbolic_fun) < edges
    assert (child(x) - before).abs().max() < 1e-3
    assert all(bias.requires_grad == affine_trainable for bias in child.subnode_bias)


def test_a_sum_keeps_its_mean_when_edges_go(kit):
    network, x = kit.build([3, 1]), kit.samples(columns=3)
    network(x)
    child = prune_input(network, active_inputs=[1])
    torch.testing.assert_close(child(x).mean(), network(x).mean())


def test_where_nothing_is_lost_no_bias_appears(kit):
    """A rounding error for a bias would stand in the formula."""
    network, x = kit.build([2, 5, 1]), kit.samples()
    remove_node(network, 1, 3)
    network(x)
    for child in (prune(network, node_th=0, edge_th=0), prune_input(network, active_inputs=[1, 0])):
        assert not any(bias.any() for bias in child.subnode_bias)


def test_data_on_which_the_model_is_nan_leave_no_bias(kit):
    network, x = kit.build([2, 2, 1]), kit.samples()
    network.symbolic_fun[0].fix_symbolic(0, 1, "log")
    set_mode(network, 0, 0, 1, "s")
    network(x)
    child = prune_node(network, active_neurons_id=[[0]])
    assert not any(bias.any() for bias in child.subnode_bias)


def test_edges_at_the_threshold_go_and_weights_above_it_stay(kit):
    network, x = kit.build([2, 3, 1]), kit.samples()
    set_mode(network, 1, 2, 0, "sn", 0.5)
    network(x)
    scores = attribute(network).edge[0]
    threshold = scores.flatten().sort().values[2].item()
    prune_edge(network, threshold=threshold)
    assert torch.equal(network.act_fun[0].mask.T, (scores > threshold).double())
    assert network.act_fun[1].mask[2, 0] in (0.0, 0.5)


def test_a_weak_symbolic_edge_goes_altogether(kit):
    network, x = kit.build([2, 1]), kit.samples()
    network.symbolic_fun[0].fix_symbolic(0, 0, "sin")
    network.symbolic_fun[0].affine.data[0, 0, 2] = 1e-6
    set_mode(network, 0, 0, 0, "s")
    network(x)
    child = prune(network)
    assert child.symbolic_fun[0].is_idle
    assert not network.symbolic_fun[0].is_idle
    assert child.symbolic_fun[0].mask.sum() == child.act_fun[0].mask[0, 0] == 0


def test_before_any_data_pruning_says_what_to_call(kit):
    network = kit.build([2, 3, 1])
    for operation in (prune, prune_node, prune_edge, prune_input):
        with pytest.raises(StateError, match=r"call `model\(x\)`"):
            operation(network)


def test_a_network_that_gives_nan_is_not_pruned_by_it(kit):
    network, x = kit.build([1, 2, 1]), kit.samples(columns=1)
    network.symbolic_fun[0].fix_symbolic(0, 1, "log")
    set_mode(network, 0, 0, 1, "s")
    network(x)
    with pytest.raises(StateError, match="node layer 1 is NaN or Inf"):
        prune(network)


def test_of_many_inputs_those_kept_are_listed(kit, capsys):
    network, x = kit.build([30, 1]), kit.samples(columns=30)
    for i in set(range(30)) - {4, 17}:
        remove_node(network, 0, i)
    network(x)
    prune_input(network)
    assert capsys.readouterr().out == "keep 2 of 30 inputs: [4, 17]\n"


def test_pruned_inputs_are_picked_from_the_original_columns(kit, capsys):
    network, x = kit.build([4, 3, 1]), kit.samples(columns=4)
    remove_node(network, 0, 1)
    network(x)
    child = prune_input(network)
    assert capsys.readouterr().out == "keep: [True, False, True, True]\n"
    assert (child.width_in[0], child.n_columns, child.input_id.tolist()) == (3, 4, [0, 2, 3])
    torch.testing.assert_close(child(x), network(x))


def test_pruning_inputs_twice_composes(kit):
    network, x = kit.build([4, 3, 1]), kit.samples(columns=4)
    twice = prune_input(prune_input(network, active_inputs=[0, 2, 3]), active_inputs=[2, 1])
    remove_node(network, 0, 0)
    remove_node(network, 0, 1)
    assert twice.input_id.tolist() == [3, 2]
    torch.testing.assert_close(twice(x), network(x))
    for child in (refine(twice, 6), prune(twice, node_th=0, edge_th=0), twice.rebuild()):
        assert (child.n_columns, child.input_id.tolist()) == (4, [3, 2])
        assert child(x).shape == (60, 1)
    restored = twice.rebuild()
    restored.load_state_dict(twice.state_dict())
    torch.testing.assert_close(restored(x), twice(x))


@pytest.mark.parametrize("inputs", [[], [3], [0, 0], 2, "01", [True, False, True]])
def test_wrong_inputs_are_named(kit, inputs):
    with pytest.raises(ArgumentError, match="`active_inputs` must"):
        prune_input(kit.build([3, 1]), active_inputs=inputs)


@pytest.mark.parametrize(
    "base_fun", [torch.nn.PReLU(), torch.nn.PReLU], ids=["one for all layers", "one for each layer"]
)
def test_what_is_left_has_trained_base_functions_of_its_own(base_fun):
    network, x = Network([2, 3, 1], base_fun=base_fun), torch.rand(20, 2)
    for number, layer in enumerate(network.act_fun):
        layer.base_fun.weight.data.fill_(number)
    y = network(x)
    smaller = prune_node(network, active_neurons_id=[[0, 1, 2]])
    assert torch.allclose(smaller(x), y)
    for parameter in smaller.parameters():
        parameter.data += 1
    assert torch.equal(network(x), y)
