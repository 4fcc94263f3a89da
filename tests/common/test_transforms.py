"""Transforms of torch are noticed, plain autograd is not one."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import forward_ad

from kan.common.transforms import has_values, is_autocast, is_nested_forward, is_transformed

# torch's own forward mode builds some of its rules with torch.jit.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class Witness:
    """A function that remembers whether it was seen by a transform."""

    def __init__(self) -> None:
        self.seen: list[bool] = []

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(is_transformed())
        return x.square().sum()


def test_eager_autograd_is_no_transform() -> None:
    witness = Witness()
    witness(torch.ones(3, requires_grad=True)).backward()
    with torch.no_grad():
        witness(torch.ones(3))
    assert witness.seen == [False, False]


def test_function_transforms_are_noticed() -> None:
    witness = Witness()
    torch.func.vmap(witness)(torch.ones(2, 3))
    torch.func.grad(witness)(torch.ones(3))
    torch.func.jvp(witness, (torch.ones(3),), (torch.ones(3),))
    assert witness.seen == [True, True, True]


def test_forward_mode_is_noticed_and_over_when_it_is_left() -> None:
    witness = Witness()
    with forward_ad.dual_level():
        witness(forward_ad.make_dual(torch.ones(3), torch.ones(3)))
    witness(torch.ones(3))
    assert witness.seen == [True, False]


def test_forward_mode_inside_forward_mode_is_noticed() -> None:
    seen: list[bool] = []

    def witness(x: torch.Tensor) -> torch.Tensor:
        seen.append(is_nested_forward())
        return x.square().sum()

    forward, reverse = torch.func.jacfwd, torch.func.jacrev
    for differentiated in (witness, forward(witness), forward(reverse(witness))):
        differentiated(torch.ones(3))
    assert seen == [False, False, False]
    for differentiated in (forward(forward(witness)), forward(reverse(forward(witness)))):
        differentiated(torch.ones(3))
    assert seen[3:] == [True, True]


def test_what_an_ensemble_is_batched_by_has_no_values() -> None:
    seen: list[bool] = []

    def witness(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        seen.extend([has_values(x), has_values(y)])
        return (x * y).sum()

    one, batch = torch.ones(3), torch.ones(2, 3)
    torch.func.grad(witness)(one, one)
    torch.func.vmap(witness, in_dims=(0, None))(batch, one)
    torch.func.vmap(torch.func.grad(witness), in_dims=(0, None))(batch, one)
    assert seen == [True, True, False, True, False, True]


def test_autocast_is_noticed_for_its_kind_of_device() -> None:
    assert not is_autocast("cpu")
    with torch.autocast("cpu", torch.bfloat16):
        assert is_autocast("cpu")
        assert not is_autocast("cuda")
        with torch.autocast("cpu", enabled=False):
            assert not is_autocast("cpu")


def test_devices_that_know_no_autocast_never_have_it() -> None:
    assert not is_autocast("meta")
