"""Knot vectors: uniform, extended, following samples, refined."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kan.spline import adaptive_knots, extend_knots, interior_knots, refined_knots, uniform_knots


def line(intervals: int = 5, inputs: int = 1) -> torch.Tensor:
    return uniform_knots(-1, 1, inputs=inputs, intervals=intervals).double()


def samples(*columns: list[float]) -> torch.Tensor:
    return torch.tensor(columns, dtype=torch.float64).T


def test_uniform_knots_are_equally_spaced() -> None:
    assert uniform_knots(-1, 2, inputs=2, intervals=3).tolist() == [[-1, 0, 1, 2], [-1, 0, 1, 2]]


def test_the_inputs_of_uniform_knots_do_not_share_memory() -> None:
    knots = uniform_knots(0, 1, inputs=2, intervals=1)
    knots[0] = 7
    assert knots[1].tolist() == [0, 1]


def test_extension_continues_with_the_mean_interval() -> None:
    knots = extend_knots(torch.tensor([[0.0, 1.0, 4.0]]), degree=2)
    assert knots.tolist() == [[-4, -2, 0, 1, 4, 6, 8]]


@pytest.mark.parametrize("degree", range(6))
def test_interior_knots_undo_the_extension(degree: int) -> None:
    interior = torch.rand(3, 5).cumsum(dim=1)
    assert torch.equal(interior_knots(extend_knots(interior, degree=degree), degree=degree), interior)


def test_extension_by_nothing_is_a_copy() -> None:
    interior = torch.zeros(1, 2)
    extend_knots(interior, degree=0)[:] = 1
    assert interior.tolist() == [[0, 0]]


# Knots that follow samples


def test_eps_one_spans_the_samples_uniformly() -> None:
    x = samples([3.0, 1.0, 1.1, 1.2, 5.0])
    assert adaptive_knots(x, line(4), intervals=4, eps=1.0).tolist() == [[1, 2, 3, 4, 5]]


def test_eps_zero_puts_equally_many_samples_into_every_interval() -> None:
    x = torch.rand(120, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 3
    knots = adaptive_knots(x, line(6, 2), intervals=6, eps=0.0)
    for column, ends in zip(x.T, knots):
        inside = torch.histogram(column, bins=ends).hist
        assert inside.tolist() == [20] * 6


def test_eps_between_is_the_weighted_mean() -> None:
    x = torch.rand(50, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 2
    uniform, quantiles, mixed = (adaptive_knots(x, line(), intervals=5, eps=eps) for eps in (1.0, 0.0, 0.25))
    assert torch.allclose(mixed, 0.25 * uniform + 0.75 * quantiles)


@given(
    st.lists(st.sampled_from([0.0, 1.0, 0.5, 1e-9, -3.0]), min_size=2, max_size=40).filter(lambda x: len(set(x)) > 1),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.02, 0.5]),
)
def test_intervals_keep_a_minimum_width_between_the_extremes(values: list[float], intervals: int, eps: float) -> None:
    x = samples(values)
    knots = adaptive_knots(x, line(), intervals=intervals, eps=eps)
    if max(values) - min(values) > 1e-6:
        assert abs(float(knots[0, 0] - x.min())) < 1e-12
        assert abs(float(knots[0, -1] - x.max())) < 1e-12
    mean = (knots[0, -1] - knots[0, 0]) / intervals
    assert knots.shape == (1, intervals + 1)
    assert float(knots.diff().min()) > 0.0098 * mean


def test_a_constant_inside_the_grid_moves_nothing() -> None:
    current = torch.tensor([[-1.0, 0.5, 2.0]]).double()
    assert torch.equal(adaptive_knots(samples([0.3, 0.3]), current, intervals=2, eps=0.02), current)


def test_a_constant_outside_the_grid_moves_the_knots_around_it() -> None:
    current = torch.tensor([[-1.0, 0.5, 2.0]]).double()
    moved = adaptive_knots(samples([7.0, 7.0]), current, intervals=2, eps=0.02)
    assert torch.allclose(moved, current - 0.5 + 7)


def test_a_single_sample_is_a_constant() -> None:
    current = line()
    assert torch.equal(adaptive_knots(samples([0.2]), current, intervals=5, eps=0.02), current)


def test_one_constant_column_does_not_touch_the_other() -> None:
    spread = [0.0, 0.25, 0.5, 0.75, 1.0]
    both = adaptive_knots(samples([0.0] * 5, spread), line(4, 2), intervals=4, eps=0.0)
    alone = adaptive_knots(samples(spread), line(4), intervals=4, eps=0.0)
    assert torch.equal(both[1:], alone)
    assert torch.equal(both[:1], line(4))


@pytest.mark.parametrize("half_width", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(("low", "span"), [(1e6, 1.0), (1e8, 0.0), (-1e6, 0.125), (1e3, 1.0)])
def test_knots_are_distinct_and_hold_the_samples_at_a_large_offset(low: float, span: float, half_width: float) -> None:
    x = low + span * torch.rand(100, 1, generator=torch.Generator().manual_seed(0))
    current = half_width * uniform_knots(-1, 1, inputs=1, intervals=20)
    knots = extend_knots(adaptive_knots(x, current, intervals=20, eps=0.02), degree=3)
    assert knots.dtype == torch.float32
    assert bool((knots.diff() > 0).all())
    assert float(knots[0, 3]) <= float(x.min())
    assert float(knots[0, -4]) >= float(x.max())


def test_the_number_of_intervals_may_differ_from_the_current_one() -> None:
    knots = adaptive_knots(samples([0.1, 0.1]), line(5), intervals=3, eps=0.02)
    assert torch.allclose(knots, line(3), atol=1e-7)


# Refined knots


@pytest.mark.parametrize("intervals", [5, 6, 7, 10, 23])
def test_refinement_keeps_every_old_knot(intervals: int) -> None:
    old = torch.tensor([[-1.0, -0.5, -0.4, 0.3, 0.9, 1.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]).double()
    x = old[:, 1:-1].T
    new = refined_knots(old, x, intervals=intervals, degree=3)
    assert new.shape == (2, intervals + 1)
    assert bool((new.diff(dim=1) > 0).all())
    for before, after in zip(old, new):
        assert float((before[:, None] - after).abs().min(dim=1).values.max()) < 1e-12


def test_refinement_by_a_factor_cuts_every_interval_alike() -> None:
    old = torch.tensor([[0.0, 1.0, 4.0]]).double()
    assert refined_knots(old, torch.ones(1, 1).double(), intervals=4, degree=3).tolist() == [[0, 0.5, 1, 2.5, 4]]


def test_an_interval_more_cuts_the_widest() -> None:
    old = torch.tensor([[0.0, 1.0, 4.0]]).double()
    assert refined_knots(old, torch.ones(1, 1).double(), intervals=3, degree=3).tolist() == [[0, 1, 2.5, 4]]


def test_refined_knots_cover_samples_beyond_the_old_grid() -> None:
    new = refined_knots(line(), samples([-3.0, 0.0, 1.7]), intervals=20, degree=3)
    assert (float(new[0, 0]), float(new[0, -1])) == (-3.0, 1.7)
    # The old grid's ends, and the knots beyond it where its curves fade out, remain.
    for knot in (-2.2, -1.8, -1.4, -1.0, 1.0, 1.4):
        assert float((new - knot).abs().min()) < 1e-12


def test_fewer_intervals_keep_the_ends() -> None:
    new = refined_knots(line(10), torch.zeros(1, 1).double(), intervals=4, degree=3)
    assert torch.allclose(new, line(4), atol=1e-7)


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=10),
    st.integers(1, 12),
    st.integers(1, 40),
    st.integers(0, 5),
)
def test_refined_knots_always_increase(values: list[float], old: int, new: int, degree: int) -> None:
    knots = refined_knots(line(old), samples(values), intervals=new, degree=degree)
    assert knots.shape == (1, new + 1)
    mean = (knots[0, -1] - knots[0, 0]) / new
    assert float(knots.diff().min()) > 0.0098 * mean
