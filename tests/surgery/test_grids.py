"""Moving knots to the data, and taking over another network's functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kan.common.errors import ArgumentError, StateError
from kan.spline import fit_coefficients
from kan.surgery import initialize_from_another_model, initialize_grid_from_another_model, set_mode, update_grid


def hard_columns(kind, kit):
    """Return data (60, 2), or fewer rows, on which knots tend to collapse."""
    x = kit.samples()
    if kind == "constant":
        x[:, 1] = 0.3
    elif kind == "binary":
        x[:, 1] = (x[:, 1] > 0).double()
    elif kind == "duplicates":
        x = x[:4].repeat(15, 1)
    elif kind == "far constant":
        x[:, 1] = 50
    elif kind == "few":
        x = x[:3]
    elif kind == "one":
        x = x[:1]
    return x


HARD = ["constant", "binary", "duplicates", "far constant", "few", "one"]


def give_cubics(network):
    """Make every edge a cubic polynomial on [-1, 1], which any knots can hold: what changes is the data's fault."""
    generator = torch.Generator().manual_seed(0)
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    powers = torch.stack([x, x**2, x**3])
    for layer in network.act_fun:
        factors = torch.rand(layer.in_dim, layer.out_dim, 3, generator=generator, dtype=torch.float64) - 0.5
        coefficients = fit_coefficients(x.expand(layer.in_dim, -1), factors @ powers, layer.grid, degree=3)
        layer.coef.data = coefficients.to(layer.coef)
        layer.scale_base.data.mul_(0.1)
        layer.scale_sp.data.mul_(0.5)


@pytest.mark.parametrize("kind", ["constant", "binary", "duplicates", "few", "one"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_hard_data_change_the_function_by_less_than_a_hundredth(kit, kind, dtype):
    network, x = kit.build([2, 4, 1], grid=5).to(dtype), hard_columns(kind, kit).to(dtype)
    give_cubics(network)
    y = network(x).detach()
    update_grid(network, x)
    size = float(y.std()) if len(y) > 1 else float(y.abs())
    assert float((network(x) - y).detach().abs().max()) < 1e-4 * size
    assert all((layer.grid.diff(dim=1) > 0).all() for layer in network.act_fun)
    network(x).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("kind", HARD)
def test_edges_keep_their_values_where_a_column_has_few(kit, kind):
    """As few values as knots can be met exactly, however wild the function."""
    network, x = kit.build([2, 4, 1], grid=5, noise_scale=3.0), hard_columns(kind, kit)
    columns = slice(0, 2) if kind in ("few", "one", "duplicates") else slice(1, 2)
    before = network.trace(x).layers[0].postsplines()[:, :, columns]
    update_grid(network, x)
    torch.testing.assert_close(network.trace(x).layers[0].postsplines()[:, :, columns], before, rtol=0, atol=1e-5)


def test_a_later_layer_follows_what_the_updated_layers_give(kit):
    """One layer at a time with a whole pass before each, as pykan does it, is the oracle."""
    network, x = kit.build([2, [2, 1], 2], grid=4, affine_trainable=True), 3 * kit.samples()
    network.node_bias_0.data += 0.5
    slow = network.rebuild()
    slow.load_state_dict(network.state_dict())
    for layer in range(slow.depth):
        slow.act_fun[layer].update_grid_from_samples(slow.trace(x).nodes[layer])
    update_grid(network, x)
    for mine, oracle in zip(network.act_fun, slow.act_fun):
        torch.testing.assert_close(mine.grid, oracle.grid)
        torch.testing.assert_close(mine.coef, oracle.coef)


def test_a_network_with_fewer_inputs_than_columns_uses_its_own(kit):
    from kan.surgery import prune_input

    network, x = kit.build([3, 2, 1]), kit.samples(columns=3)
    child = prune_input(network, active_inputs=[2])
    update_grid(child, x * torch.tensor([9.0, 9.0, 1.0]))
    assert child.act_fun[0].grid[0, 3] == x[:, 2].min()
    assert child.act_fun[0].grid[0, -4] == x[:, 2].max()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_data_that_are_not_finite_are_refused_before_anything_changes(kit, value):
    network, x = kit.build([2, 3, 1]), kit.samples()
    x[7, 1] = value
    snapshot = kit.Snapshot(network)
    with pytest.raises(ArgumentError, match=r"1 of 120 entries are NaN or Inf, the first at index \(7, 1\)"):
        update_grid(network, x)
    with pytest.raises(ArgumentError, match="at least one sample"):
        update_grid(network, x[:0])
    with pytest.raises(ArgumentError, match="shape"):
        update_grid(network, x[:, :1])
    snapshot.assert_unchanged()


def test_samples_on_which_a_symbolic_edge_fails_do_not_spoil_later_knots(kit):
    network, x = kit.build([1, 1, 1], grid_eps=1.0), torch.arange(-4.0, 5.0, dtype=torch.float64)[:, None]
    network.symbolic_fun[0].fix_symbolic(0, 0, "sqrt")
    set_mode(network, 0, 0, 0, "s")
    update_grid(network, x)
    assert network.act_fun[1].grid[0, [3, -4]].tolist() == [0, 2]
    update_grid(network, x - 9)
    assert network.act_fun[1].grid[0, [3, -4]].tolist() == [0, 2]
    update_grid(network, x, singularity_avoiding=True)
    assert torch.isfinite(network.act_fun[1].coef).all()


def test_updating_is_no_step_of_training_and_leaves_the_data(kit):
    network, x = kit.build([2, 3, 1]), kit.samples()
    network(x[:5])
    update_grid(network, x)
    assert len(network.cache_data) == 5
    assert all(parameter.grad is None and parameter.grad_fn is None for parameter in network.parameters())


def test_lists_and_numpy_arrays_of_any_precision_are_taken(kit):
    network, x = kit.build([2, 3, 1]).float(), kit.samples()
    update_grid(network, np.asarray(x))
    assert network.act_fun[0].grid.dtype == torch.float32


@pytest.mark.parametrize("mult_arity", [2, [[], [3], []]])
def test_a_network_takes_over_the_function_of_a_coarser_one(kit, mult_arity):
    options = {"mult_arity": mult_arity, "affine_trainable": True}
    coarse, x = kit.build([2, [2, 1], 1], grid=3, **options), kit.samples(200)
    fine = kit.build([2, [2, 1], 1], grid=9, k=4, seed=8, **options).float()
    coarse.subnode_bias_0.data += 0.25
    coarse.symbolic_fun[0].fix_symbolic(1, 1, "sin")
    set_mode(coarse, 0, 1, 1, "ns", 0.5)
    update_grid(coarse, x)
    snapshot = kit.Snapshot(coarse)
    initialize_from_another_model(fine, coarse, x)
    snapshot.assert_unchanged()
    kit.assert_nothing_shared(fine, coarse)
    assert fine.dtype == torch.float32
    # A cubic spline is not a quartic one: it is met up to its jumps in the third derivative.
    torch.testing.assert_close(fine(x).double(), coarse(x), rtol=0, atol=2e-2)


def test_only_the_splines_are_taken_over_with_the_grids(kit):
    coarse, fine, x = kit.build([2, 3, 1], grid=3), kit.build([2, 3, 1], grid=6, seed=9), kit.samples(200)
    update_grid(coarse, x)
    scales = [layer.scale_base.clone() for layer in fine.act_fun]
    initialize_grid_from_another_model(fine, coarse, x)
    for layer, scale, step in zip(fine.act_fun, scales, coarse.trace(x).layers):
        torch.testing.assert_close(layer.edge_splines(step.inputs), step.numeric.edge_splines(step.inputs))
        assert torch.equal(layer.scale_base, scale)


def test_networks_that_differ_are_refused(kit):
    x = kit.samples()
    network = kit.build([2, 3, 1])
    snapshot = kit.Snapshot(network)
    for take_over in (initialize_from_another_model, initialize_grid_from_another_model):
        with pytest.raises(ArgumentError, match="same shape"):
            take_over(network, kit.build([2, [1, 1], 1]), x)
        with pytest.raises(ArgumentError, match="NaN or Inf"):
            take_over(network, kit.build([2, 3, 1]), x / 0)
    with pytest.raises(ArgumentError, match="base function"):
        initialize_from_another_model(network, kit.build([2, 3, 1], base_fun="identity"), x)
    failing = kit.build([2, 3, 1])
    failing.symbolic_fun[0].fix_symbolic(0, 0, "sqrt")
    set_mode(failing, 0, 0, 0, "s")
    with pytest.raises(StateError, match="inputs of edge layer 1 are NaN or Inf at every sample"):
        initialize_from_another_model(network, failing, -x.abs() - 1)
    snapshot.assert_unchanged()
