from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kan.common.errors import ArgumentError
from kan.hypothesis.groups import checked_group, checked_groups, inactive_text, rest, text


@pytest.mark.parametrize("group", [[2, 0], (2, 0), np.array([2, 0]), torch.tensor([2, 0])])
def test_a_group_is_any_sequence_of_inputs(group: Any) -> None:
    assert checked_group(group, count=3) == [2, 0]


@pytest.mark.parametrize("group", [[0, 0], [3], [-1], [0.5], ["a"], 1, None])
def test_anything_else_is_refused(group: Any) -> None:
    with pytest.raises(ArgumentError, match="different inputs between 0 and 2"):
        checked_group(group, count=3)


@pytest.mark.parametrize("groups", [[[0, 1], [1, 2]], [0, 1], 0, "01"])
def test_groups_are_lists_of_groups_that_do_not_overlap(groups: Any) -> None:
    with pytest.raises(ArgumentError):
        checked_groups(groups, count=3)


def test_the_rest_is_ascending() -> None:
    assert rest([3, 1], count=5) == [0, 2, 4]


def test_groups_and_inputs_without_influence_are_written() -> None:
    assert text([[0, 1], (2,)]) == "[0, 1] | [2]"
    assert inactive_text([]) == ""
    assert inactive_text([2]) == " (input 2 has no influence)"
    assert inactive_text([2, 3]) == " (inputs 2, 3 have no influence)"
