"""Numerical parts for symbolic and absent edges."""

from __future__ import annotations

import pytest
import torch

from kan.common.errors import ArgumentError
from kan.surgery import expand_depth, expand_width, perturb, remove_edge, remove_node, set_mode


def values(network, x):
    with torch.no_grad():
        return network(x)


def compiled(kit):
    """Return sin(x_1) + x_2^2 with edges of the function '0', as a compiler may write them; then deeper and wider."""
    network = kit.build([2, 2, 1])
    for layer, i, j, function in (
        (0, 0, 0, "sin"),
        (0, 0, 1, "0"),
        (0, 1, 0, "0"),
        (0, 1, 1, "x^2"),
        (1, 0, 0, "x"),
        (1, 1, 0, "x"),
    ):
        network.symbolic_fun[layer].fix_symbolic(i, j, function)
        set_mode(network, layer, i, j, "s")
    expand_depth(network)
    expand_width(network, 1, 1)
    expand_width(network, 2, 1, sum_bool=False)
    return network


def numerical(network, layer):
    return (network.act_fun[layer].mask != 0).T.int().tolist()


def test_all_edges(kit):
    network = compiled(kit)
    perturb(network, mode="all", mag=0.1)
    assert all(bool((layer.mask == 0.1).all()) for layer in network.act_fun)


def test_minimal_takes_the_active_edges(kit):
    network = compiled(kit)
    perturb(network, mode="minimal", mag=0.1)
    assert numerical(network, 0) == [[0, 0], [1, 0], [0, 1]]
    assert numerical(network, 1) == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert numerical(network, 2) == [[1, 0]]


def test_non_intrusive_takes_edges_into_idle_nodes_and_the_last_layer(kit):
    network = compiled(kit)
    perturb(network)
    assert numerical(network, 0) == [[1, 1], [0, 0], [0, 0]]
    assert numerical(network, 1) == [[0, 0, 0], [1, 1, 1], [1, 1, 1]]
    assert numerical(network, 2) == [[1, 1]]


@pytest.mark.parametrize("build", ["compiled", "rich"])
@pytest.mark.parametrize("mag", [1.0, 0.1])
def test_non_intrusive_keeps_the_function(kit, build, mag):
    network = compiled(kit) if build == "compiled" else kit.build_rich()
    x = kit.samples(columns=network.n_columns)
    before = values(network, x)
    perturb(network, mag=mag)
    torch.testing.assert_close(values(network, x), before)


def test_a_factor_that_is_idle_stays_so_where_its_product_counts(kit):
    """One factor is 0 and the product with it; a numerical part in it would change the output."""
    network, x = kit.build([2, [0, 1], 1], mult_arity=2), kit.samples()
    for i in (0, 1):
        remove_edge(network, 0, i, 1)
    before = values(network, x)
    perturb(network)
    torch.testing.assert_close(values(network, x), before)


def test_outputs_may_be_products(kit):
    network, x = kit.build([2, 3, [1, 2]], mult_arity=[[], [], [2, 3]]), kit.samples()
    remove_node(network, 1, 0)
    remove_edge(network, 1, 1, 3)
    before = values(network, x)
    perturb(network)
    torch.testing.assert_close(values(network, x), before)
    assert numerical(network, 0)[0] == [1, 1]


@pytest.mark.parametrize("mode", ["all", "minimal", "non-intrusive"])
def test_numerical_parts_stay_as_they_are(kit, mode):
    network = kit.build([2, 3, 1])
    snapshot = kit.Snapshot(network)
    perturb(network, mag=0.1, mode=mode)
    now = snapshot.read()["tensors"]
    assert all(torch.equal(now[name][2], before[2]) for name, before in snapshot.state["tensors"].items())


def test_a_perturbed_edge_does_both(kit):
    network, x = kit.build([1, 1]), kit.samples(columns=1)
    spline = values(network, x)
    network.symbolic_fun[0].fix_symbolic(0, 0, "sin")
    set_mode(network, 0, 0, 0, "s")
    perturb(network, mag=0.1, mode="minimal")
    torch.testing.assert_close(values(network, x), torch.sin(x) + 0.1 * spline)


def test_all_coefficients_of_the_last_layer_can_be_learnt(kit):
    network, x = compiled(kit), kit.samples()
    perturb(network)
    network(x).square().sum().backward()
    assert bool((network.act_fun[2].coef.grad[0].abs().sum(dim=1) > 0).all())


def test_bad_arguments_change_nothing(kit):
    network = compiled(kit)
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match=r"`mode` must be one of 'all', 'non-intrusive', 'minimal'; got 'some'"):
        perturb(network, mode="some")
    with pytest.raises(ArgumentError, match="`mag` must be a finite number"):
        perturb(network, mag=float("nan"))
    snapshot.assert_unchanged()
