"""State that is not numbers, in a `state_dict` of tensors only."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan import KAN
from kan.common.errors import ArgumentError
from kan.common.extra_state import pack, unpack


def test_what_is_packed_comes_back() -> None:
    state = {"names": [["sin", "größer"]], "pairs": [[0, 1]], "draws": 3}
    assert unpack(pack(state)) == state
    assert unpack(state) is state


@pytest.mark.parametrize("state", [None, 3, "text", torch.zeros(3), torch.tensor([1, 2], dtype=torch.uint8), pack([])])  # type: ignore[arg-type]
def test_anything_else_is_refused(state: Any) -> None:
    with pytest.raises(ArgumentError, match="what `get_extra_state` returns"):
        unpack(state)


def test_bytes_are_read_too() -> None:
    state = {"names": ["sin"]}
    assert unpack(pack(state).to(torch.uint8)) == state


def named(seed: int = 0) -> KAN:
    model = KAN(width=[2, 2, 1], seed=seed, auto_save=False)
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    return model


def test_there_is_no_entry_where_there_is_nothing_to_say() -> None:
    assert "symbolic_fun.0._extra_state" in named().state_dict()
    plain = KAN(width=[2, 2, 1])
    assert list(plain.state_dict()) == [name for name, _ in plain.named_parameters()]


def test_a_state_without_the_entry_stands_for_the_usual_state() -> None:
    model = named()
    model.load_state_dict(KAN(width=[2, 2, 1]).state_dict())
    assert not model.has_symbolic
    assert model.symbolic_fun[0].is_idle


AVERAGES: dict[str, Any] = {
    "mean": lambda one, other: torch.stack([one.float(), other.float()]).mean(0),
    "moving": lambda one, other: 0.999 * one + 0.001 * other,
    "in place": lambda one, other: one.clone().mul_(0.5).add_(other, alpha=0.5),
    "lerp": lambda one, other: torch.lerp(one, other, 0.3),
    "half": lambda one, other: (one.half() + other.half()) / 2,
    "double": lambda one, other: one.double() / 3 + 2 * other.double() / 3,
    "noise": lambda one, other: one + 0.01 * torch.randn_like(other),
}


@pytest.mark.parametrize("average", AVERAGES)
def test_states_can_be_averaged(average: str) -> None:
    one, other = named(0), named(1)
    data = {"train_input": torch.rand(20, 2), "train_label": torch.rand(20, 1)}
    for _ in range(12):  # random numbers that were drawn do not show
        other.fit(data, opt="Adam", steps=1, batch=5, update_grid=False, progress=False)
    states = one.state_dict(), other.state_dict()
    target = KAN(width=[2, 2, 1], auto_save=False)
    target.load_state_dict({name: AVERAGES[average](states[0][name], states[1][name]) for name in states[0]})
    assert target.symbolic_fun[0].funs_name == one.symbolic_fun[0].funs_name
    assert bool(torch.isfinite(target(torch.rand(5, 2))).all())


def test_a_state_is_kept_entry_by_entry() -> None:
    model, other = KAN(width=[2, 2, 1], seed=0), KAN(width=[2, 2, 1], seed=1)
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    kept = {name: entry.detach().cpu().clone() for name, entry in model.state_dict().items()}
    assert sum(entry.numel() for entry in kept.values()) > 0
    other.load_state_dict(kept)
    x = torch.rand(5, 2)
    assert torch.equal(other(x), model(x))
