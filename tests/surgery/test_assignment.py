"""The cheapest assignment, against SciPy's."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from kan.surgery.assignment import cheapest_assignment


@given(count=st.integers(1, 9), seed=st.integers(0, 10**6), kinds=st.sampled_from([2, 5, 10**9]))
def test_it_is_as_cheap_as_scipys(count: int, seed: int, kinds: int) -> None:
    """With few kinds of costs there are many ties."""
    costs = np.random.default_rng(seed).integers(0, kinds, size=(count, count)).astype(float)
    chosen = cheapest_assignment(costs)
    assert sorted(chosen) == list(range(count))
    assert costs[range(count), chosen].sum() == costs[linear_sum_assignment(costs)].sum()


def test_costs_may_be_negative() -> None:
    assert cheapest_assignment(np.array([[-5.0, -1.0], [-5.0, 1.0]])) == [1, 0]


def test_nothing_to_assign() -> None:
    assert cheapest_assignment(np.empty((0, 0))) == []
