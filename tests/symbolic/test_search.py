from __future__ import annotations

from dataclasses import replace

import torch

from kan.symbolic.box import Box
from kan.symbolic.library import SYMBOLIC_LIB
from kan.symbolic.region import Limits
from kan.symbolic.samples import Samples
from kan.symbolic.search import search
from kan.symbolic.shapes import shape_of

LIMITS = Limits.of(torch.float64)
BOX = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
T = torch.linspace(-1, 1, 400, dtype=torch.float64)


def find(y, *names, t=T, grid_number=9):
    shapes = [shape_of(SYMBOLIC_LIB[name].torch_fun, like=t) for name in names]
    samples = Samples.of(t[None], (y - y.mean())[None])
    return search(shapes=shapes, samples=samples, boxes=[BOX], limits=LIMITS, grid_number=grid_number, rounds=3)[0]


def test_the_kink_of_abs_is_found_between_samples():
    a, b = find((T - 0.1234).abs(), "abs")[0]
    assert abs(-b / a - 0.1234) < 1e-9


def test_a_high_frequency_is_found():
    a, b = find(torch.sin(9.7 * T + 1.1), "sin")[0]
    torch.testing.assert_close(torch.stack([a, b % torch.pi]), torch.tensor([9.7, 1.1], dtype=torch.float64))


def test_each_function_keeps_its_row():
    y = torch.exp(1.5 * T)
    together = find(y, "sgn", "exp", "x^2")
    assert abs(together[1, 0] - 1.5) < 1e-6
    torch.testing.assert_close(together[2], find(y, "x^2")[0], rtol=1e-6, atol=1e-6)


def test_edges_are_searched_together_as_they_are_alone():
    curves = [torch.exp(1.5 * T), torch.tanh(4 * T - 1), 1 / (T - 0.301) ** 2]
    names = ["exp", "tanh", "1/x^2", "abs", "sin"]
    shapes = [shape_of(SYMBOLIC_LIB[name].torch_fun, like=T) for name in names]
    samples = Samples.of(T.expand(3, -1), torch.stack([y - y.mean() for y in curves]))
    together = search(shapes=shapes, samples=samples, boxes=[BOX] * 3, limits=LIMITS, grid_number=9, rounds=3)
    for found, y in zip(together, curves):
        for name, point, alone in zip(names, found, find(y, *names)):
            fits = [SYMBOLIC_LIB[name].torch_fun(a * T + b) for a, b in (point, alone)]
            r2 = [torch.corrcoef(torch.stack([fit, y]))[0, 1] ** 2 for fit in fits]
            torch.testing.assert_close(*r2, rtol=0, atol=1e-6)


def test_a_pole_between_two_samples_that_the_coarse_sample_leaves_out_is_found():
    t = torch.linspace(-1, 1, 997, dtype=torch.float64)
    a, b = find(1 / (t - 0.3013) ** 3, "1/x^3", t=t)[0]
    assert abs(-b / a - 0.3013) < 1e-9


def test_no_more_is_evaluated_than_the_search_is_designed_for():
    counts = []

    def counting(u):
        counts.append(u.numel())
        return torch.exp(-u * u)

    shape = replace(shape_of(SYMBOLIC_LIB["gaussian"].torch_fun, like=T), value=counting)
    t = torch.linspace(-1, 1, 1000, dtype=torch.float64)[None]
    search(shapes=[shape], samples=Samples.of(t, torch.sin(3 * t)), boxes=[BOX], limits=LIMITS, grid_number=9, rounds=3)
    # pykan's three lattices of 101 x 101 points on all samples are 30.6 million.
    assert sum(counts) < 400_000


def test_a_box_in_which_nothing_fits_gives_nan():
    box = Box((0.0, 0.0), (-1.0, -1.0), centre=0.0, half_width=1.0)
    shape = shape_of(torch.sqrt, like=T)
    samples = Samples.of(T[None], T[None])
    found = search(shapes=[shape], samples=samples, boxes=[box], limits=LIMITS, grid_number=9, rounds=3)
    assert found.isnan().all()
