from __future__ import annotations

import pytest
import torch

from kan.symbolic.box import Box
from kan.symbolic.samples import Samples
from kan.symbolic.shapes import shape_of
from kan.symbolic.waves import best_shifts

T = torch.linspace(-1, 1, 101, dtype=torch.float64)
Y = torch.exp(T) + torch.sin(7 * T)
SAMPLES = Samples.of(T, Y - Y.mean())
SLOPES = torch.tensor([1e-3, 0.3, 3.0, 7.0, 30.0], dtype=torch.float64)


def shifts(function, limits=(-10.0, 10.0)):
    box = Box((-40.0, 40.0), limits, centre=0.3, half_width=2.0)
    shape = shape_of(function, like=T)
    return box, best_shifts(shape=shape, slopes=SLOPES, samples=SAMPLES, box=box)


def left(function, points):
    values = function(points[0] * T + points[1])
    design = torch.stack([values, torch.ones_like(T)], 1)
    residual = SAMPLES.y - design @ torch.linalg.lstsq(design, SAMPLES.y[:, None]).solution[:, 0]
    return float(residual @ residual)


@pytest.mark.parametrize("function", [torch.sin, torch.cos])
def test_the_best_shift_leaves_what_sine_and_cosine_together_leave(function):
    points = shifts(function)[1]
    for slope, row in zip(SLOPES, points):
        # cos(At) - 1 in place of cos(At): the same space, better conditioned where A is small.
        design = torch.stack([torch.sin(slope * T), torch.sin(slope * T / 2) ** 2, torch.ones_like(T)], 1)
        design = design / design.norm(dim=0)
        residual = SAMPLES.y - design @ torch.linalg.lstsq(design, SAMPLES.y[:, None]).solution[:, 0]
        assert row[0, 0] == slope
        assert left(function, row[0]) == pytest.approx(float(residual @ residual), rel=1e-6)


def test_shifts_are_the_smallest_ones():
    box, points = shifts(torch.sin)
    assert box.to_plain(points[:, 0])[:, 1].abs().max() <= torch.pi / 2 + 1e-12


def test_weights_count_as_samples_that_come_several_times():
    box = Box((-40.0, 40.0), (-10.0, 10.0), centre=0.3, half_width=2.0)
    shape, times = shape_of(torch.sin, like=T), torch.arange(len(T)) % 3 + 1
    repeated = Samples.of(T.repeat_interleave(times), Y.repeat_interleave(times))
    root = (times.double() * (len(T) / times.sum())).sqrt()
    weighted = Samples(T, Y - (Y * root**2).mean(), root)
    found = [best_shifts(shape=shape, slopes=SLOPES, samples=samples, box=box) for samples in (repeated, weighted)]
    torch.testing.assert_close(*found)


def test_limits_of_b_are_offered_too():
    box, points = shifts(torch.sin, limits=(-0.1, 0.2))
    plain = box.to_plain(points)[..., 1]
    torch.testing.assert_close(plain[:, 1:], torch.tensor([[-0.1, 0.2]], dtype=torch.float64).expand(5, 2))
