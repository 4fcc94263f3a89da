"""The layer that takes the place of `nn.Linear`."""

from __future__ import annotations

import inspect
import io
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kan.common.errors import ArgumentError
from kan.common.random import stream
from kan.layers import KANLayer, KANLinear


def test_the_constructor_has_efficient_kans_arguments() -> None:
    names = list(inspect.signature(KANLinear).parameters)[:12]
    assert names == [
        "in_features",
        "out_features",
        "grid_size",
        "spline_order",
        "scale_noise",
        "scale_base",
        "scale_spline",
        "enable_standalone_scale_spline",
        "base_activation",
        "grid_eps",
        "grid_range",
        "generator",
    ]


def test_it_computes_the_sum_of_a_kan_layer() -> None:
    linear = KANLinear(3, 2, grid_size=4, spline_order=2, scale_noise=0.3, generator=stream(0))
    layer = KANLayer(3, 2, num=4, k=2, noise_scale=0.3, generator=stream(0))
    x = torch.rand(4, 5, 3, generator=stream(1))
    assert torch.equal(linear(x), layer.forward_sum(x))


@pytest.mark.parametrize("shape", [(5, 3), (4, 5, 3), (2000, 3)])
def test_its_output_is_in_the_usual_order_of_memory(shape: tuple[int, ...]) -> None:
    """As after `nn.Linear`, so that `view` works."""
    x = torch.rand(*shape, generator=stream(0))
    y = KANLinear(3, 2)(x)
    assert y.is_contiguous()
    assert torch.equal(y.view(-1), y.reshape(-1))
    assert KANLayer(3, 2)(x.flatten(0, -2))[0].is_contiguous()


def test_the_base_function_is_made_from_its_class() -> None:
    linear = KANLinear(1, 1, scale_spline=0.0, base_activation=nn.Tanh, generator=stream(0))
    x = torch.linspace(-1, 1, 7)[:, None]
    assert torch.allclose(linear(x), linear.scale_base * torch.tanh(x))


def test_the_grid_starts_on_its_range() -> None:
    linear = KANLinear(2, 1, grid_size=5, spline_order=3, grid_range=(-3, 2))
    assert torch.allclose(linear.grid[:, 3:-3], torch.linspace(-3, 2, 6).expand(2, 6))


def test_grid_eps_says_how_uniform_the_knots_become() -> None:
    x = torch.linspace(0, 1, 50)[:, None] ** 3
    uniform, quantiles = KANLinear(1, 1, grid_eps=1.0), KANLinear(1, 1, grid_eps=0.0)
    for linear in (uniform, quantiles):
        linear.update_grid_from_samples(x)
    assert torch.allclose(uniform.grid[0, 3:-3], torch.linspace(0, 1, 6), atol=1e-6)
    assert float(quantiles.grid[0, 4]) < 0.1


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (np.zeros((5, 3)), "got a ndarray"),
        ([[1.0, 2.0, 3.0]], "got [[1.0, 2.0, 3.0]]"),
        (torch.ones(5, 3, dtype=torch.long), "got one of torch.int64"),
        (torch.ones(5, 3, dtype=torch.complex64), "got one of torch.complex64"),
    ],
)
def test_what_is_no_tensor_of_floating_point_numbers_is_refused_with_the_remedy(x: Any, found: str) -> None:
    for layer in (KANLinear(3, 2), KANLayer(3, 2)):
        with pytest.raises(ArgumentError, match=re.escape(found) + r".*torch\.as_tensor\(numpy\.asarray\(x\)"):
            layer(x)


def test_the_spline_scale_is_trained_on_request_only() -> None:
    assert KANLinear(2, 2).scale_sp.requires_grad
    assert not KANLinear(2, 2, enable_standalone_scale_spline=False).scale_sp.requires_grad


def test_a_subset_of_it_is_of_the_same_kind() -> None:
    linear = KANLinear(4, 3, enable_standalone_scale_spline=False, base_activation=nn.Tanh, generator=stream(0))
    for name in ("scale_base", "scale_sp", "coef"):
        getattr(linear, name).data[[0, 2]] = 0.0
    x, state = torch.rand(5, 6, 4, generator=stream(1)), torch.get_rng_state()
    subset = linear.double().get_subset([3, 1], [2, 0])
    assert isinstance(subset, KANLinear)
    assert (subset.in_features, subset.out_features) == (2, 2)
    torch.testing.assert_close(subset(x.double()[..., [3, 1]]), linear(x.double())[..., [2, 0]])
    assert not subset.scale_sp.requires_grad
    assert torch.equal(torch.get_rng_state(), state)


def test_it_draws_from_torchs_generator_like_any_layer() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = KANLinear(2, 2), KANLinear(2, 2)
        torch.manual_seed(0)
        again = KANLinear(2, 2)
    assert torch.equal(first.coef, again.coef)
    assert not torch.equal(first.coef, second.coef)


def test_it_learns_inside_other_networks() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 4), KANLinear(4, 1))
    x = torch.rand(100, 2, generator=stream(1)) * 2 - 1
    y = (x[:, :1] * x[:, 1:]).sin()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("shape", [(4, 7), (9,)])
def test_a_layer_is_exported_for_any_leading_dimensions(shape: tuple[int, ...]) -> None:
    layer, x = KANLinear(2, 3, generator=stream(0)), torch.rand(*shape, 2, generator=stream(1))
    sizes = {index: torch.export.Dim(f"size{index}") for index in range(len(shape))}
    exported = torch.export.export(layer, (x,), dynamic_shapes=(sizes,)).module()
    other = torch.rand(*(size + 2 for size in shape), 2, generator=stream(2))
    torch.testing.assert_close(exported(other), layer(other))


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 3), (3,)])
def test_leading_dimensions_may_be_empty_or_missing(shape: tuple[int, ...]) -> None:
    assert KANLinear(3, 2, generator=stream(0))(torch.rand(shape)).shape == (*shape[:-1], 2)
    assert KANLinear(0, 2, generator=stream(0))(torch.rand(*shape[:-1], 0)).shape == (*shape[:-1], 2)


def test_grids_follow_samples_of_any_leading_dimensions() -> None:
    layers = [KANLinear(3, 2, grid_size=4, generator=stream(0)) for _ in range(2)]
    x = 5 * torch.rand(4, 6, 3, generator=stream(1))
    for layer, samples in zip(layers, (x, x.reshape(-1, 3))):
        layer.update_grid_from_samples(samples, margin=0.1)
        layer.refine(samples, 8)
    for ours, theirs in zip(layers[0].parameters(), layers[1].parameters()):
        assert torch.equal(ours, theirs)
    assert (layers[0].grid[:, -4] > x.amax(dim=(0, 1))).all()  # the margin


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_grids_refuse_samples_that_are_not_finite(value: float) -> None:
    layer, x = KANLinear(2, 2, generator=stream(0)), torch.rand(5, 2, generator=stream(1))
    before, x[1, 0] = layer.grid.clone(), value
    with pytest.raises(ArgumentError, match="must be finite"):
        layer.update_grid_from_samples(x)
    assert torch.equal(layer.grid, before)


@pytest.mark.filterwarnings("ignore")  # the tracer's: that numbers become constants, and that it is deprecated
def test_a_traced_layer_is_saved_and_loaded_for_other_inputs() -> None:
    layer, file = KANLinear(3, 2), io.BytesIO()
    torch.jit.save(torch.jit.trace(layer, torch.rand(10, 3)), file)
    file.seek(0)
    loaded, other = torch.jit.load(file), 2 * torch.rand(7, 3) - 1
    torch.testing.assert_close(loaded(other), layer(other))


def test_it_is_printed_in_the_terms_of_its_constructor() -> None:
    assert "in_features=3, out_features=2, grid_size=4, spline_order=1" in repr(KANLinear(3, 2, 4, 1))
