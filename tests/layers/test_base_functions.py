"""Base functions by name or as any function of a tensor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from kan import KANLinear
from kan.common.errors import ArgumentError
from kan.layers.base_functions import resolve_base_function


@pytest.mark.parametrize(
    ("name", "function"),
    [("silu", lambda x: x / (1 + torch.exp(-x))), ("identity", lambda x: x), ("zero", lambda x: 0 * x)],
)
def test_names_stand_for_functions(name: str, function: Callable[[Tensor], Tensor]) -> None:
    x = torch.linspace(-3, 3, 10).double()
    assert torch.allclose(resolve_base_function(name)(x), function(x))


def test_a_function_is_taken_as_it_is() -> None:
    assert resolve_base_function(torch.sin) is torch.sin


@pytest.mark.parametrize("wrong", ["relu", None, 3])
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
