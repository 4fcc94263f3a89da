"""Weights of edges as a vector, and as copies for every sample."""

from __future__ import annotations

import pytest
import torch

from kan import KANLayer
from kan.layers.edge_weights import EdgeWeights, sample_weights


def layer_and_data() -> tuple[KANLayer, torch.Tensor]:
    layer = KANLayer(2, 3).double()
    return layer, 2 * torch.rand(10, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1


def test_a_layer_gives_the_same_sums_with_copies_of_its_weights() -> None:
    layer, x = layer_and_data()
    expected = layer.forward_sum(x)
    with sample_weights([layer]) as copies:
        torch.testing.assert_close(layer.forward_sum(x), expected)
    assert [copy.shape for copy in copies[0].copies] == [(2, 3, 9, 10)]


def test_one_backward_pass_gives_the_gradient_of_every_sample() -> None:
    layer, x = layer_and_data()
    with sample_weights([layer]) as copies:
        values = layer.forward_sum(x)[:, 1].exp()
    (found,) = torch.autograd.grad(values.sum(), copies[0].copies, retain_graph=True)
    weights = EdgeWeights(layer)
    factors, expected = torch.empty(weights.size).double(), torch.zeros(weights.size).double()
    weights.factors(factors)
    for sample, value in enumerate(values):
        gradients = torch.autograd.grad(value, [layer.coef, layer.scale_base], retain_graph=True)
        weights.gather(expected, {id(layer.coef): gradients[0], id(layer.scale_base): gradients[1]})
        torch.testing.assert_close(found[..., sample].reshape(-1) * factors, expected)


def test_copies_are_no_longer_made_after_an_error() -> None:
    layer, x = layer_and_data()
    with pytest.raises(RuntimeError, match="stop"), sample_weights([layer]):
        raise RuntimeError("stop")
    with sample_weights([layer]) as copies:
        pass
    layer.forward_sum(x)
    assert copies[0].copies == []


def test_what_is_not_trained_is_not_written() -> None:
    layer, _ = layer_and_data()
    layer.scale_base.requires_grad_(False)
    weights, before = EdgeWeights(layer), layer.scale_base.clone()
    numbers = torch.empty(weights.size, dtype=torch.float64)
    weights.read(numbers)
    with torch.no_grad():
        weights.write(numbers + 1)
    assert torch.equal(layer.scale_base, before)
    torch.testing.assert_close(layer.coef.detach().reshape(-1), numbers.view(2, 3, -1)[..., :-1].reshape(-1) + 1)


@pytest.mark.parametrize("frozen", [["coef"], ["scale_base"], ["coef", "scale_base"]])
def test_weights_have_derivatives_where_something_is_trained(frozen: list[str]) -> None:
    layer, _ = layer_and_data()
    for name in frozen:
        layer.get_parameter(name).requires_grad_(False)
    weights = EdgeWeights(layer)
    factors = torch.full((weights.size,), torch.nan, dtype=torch.float64)
    weights.factors(factors)
    of_coef, of_base = factors.view(2, 3, -1).tensor_split([8], dim=2)
    assert bool(of_coef.all()) == ("coef" not in frozen)
    assert bool(of_base.all()) == ("scale_base" not in frozen)
    assert not factors.isnan().any()
    assert bool(factors.any()) == weights.is_trained
