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
        ("width", [2, 1]),
        ("width", (2, [1, 0])),
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


def test_another_width_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"`width` is .* cannot be set to"):
        KAN(width=[2, 1]).width = [2, 2, 1]


class Late(KAN):
    """A model that learns from the data how many inputs it has."""

    def __init__(self, width: list[int], grid: int) -> None:
        for name, value in {"width": width, "grid": grid, "device": "cpu"}.items():
            setattr(self, name, value)

    def fit(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        KAN.__init__(self, [x.shape[1], *self.width, 1], self.grid)
        return super().fit({"train_input": x, "train_label": y}, steps=2, progress=False)


def test_what_is_set_before_the_constructor_has_run_is_kept_until_then() -> None:
    hidden = [3]
    model = Late(hidden, 5)
    assert model.width is hidden
    model.fit(torch.rand(20, 2), torch.rand(20, 1))
    assert model.width == [[2, 0], [3, 0], [1, 0]]
    assert (model.grid, model.device) == (5, torch.device("cpu"))


def test_what_neither_follows_nor_was_set_is_missing() -> None:
    with pytest.raises(AttributeError, match="width"):
        _ = Late.__new__(Late).width
