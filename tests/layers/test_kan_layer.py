"""The numerical layer: pykan's interface and numbers, grids that move, and bad arguments."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from kan.common.errors import ArgumentError, StateError
from kan.common.random import stream
from kan.layers import KANLayer, sparse_mask


def make_layer(in_dim: int = 3, out_dim: int = 2, seed: int = 0, **options: Any) -> KANLayer:
    return KANLayer(in_dim, out_dim, generator=stream(seed), **options).double()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def curves(layer: KANLayer, points: Tensor) -> Tensor:
    """Return the bare spline of every edge at some points: (N,) -> (I, O, N)."""
    return layer.edge_splines(points.expand(layer.in_dim, -1)).detach()


# The start


def test_a_seed_draws_pykans_numbers() -> None:
    # From pykan 0.2.8: torch.manual_seed(0); KANLayer(3, 2, num=4, k=2, noise_scale=0.5, scale_base_mu=0.3,
    # scale_base_sigma=0.7, scale_sp=2.0).
    options: dict[str, Any] = {"scale_base_mu": 0.3, "scale_base_sigma": 0.7, "scale_sp": 2.0}
    layer = KANLayer(3, 2, num=4, k=2, noise_scale=0.5, **options, generator=stream(0))
    base = [[0.0156693, 0.5223868], [-0.0887536, -0.0128362], [-0.1091471, -0.2053016]]
    assert torch.allclose(layer.scale_base, torch.tensor(base), atol=1e-6)
    assert torch.allclose(layer.scale_sp, torch.full((3, 2), 1.1547005))
    first = [-0.1503221, 0.0583297, -0.0252532, 0.0298836, 0.0739149, -0.1898737]
    second = [0.0052323, -0.0533766, 0.0155999, 0.0338170, -0.0595420, -0.0191502]
    assert torch.allclose(layer.coef[1, 1], torch.tensor(first), atol=1e-6)
    assert torch.allclose(layer.coef[2, 0], torch.tensor(second), atol=1e-6)


@pytest.mark.usefixtures("global_generators_untouched")
def test_the_global_generators_are_left_alone() -> None:
    KANLayer(3, 2, sparse_init=True)


def test_shapes_names_and_what_is_trained() -> None:
    layer = KANLayer(3, 2, num=4, k=2)
    shapes = {name: (tuple(p.shape), p.requires_grad) for name, p in layer.named_parameters()}
    assert shapes == {
        "grid": ((3, 9), False),
        "coef": ((3, 2, 6), True),
        "mask": ((3, 2), False),
        "scale_base": ((3, 2), True),
        "scale_sp": ((3, 2), True),
    }


def test_scales_need_not_be_trained() -> None:
    layer = KANLayer(3, 2, sp_trainable=False, sb_trainable=False)
    assert [name for name, p in layer.named_parameters() if p.requires_grad] == ["coef"]


def test_the_grid_covers_its_range_with_k_knots_beyond() -> None:
    layer = KANLayer(1, 1, num=2, k=1, grid_range=(0, 4))
    assert layer.grid.tolist() == [[-2, 0, 2, 4, 6]]


def test_a_sparse_start_has_few_edges() -> None:
    layer = KANLayer(4, 2, sparse_init=True)
    assert torch.equal(layer.mask, sparse_mask(4, 2))
    assert torch.equal(layer.scale_sp != 0, layer.mask != 0)


@pytest.mark.parametrize("numbers", [{"num": np.int64(4), "k": np.int32(2)}, {"num": 4.0, "k": 2.0}])
def test_whole_numbers_of_any_type_are_taken(numbers: dict[str, Any]) -> None:
    layer = KANLayer(np.int64(3), 2, **numbers)
    assert [type(n) for n in (layer.in_dim, layer.num, layer.k)] == [int] * 3
    assert layer.coef.shape == (3, 2, 6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num": 0}, "`num` must be a whole number of at least 1; got 0"),
        ({"num": -2}, "`num`"),
        ({"num": 2.5}, "`num`"),
        ({"k": -1}, "`k` must be a whole number of at least 0; got -1"),
        ({"k": True}, "`k`"),
        ({"in_dim": -1}, "`in_dim`"),
        ({"base_fun": "relu"}, "`base_fun` must be one of 'silu'"),
        ({"grid_range": (1, 1)}, "`grid_range` must be an increasing pair"),
        ({"grid_eps": 1.5}, "`grid_eps` must be a number between 0 and 1; got 1.5"),
        ({"grid_eps": float("nan")}, "`grid_eps`"),
    ],
)
def test_arguments_that_make_no_layer_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        KANLayer(**options)


# Values


@pytest.mark.parametrize("base_fun", ["silu", "identity", "zero", torch.sin])
@pytest.mark.parametrize(("num", "k"), [(1, 1), (5, 3), (30, 2)])
def test_the_four_tensors_are_what_the_formula_says(base_fun: Any, num: int, k: int) -> None:
    layer = make_layer(num=num, k=k, base_fun=base_fun)
    layer.mask.data[1, 0] = 0.5
    x = random(20, 3)
    y, preacts, postacts, postspline = (tensor.detach() for tensor in layer(x))
    names: dict[Any, Any] = {"silu": nn.functional.silu, "identity": lambda x: x, "zero": torch.zeros_like}
    base = names.get(base_fun, base_fun)(x)
    for j in range(2):
        for i in range(3):
            spline = BSpline(layer.grid[i].numpy(), layer.coef[i, j].detach().numpy(), k)(x[:, i].numpy())
            edge = layer.mask[i, j] * (
                layer.scale_base[i, j] * base[:, i] + layer.scale_sp[i, j] * torch.tensor(spline)
            )
            assert torch.equal(preacts[:, j, i], x[:, i])
            assert np.allclose(postspline[:, j, i], spline, atol=1e-12)
            assert torch.allclose(postacts[:, j, i], edge.detach(), atol=1e-12)
    assert torch.allclose(y, postacts.sum(dim=2))


@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 0, 3), (4, 5, 3), (2, 1, 3, 3)])
def test_the_sum_alone_takes_any_leading_dimensions(shape: tuple[int, ...]) -> None:
    layer = make_layer()
    x = random(*shape)
    sums = layer.forward_sum(x)
    assert sums.shape == (*shape[:-1], 2)
    assert torch.allclose(sums.reshape(-1, 2), layer(x.reshape(-1, 3))[0])


def test_no_inputs_sum_to_zero() -> None:
    assert torch.equal(KANLayer(0, 2).forward_sum(torch.zeros(4, 0)), torch.zeros(4, 2))


@pytest.mark.parametrize("x", [torch.zeros(5, 2), torch.zeros(5, 4), torch.zeros(5), torch.tensor(1.0)])
def test_x_with_other_columns_is_refused(x: Tensor) -> None:
    layer = KANLayer(3, 2)
    for call in (layer, layer.forward_sum, layer.update_grid_from_samples):
        with pytest.raises(ArgumentError, match="`x` must have"):
            call(x)


def test_forward_and_grids_take_two_dimensions_only() -> None:
    layer = KANLayer(3, 2)
    for call in (layer, layer.update_grid_from_samples, lambda x: layer.refine(x, 10)):
        for shape in ((2, 5, 3), (5, 2)):
            with pytest.raises(ArgumentError, match=re.escape(f"must have shape (N, 3); got {shape}")):
                call(torch.zeros(shape))


def test_x_outside_the_grid_gives_the_base_function_alone() -> None:
    layer = make_layer()
    x = torch.full((1, 3), 50.0).double()
    assert torch.allclose(layer.forward_sum(x), nn.functional.silu(x) @ layer.scale_base)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("num", [5, 60])
def test_half_precision_rounds_the_result_and_nothing_else(dtype: torch.dtype, num: int) -> None:
    low = make_layer(num=num, noise_scale=5.0).to(dtype)
    exact = copy.deepcopy(low).double()
    x = random(50, 3).to(dtype)
    y, expected = low.forward_sum(x), exact.forward_sum(x.double())
    assert y.dtype == dtype
    assert torch.allclose(y.double(), expected, rtol=torch.finfo(dtype).eps, atol=1e-6)


def test_edges_by_themselves_keep_their_precision_under_autocast() -> None:
    layer, x = make_layer().float(), random(50, 3).float()
    layer.base_fun = nn.Sequential(nn.Unflatten(-1, (-1, 1)), nn.Linear(1, 1), nn.Flatten(-2))
    expected = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("own", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("samples", "num"), [(5, 5), (3000, 5), (1500, 60)])
def test_inputs_of_another_format_are_computed_in_the_finer_one(
    dtype: torch.dtype, own: torch.dtype, samples: int, num: int
) -> None:
    layer = make_layer(64, 2, num=num).to(own)
    x = random(samples, 64).to(dtype).requires_grad_()
    y = layer.forward_sum(x)
    expected = copy.deepcopy(layer).double().forward_sum(x.double())
    y.sum().backward()
    assert y.dtype == dtype
    torch.testing.assert_close(y, expected.to(dtype), atol=1e-5, rtol=torch.finfo(dtype).eps)
    assert layer.coef.grad is not None
    assert layer.coef.grad.dtype == own


# Grids


def skewed(samples: int = 300) -> Tensor:
    return random(samples, 3).abs() ** 2 * torch.tensor([1.0, 2.0, 5.0]).double() - 0.5


@pytest.mark.parametrize("mode", ["sample", "grid"])
def test_an_update_follows_the_samples_and_keeps_the_functions(mode: str) -> None:
    layer = make_layer(num=10, noise_scale=2.0)
    layer.coef.data = torch.linspace(-1, 1, 13).double().sin().expand(3, 2, 13).clone()
    x = skewed()[:, :1].expand(-1, 3)
    before = curves(layer, x[:, 0])
    layer.update_grid_from_samples(x, mode)
    interior = layer.grid[:, 3:-3]
    assert torch.allclose(interior[:, 0], x.amin(dim=0))
    assert torch.allclose(interior[:, -1], x.amax(dim=0))
    assert bool((layer.grid.diff(dim=1) > 0).all())
    change = curves(layer, x[:, 0]) - before
    assert float(change.std()) < 0.01 * float(before.std())


def test_on_the_new_grid_an_update_does_not_go_by_where_samples_are() -> None:
    even = torch.linspace(-0.5, 0.8, 60).double()[:, None]
    crowded = -0.5 + 1.3 * torch.linspace(0, 1, 60).double()[:, None] ** 4

    def updated(x: Tensor, mode: str) -> Tensor:
        layer = make_layer(1, 1, num=4, grid_eps=1.0, noise_scale=5.0)
        layer.update_grid_from_samples(x, mode)
        return layer.coef.detach()

    assert torch.allclose(updated(even, "grid"), updated(crowded, "grid"), atol=1e-9)
    assert not torch.allclose(updated(even, "sample"), updated(crowded, "sample"), atol=1e-2)


def test_grid_eps_says_how_uniform_the_knots_are() -> None:
    uniform, quantiles = (make_layer(grid_eps=eps) for eps in (1.0, 0.0))
    for layer in (uniform, quantiles):
        layer.update_grid_from_samples(skewed())
    assert torch.allclose(uniform.grid.diff(dim=1), uniform.grid.diff(dim=1)[:, :1])
    assert float(quantiles.grid[:, 3:-3].diff(dim=1).std()) > 0.1


@pytest.mark.parametrize("column", [torch.zeros(40), torch.ones(40) * 7, (torch.arange(40) % 2), torch.zeros(40) - 1e6])
def test_degenerate_columns_keep_functions_and_gradients(column: Tensor) -> None:
    layer = make_layer()
    x = random(40, 3)
    x[:, 1] = column
    before = layer(x)[2].detach()
    layer.update_grid_from_samples(x)
    after = layer(x)[2]
    after.square().sum().backward()
    assert bool((layer.grid.diff(dim=1) > 0).all())
    assert float((after - before).detach().std()) < 0.01 * float(before.std())
    for parameter in layer.parameters():
        assert parameter.grad is None or bool(torch.isfinite(parameter.grad).all())


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_few_samples_keep_the_functions_at_them(samples: int) -> None:
    layer = make_layer()
    x = random(samples, 3)
    before = layer(x)[0].detach()
    layer.update_grid_from_samples(x)
    assert torch.allclose(layer(x)[0], before, atol=1e-4)


def test_single_precision_far_from_zero_stays_finite() -> None:
    layer = KANLayer(1, 1)
    x = 1e6 + torch.rand(100, 1, generator=torch.Generator().manual_seed(0))
    layer.update_grid_from_samples(x)
    layer(x)[0].sum().backward()
    assert bool(torch.isfinite(layer.coef).all() & torch.isfinite(layer.coef.grad).all())  # type: ignore[arg-type]
    assert float(layer.grid[0, 3]) <= float(x.min())
    assert float(layer.grid[0, -4]) >= float(x.max())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_samples_that_are_not_finite_move_no_grid(value: float) -> None:
    layer, x = make_layer(), random(20, 3)
    x[4, 1] = value
    before = copy.deepcopy(layer.state_dict())
    moves = (layer.update_grid_from_samples, lambda x: layer.initialize_grid_from_parent(make_layer(num=3), x))
    for move in (*moves, lambda x: layer.refine(x, 10)):
        with pytest.raises(ArgumentError, match=r"1 of 60 entries are NaN or Inf, the first at index \(4, 1\)"):
            move(x)
    assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())


@pytest.mark.parametrize("samples", [50, 50_000])
@pytest.mark.parametrize("move", [KANLayer.update_grid_from_samples, lambda layer, x: layer.refine(x, 10)])
def test_a_backward_pass_across_a_move_of_the_grid_is_refused(samples: int, move: Any) -> None:
    layer, x = make_layer(), random(samples, 3)
    loss = layer.forward_sum(x).square().mean()
    move(layer, x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_an_update_without_samples_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at least one sample"):
        KANLayer(3, 2).update_grid_from_samples(torch.zeros(0, 3))


@pytest.mark.parametrize("mode", ["sample", "grid"])
@pytest.mark.parametrize("num", [5, 8, 20])
def test_a_finer_layer_takes_over_the_functions_of_its_parent(mode: str, num: int) -> None:
    parent, child = make_layer(num=5), make_layer(num=num, seed=1)
    x = random(100, 3)
    parent.update_grid_from_samples(x)
    child.initialize_grid_from_parent(parent, x, mode)
    assert child.grid.shape == (3, num + 7)
    points = torch.linspace(float(x.amin(dim=0).max()), float(x.amax(dim=0).min()), 200).double()
    assert torch.allclose(curves(child, points), curves(parent, points), atol=1e-9)


def test_a_parent_is_not_changed() -> None:
    parent = make_layer()
    state = {name: tensor.clone() for name, tensor in parent.state_dict().items()}
    child = make_layer(num=10)
    child.initialize_grid_from_parent(parent, random(50, 3))
    child.coef.data.zero_()
    assert all(torch.equal(parent.state_dict()[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("method", ["update_grid_from_samples", "initialize_grid_from_parent"])
def test_an_unknown_mode_is_refused(method: str) -> None:
    layer = make_layer()
    arguments = (random(5, 3), "both") if method.startswith("update") else (make_layer(), random(5, 3), "both")
    with pytest.raises(ArgumentError, match="`mode` must be one of 'sample', 'grid'; got 'both'"):
        getattr(layer, method)(*arguments)


def test_a_refinement_that_is_refused_leaves_gradients() -> None:
    layer, x = make_layer(), random(10, 3)
    layer.forward_sum(x).sum().backward()
    with pytest.raises(ArgumentError, match="`intervals`"):
        layer.refine(x, 0)
    assert layer.coef.grad is not None
    layer.refine(x, 10)
    assert layer.coef.grad is None


# Parts


def test_a_subset_computes_the_chosen_edges() -> None:
    layer = make_layer(4, 3, grid_eps=0.3, base_fun="identity", sp_trainable=False)
    layer.mask.data = random(4, 3)
    layer.update_grid_from_samples(random(50, 4))
    subset = layer.get_subset([3, 1], [2, 0])
    x = random(10, 4)
    assert torch.allclose(subset(x[:, [3, 1]])[2], layer(x)[2][:, [2, 0]][:, :, [3, 1]])
    assert (subset.grid_eps, subset.scale_sp.requires_grad, subset.coef.dtype) == (0.3, False, torch.float64)


def test_a_subset_shares_nothing() -> None:
    layer = make_layer()
    before = layer.coef.detach().clone()
    layer.get_subset(np.array([0, 1, 2]), torch.tensor([0, 1])).coef.data.zero_()
    assert torch.equal(layer.coef, before)
    layer.base_fun = torch.nn.PReLU()
    assert layer.get_subset([0], [0]).base_fun.weight is not layer.base_fun.weight


def test_what_is_frozen_is_frozen_in_a_subset() -> None:
    layer = make_layer()
    layer.coef.requires_grad_(False)
    layer.scale_base.requires_grad_(False)
    flags = {name: parameter.requires_grad for name, parameter in layer.named_parameters()}
    subset = layer.get_subset([0], [0])
    assert {name: parameter.requires_grad for name, parameter in subset.named_parameters()} == flags


def test_swapped_inputs_change_places() -> None:
    layer = make_layer()
    layer.update_grid_from_samples(skewed())
    layer.mask.data = random(3, 2)
    x = random(10, 3)
    before = layer(x)[2].detach()
    layer.swap(0, 2, mode="in")
    assert torch.allclose(layer(x[:, [2, 1, 0]])[2], before[:, :, [2, 1, 0]])


def test_swapped_outputs_change_places() -> None:
    layer = make_layer(3, 4)
    x = random(10, 3)
    before = layer(x)[2].detach()
    layer.swap(1, 3, mode="out")
    assert torch.allclose(layer(x)[2], before[:, [0, 3, 2, 1]])


def test_an_unknown_swap_is_refused() -> None:
    with pytest.raises(ArgumentError, match="'in', 'out'"):
        make_layer().swap(0, 1, mode="inputs")


def test_a_printed_layer_shows_its_shape() -> None:
    assert "in_dim=3, out_dim=2, num=5, k=3" in repr(KANLayer())


def test_reordered_inputs_and_outputs_take_all_they_have_along() -> None:
    layer, x = make_layer(3, 4), random(10, 3)
    layer.update_grid_from_samples(skewed())
    layer.mask.data = random(3, 4)
    before = layer(x)[2].detach()
    layer.reorder([2, 0, 1])
    layer.reorder([3, 1, 0, 2], mode="out")
    assert torch.allclose(layer(x[:, [2, 0, 1]])[2], before[:, [3, 1, 0, 2]][:, :, [2, 0, 1]])


def test_edges_are_placed_into_a_larger_layer() -> None:
    large, small = make_layer(5, 4), make_layer(3, 2, seed=1)
    small.update_grid_from_samples(skewed())
    small.mask.data = random(3, 2)
    x = random(10, 5)
    before = large(x)[2].detach()
    large.place(small, 2, 1)
    before[:, 1:3, 2:5] = small(x[:, 2:5])[2].detach()
    # The inputs' knots moved, and with them the other edges of these inputs.
    changed = torch.zeros(4, 5, dtype=torch.bool)
    changed[[[0], [3]], [2, 3, 4]] = True
    assert torch.allclose(large(x)[2][:, ~changed], before[:, ~changed])


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.update_grid_from_samples(3 * random(50, 3)),
        lambda layer: layer.refine(random(50, 3), 10),
        lambda layer: layer.initialize_grid_from_parent(make_layer(seed=1), random(50, 3)),
        lambda layer: layer.swap(0, 1),
        lambda layer: layer.place(make_layer(seed=1), 0, 0),
    ],
)
@pytest.mark.parametrize(
    "compute",
    [
        lambda layer: parametrizations.weight_norm(layer, "coef"),
        lambda layer: prune.l1_unstructured(layer, "coef", amount=0.2),
    ],
)
def test_coefficients_that_are_computed_from_others_are_not_set_in_vain(compute: Any, change: Any) -> None:
    layer, x = make_layer(), random(10, 3)
    compute(layer)
    before = layer(x)[0].detach()
    with pytest.raises(StateError, match=r"`coef` of a layer cannot be set.*prune.remove.*update_grid=False"):
        change(layer)
    assert torch.equal(layer(x)[0], before)
