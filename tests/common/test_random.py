"""Random streams of one's own."""

from __future__ import annotations

import pytest
import torch

from kan.common.random import on_cpu, stream


def draw(*seeds: int) -> list[float]:
    return torch.rand(4, generator=stream(*seeds)).tolist()


@pytest.mark.usefixtures("global_generators_untouched")
def test_a_stream_leaves_the_global_generators_alone() -> None:
    draw(0, 1)


def test_one_seed_draws_the_numbers_of_manual_seed() -> None:
    # What torch.rand(4) gives after torch.manual_seed(3).
    assert draw(3) == pytest.approx([0.004264, 0.105569, 0.285842, 0.026955], abs=1e-6)


def test_the_same_seeds_draw_the_same_numbers() -> None:
    assert draw(5, 2) == draw(5, 2)


def test_neighbouring_seeds_draw_different_numbers() -> None:
    drawn = {tuple(draw(seed, step)) for seed in range(20) for step in range(20)}
    assert len(drawn) == 400


@pytest.mark.parametrize("seed", [-1, 2**40, 2**62])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert draw(seed, 1) != draw(seed, 2)


def test_functions_can_be_kept_on_the_cpu() -> None:
    @on_cpu
    def make(size: int, *, value: float) -> torch.Tensor:
        return torch.full((size,), value)

    with torch.device("meta"):
        assert make(2, value=3.0).tolist() == [3.0, 3.0]
        assert torch.zeros(1).device.type == "meta"
    assert make(2, value=3.0).tolist() == [3.0, 3.0]
    assert make.__name__ == "make"
