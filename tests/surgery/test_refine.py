"""The same function with more grid intervals."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kan.common.errors import ArgumentError, StateError
from kan.network import Network
from kan.surgery import prune, refine, refine_in_place, remove_edge, set_mode, update_grid


def relative_change(new, old):
    return float(((new - old).std() / old.std()).detach())


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_a_multiple_of_the_intervals_keeps_the_function_to_rounding(grid, factor, k, adaptive):
    network = Network([2, 3, 1], grid=grid, k=k, noise_scale=1.0, seed=2).double()
    x = torch.rand(80, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 2 - 1
    if adaptive:
        update_grid(network, x)
    else:
        for layer in network.act_fun:
            layer.scale_base.data.mul_(0.1)
            layer.scale_sp.data.mul_(0.1)
    y = network(x)
    assert all(bool((layer.inputs.abs() <= 1).all()) for layer in network.trace(x).layers) or adaptive
    child = refine(network, grid * factor)
    assert child.grid == grid * factor
    assert relative_change(child(x), y) < 1e-9


def test_steps_stay_where_they_are(kit):
    """Splines of degree 0; a jump must not move past a sample."""
    network, x = kit.build([2, 1], grid=3, k=0), kit.samples()
    y = network(x)
    torch.testing.assert_close(refine(network, 6)(x), y)


@pytest.mark.parametrize(("old", "new"), [(3, 10), (5, 8), (10, 11)])
def test_other_numbers_keep_it_too(kit, old, new):
    network, x = kit.build([2, 5, 1], grid=old, noise_scale=1.0), kit.samples(500)
    update_grid(network, x)
    y = network(x)
    assert relative_change(refine(network, new)(x), y) < 1e-9


@pytest.mark.parametrize("reach", [1.001, 1.1, 1.5, 3.0])
def test_activations_outside_the_grid_do_not_raise_the_loss(kit, reach):
    """The knots of the last update lie in [-1, 1]; training has moved the activations out."""
    network, x = kit.build([2, 5, 1], grid=5, noise_scale=1.0), kit.samples(500) * reach
    y = network(x)
    child = refine(network, 15)
    assert relative_change(child(x), y) < 1e-3
    for layer, step in zip(child.act_fun, network.trace(x).layers):
        assert (layer.grid[:, 3] <= step.inputs.amin(dim=1) + 1e-6).all()
        assert (layer.grid[:, -4] >= step.inputs.amax(dim=1) - 1e-6).all()


def test_layers_may_get_different_grids(kit):
    network, x = kit.build([2, [1, 1], 1], grid=[2, 3], k=[3, 2]), kit.samples()
    update_grid(network, x)
    y = network(x)
    child = refine(network, [4, 9])
    assert [layer.num for layer in child.act_fun] == [4, 9]
    assert child.grid == [4, 9]
    torch.testing.assert_close(child(x), y)


@pytest.mark.parametrize("grid", [np.int64(6), torch.tensor(6), (6, 6), [np.int32(6), 6], np.array([6, 6])])
def test_whole_numbers_of_any_type_are_taken_as_ints(kit, grid):
    """A checkpoint could not hold numpy's."""
    network, x = kit.build([2, 2, 1]), kit.samples()
    network(x)
    stored = refine(network, grid).grid
    assert stored in (6, [6, 6])
    assert all(type(entry) is int for entry in (stored if isinstance(stored, list) else [stored]))


@pytest.mark.parametrize("grid", [0, -3, 2.5, None, "10", True, [5], [5, 0], [5, 5, 5]])
def test_a_grid_that_is_none_is_named(kit, grid):
    network = kit.build([2, 2, 1])
    network(kit.samples())
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match="`new_grid` must be a whole number of at least 1, or a list of 2"):
        refine(network, grid)
    snapshot.assert_unchanged()


def test_before_any_data_refining_says_what_to_call(kit):
    with pytest.raises(StateError, match=r"call `model\(x\)`"):
        refine(kit.build([2, 2, 1]), 5)


def test_symbolic_edges_masks_and_removed_edges_stay(kit):
    network, x = kit.build([2, 2, 1]), kit.samples()
    network.symbolic_fun[0].fix_symbolic(0, 0, "sin")
    set_mode(network, 0, 0, 0, "sn", 0.25)
    network.symbolic_fun[1].fix_symbolic(1, 0, torch.tanh)
    set_mode(network, 1, 1, 0, "s")
    remove_edge(network, 0, 1, 1)
    update_grid(network, x)
    y = network(x)
    torch.testing.assert_close(refine(network, 6)(x), y)


def test_a_dead_node_survives_pruning_and_refining_finitely(kit):
    """Its activation is constant: knots that follow it must not collapse."""
    network, x = kit.build([2, 3, 1]), kit.samples()
    remove_edge(network, 0, 0, 0)
    remove_edge(network, 0, 1, 0)
    update_grid(network, x)
    network(x)
    child = refine(prune(network, node_th=-1, edge_th=-1), 9)
    update_grid(child, x)
    child(x).square().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in child.parameters() if parameter.grad is not None)
    torch.testing.assert_close(child(x), network(x), rtol=1e-6, atol=1e-6)


def test_one_sample_is_enough(kit):
    network, x = kit.build([2, 2, 1]), kit.samples(1)
    y = network(x)
    torch.testing.assert_close(refine(network, 30)(x), y, rtol=1e-6, atol=1e-6)


def test_in_place_it_does_what_it_does_to_a_copy_or_without_data_keeps_the_ranges(kit):
    network, x = kit.build([2, 5, 1], grid=5), kit.samples(500) * 3
    network(x)
    with_data, without = copy.deepcopy(network), copy.deepcopy(network)
    refine_in_place(with_data, [15, 15], x)
    expected = refine(network, [15, 15])
    assert with_data.grid == expected.grid
    assert all(torch.equal(*pair) for pair in zip(with_data.parameters(), expected.parameters()))
    refine_in_place(without, 15)
    for layer, before in zip(without.act_fun, network.act_fun):
        torch.testing.assert_close(layer.grid[:, [3, -4]], before.grid[:, [3, -4]])
