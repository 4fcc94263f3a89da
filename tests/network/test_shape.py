"""`width` and `mult_arity` become node counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kan.common.errors import ArgumentError
from kan.network import Shape


def test_numbers_are_sums() -> None:
    shape = Shape.parse([2, 5, 1], 2)
    assert shape.width == [[2, 0], [5, 0], [1, 0]]
    assert shape.nodes == shape.subnodes == [2, 5, 1]
    assert shape.depth == 2


def test_pairs_are_sums_and_products() -> None:
    shape = Shape.parse([2, [5, 2], [0, 1]], 3)
    assert shape.width == [[2, 0], [5, 2], [0, 1]]
    assert shape.nodes == [2, 7, 1]
    assert shape.subnodes == [2, 11, 3]


def test_nested_arities_belong_to_the_products_one_by_one() -> None:
    shape = Shape.parse([2, [1, 3], 1], [[], [2, 0, 4], []])
    assert shape.arities == ((), (2, 0, 4), ())
    assert shape.subnodes == [2, 7, 1]


@pytest.mark.parametrize(
    "width",
    [
        (2, (5, 2), 1),
        [np.int64(2), [np.int32(5), np.int64(2)], np.int8(1)],
        [torch.tensor(2), np.array([5, 2]), np.array(1)],
        np.array([[2, 0], [5, 2], [1, 0]]),
        torch.tensor([[2, 0], [5, 2], [1, 0]]),
        [2.0, [5, 2.0], 1],
        [[2, 0], [5, 2], [1, 0]],
    ],
)
def test_widths_of_any_type_are_taken(width: Any) -> None:
    shape = Shape.parse(width, np.int64(2))
    assert shape.width == [[2, 0], [5, 2], [1, 0]]
    assert all(type(n) is int for pair in shape.width for n in pair)


def test_arguments_are_never_changed() -> None:
    width, arities = [2, [1, 2], 1], [[], [2, 3], []]
    shape = Shape.parse(width, arities)
    shape.width[1][0] = 9
    shape.mult_arity()[1].append(9)  # type: ignore[index]
    assert (width, arities) == ([2, [1, 2], 1], [[], [2, 3], []])
    assert shape.width == [[2, 0], [1, 2], [1, 0]]


@pytest.mark.parametrize(
    "width",
    [
        5,
        None,
        [],
        [2],
        [2, -1, 1],
        [2, 0, 1],
        [0, 1],
        [[2, 1], 1],
        [2, [1, 2, 3], 1],
        [2, 2.5, 1],
        [2, True, 1],
        [2, "5", 1],
        "251",
    ],
)
def test_a_width_that_is_no_network_is_refused(width: Any) -> None:
    with pytest.raises(ArgumentError, match="width"):
        Shape.parse(width, 2)


@pytest.mark.parametrize(
    "arity", [[[2]], [[], [2], []], [[], [2, -1], []], [[], [2, "a"], []], [[2, 2], [], []], "x", None, -1, 2.5]
)
def test_arities_that_do_not_fit_are_refused(arity: Any) -> None:
    with pytest.raises(ArgumentError, match="`mult_arity"):
        Shape.parse([2, [1, 2], 1], arity)


def test_the_arity_is_an_int_where_that_says_all() -> None:
    assert Shape.parse([2, [1, 2], 1], 3).mult_arity(like=3) == 3
    assert Shape.parse([2, [1, 2], 1], [[], [3, 2], []]).mult_arity(like=3) == [[], [3, 2], []]
    assert Shape.parse([2, [1, 1], 1], 3).mult_arity(like=[[], [3], []]) == [[], [3], []]
