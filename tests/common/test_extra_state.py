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


def test_a_state_is_kept_entry_by_entry() -> None:
    model, other = KAN(width=[2, 2, 1], seed=0), KAN(width=[2, 2, 1], seed=1)
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    kept = {name: entry.detach().cpu().clone() for name, entry in model.state_dict().items()}
    assert sum(entry.numel() for entry in kept.values()) > 0
    other.load_state_dict(kept)
    x = torch.rand(5, 2)
    assert torch.equal(other(x), model(x))
