"""Base functions by name or as any function of a tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kan import KAN, KANLayer, KANLinear
from kan.common.errors import ArgumentError
from kan.layers.base_functions import BaseKind, resolve_base_function, value_and_slope


@pytest.mark.parametrize(
    ("name", "function"),
    [("silu", lambda x: x / (1 + torch.exp(-x))), ("identity", lambda x: x), ("zero", lambda x: 0 * x)],
)
def test_names_stand_for_functions(name: str, function: Callable[[Tensor], Tensor]) -> None:
    x = torch.linspace(-3, 3, 10).double()
    assert torch.allclose(resolve_base_function(name)(x), function(x))


def test_a_function_is_taken_as_it_is() -> None:
    assert resolve_base_function(torch.sin) is torch.sin


@pytest.mark.parametrize("wrong", ["relu", None, 3, {}])
def test_anything_else_is_refused_with_the_choices(wrong: object) -> None:
    with pytest.raises(ArgumentError, match=f"'silu', 'identity', 'zero'.*got {wrong!r}"):
        resolve_base_function(wrong)  # type: ignore[arg-type]


def test_a_class_of_modules_is_made() -> None:
    assert type(resolve_base_function(nn.Tanh)) is nn.Tanh
    for activation in (nn.Tanh, nn.Tanh(), torch.tanh):
        layer = KANLinear(2, 1, base_activation=activation)
        x = torch.linspace(-3, 3, 10)
        torch.testing.assert_close(layer.base_fun(x), torch.tanh(x))
    assert type(KANLinear(2, 1, base_activation="silu").base_fun) is nn.SiLU


@pytest.mark.parametrize(
    ("function", "is_elementwise"),
    [
        (torch.tanh, True),
        (nn.ReLU(), True),
        (lambda x: torch.relu(x.view(-1)).view(x.shape), True),
        (nn.Softmax(dim=1), False),
        (nn.LayerNorm(3), False),
        (nn.Dropout(0.5), False),
        (lambda x: x / x.norm(dim=1, keepdim=True), False),
    ],
)
@pytest.mark.usefixtures("global_generators_untouched")
def test_it_is_found_out_whether_a_function_is_elementwise(function: Any, is_elementwise: bool) -> None:
    assert BaseKind.of(function).is_elementwise == is_elementwise


@pytest.mark.parametrize(
    "function",
    [nn.Softmax(dim=1), nn.LayerNorm(3), lambda x: x / x.norm(dim=1, keepdim=True), lambda x: x.view(-1).view(x.shape)],
)
def test_functions_get_samples_first_as_in_pykan(function: Any) -> None:
    model, x = KAN(width=[3, 2], base_fun=function, seed=0, auto_save=False), torch.rand(10, 3)
    layer = model.act_fun[0]
    splines = torch.einsum("nb...,nb...->nb...", layer(x)[3], layer.scale_sp.T.expand(10, -1, -1))
    expected = (splines + layer.scale_base.T * function(x)[:, None]).sum(dim=2)
    torch.testing.assert_close(model(x), expected)
    torch.testing.assert_close(layer(x)[0], expected)


def test_a_function_that_writes_into_its_argument_leaves_the_inputs_alone() -> None:
    x = torch.rand(10, 2) - 0.5
    before = x.clone()
    layers = [KANLayer(2, 3, base_fun=nn.ReLU(inplace=flag)) for flag in (True, False)]
    torch.testing.assert_close(layers[0](x)[0], layers[1](x)[0])
    torch.testing.assert_close(
        KAN([2, 1], base_fun=nn.ReLU(inplace=True), seed=0)(x), KAN([2, 1], base_fun=nn.ReLU(), seed=0)(x)
    )
    assert torch.equal(x, before)


def test_the_slope_of_silu_is_as_exact_as_single_precision_allows_however_large_the_inputs() -> None:
    x = torch.cat([torch.linspace(-1e4, 1e4, 999), torch.linspace(-30, 30, 999), torch.tensor([-1e8, 1e8])])
    precise = x.double().requires_grad_()
    (expected,) = torch.autograd.grad(nn.functional.silu(precise).sum(), precise)
    assert torch.allclose(value_and_slope(nn.SiLU(), x)[1].double(), expected, rtol=0, atol=1e-6)
