"""Properties with a setter of a kind of its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan import KAN, KANLayer
from kan.common.errors import ArgumentError
from kan.common.properties import settled


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "cpu"),
        ("dtype", torch.float32),
        ("width", [[2, 0], [1, 0]]),
        ("grid", 3),
        ("depth", 1),
        ("state_id", 0),
    ],
)
def test_what_follows_from_the_rest_may_be_set_to_what_it_is(name: str, value: Any) -> None:
    model = KAN(width=[2, 1])
    setattr(model, name, value)
    setattr(model, name, getattr(model, name))
    assert model(torch.rand(5, 2)).shape == (5, 1)


@pytest.mark.parametrize(("value", "same"), [("cuda", True), (torch.device("cuda"), True), ("cuda:0", False)])
def test_a_device_may_be_given_without_its_number(value: Any, same: bool) -> None:
    class Placed:
        @settled
        def device(self) -> torch.device:
            return torch.device("cuda:1")

    if same:
        Placed().device = value
    else:
        with pytest.raises(ArgumentError, match="`device` is"):
            Placed().device = value


def test_another_value_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"`num` is 5 and follows .* cannot be set to 7"):
        KANLayer(2, 2, num=5).num = 7
