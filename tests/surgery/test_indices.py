"""Numbers of nodes that users give."""

from __future__ import annotations

from typing import Any

import pytest

from kan.common.errors import ArgumentError
from kan.surgery.indices import checked_ids


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (2, "must list inputs by number, 0 … 2; got 2"),
        ("02", "must list inputs by number, 0 … 2; got '02'"),
        ([0, 3], "must be one of 0 … 2"),
        ([], "at least one of the 3 inputs; got none"),
        ([0, -3], "each of the inputs once"),
    ],
)
def test_what_names_no_nodes_is_refused(ids: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        checked_ids("active_inputs", ids, count=3, of="inputs")
