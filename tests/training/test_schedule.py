"""When grids move: pykan's rule."""

from __future__ import annotations

import pytest

from kan import KAN
from kan.common.errors import ArgumentError
from kan.training.schedule import GridSchedule, read_grids


def pykan_updates(steps: int, number: int, start: int, stop: int) -> list[int]:
    """Return the steps at which pykan 0.2.8 moves grids."""
    frequency = int(stop / number)
    return [step for step in range(steps) if step % frequency == 0 and step < stop and step >= start]


@pytest.mark.parametrize(
    ("number", "start", "stop"),
    [(10, -1, 50), (5, -1, 50), (7, -1, 50), (10, 20, 50), (3, 4, 10), (10, -1, 10), (1, 0, 30), (10, -1, 95)],
)
def test_grids_move_at_the_steps_of_pykan(number: int, start: int, stop: int) -> None:
    schedule = GridSchedule(True, number, start, stop)
    assert [step for step in range(100) if schedule.is_due(step)] == pykan_updates(100, number, start, stop)


def test_more_updates_than_steps_means_one_before_every_step() -> None:
    schedule = GridSchedule(True, 10, -1, 4)  # pykan divides by zero
    assert [step for step in range(8) if schedule.is_due(step)] == [0, 1, 2, 3]


@pytest.mark.parametrize("schedule", [GridSchedule(False, 10, -1, 50), GridSchedule(True, 0, -1, 50)])
def test_no_updates_when_switched_off(schedule: GridSchedule) -> None:
    assert not any(schedule.is_due(step) for step in range(60))
    assert schedule.is_over(0)


def test_it_is_over_from_the_stop_step_on() -> None:
    schedule = GridSchedule(True, 10, -1, 50)
    assert [schedule.is_over(step) for step in (0, 45, 49, 50, 51)] == [False, False, False, True, True]


@pytest.mark.parametrize(("number", "start", "stop"), [(10, -1, 50), (3, 4, 10), (7, 0, 23)])
def test_nothing_is_due_once_it_is_over(number: int, start: int, stop: int) -> None:
    schedule = GridSchedule(True, number, start, stop)
    assert not any(schedule.is_due(step) for step in range(100) if schedule.is_over(step))


def test_grids_are_those_of_all_layers_or_of_each() -> None:
    model = KAN(width=[2, 2, 1], grid=3)
    assert read_grids(model, [3, 5, [5, 10]]) == [3, 5, [5, 10]]


@pytest.mark.parametrize("grids", [[], "5", 5, [5, 5], [10, 5], [2], [5.5], [[5]], [[5, 4], [6, 3]]])
def test_grids_that_do_not_increase_are_errors(grids: object) -> None:
    with pytest.raises(ArgumentError, match="grids"):
        read_grids(KAN(width=[2, 2, 1], grid=3), grids)
