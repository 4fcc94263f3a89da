from __future__ import annotations

import torch

from kan.symbolic.box import Box
from kan.symbolic.library import SYMBOLIC_LIB
from kan.symbolic.region import Limits
from kan.symbolic.search import Samples, search
from kan.symbolic.shapes import shape_of

LIMITS = Limits.of(torch.float64)
BOX = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
T = torch.linspace(-1, 1, 400, dtype=torch.float64)


def find(y, *names, t=T, grid_number=9):
    shapes = [shape_of(SYMBOLIC_LIB[name].torch_fun, like=t) for name in names]
    samples = Samples(t, y - y.mean())
    return search(shapes=shapes, samples=samples, box=BOX, limits=LIMITS, grid_number=grid_number, rounds=3)


def test_thinned_samples_keep_both_ends_and_have_mean_zero():
    thin = Samples(T, T**2).thin(50)
    assert thin.t.shape == (50,)
    assert thin.t[0] == -1
    assert thin.t[-1] == 1
    assert abs(thin.y.mean()) < 1e-14


def test_few_samples_are_not_thinned():
    samples = Samples(T, T)
    assert samples.thin(400) is samples


def test_the_best_step_is_that_of_an_exhaustive_search():
    y = torch.sin(3 * T) + 0.3 * torch.cos(40 * T)
    a, b = find(y, "sgn")[0]
    centred = y - y.mean()
    gains = [float(centred[:k].sum() ** 2 * (1 / k + 1 / (len(T) - k))) for k in range(1, len(T))]
    best = max(range(len(gains)), key=gains.__getitem__)
    assert T[best] < -b / a < T[best + 1]


def test_the_kink_of_abs_is_found_between_samples():
    a, b = find((T - 0.1234).abs(), "abs")[0]
    assert abs(-b / a - 0.1234) < 1e-3


def test_a_high_frequency_is_found():
    a, b = find(torch.sin(9.7 * T + 1.1), "sin")[0]
    torch.testing.assert_close(torch.stack([a, b % torch.pi]), torch.tensor([9.7, 1.1], dtype=torch.float64))


def test_each_function_keeps_its_row():
    y = torch.exp(1.5 * T)
    together = find(y, "sgn", "exp", "x^2")
    assert abs(together[1, 0] - 1.5) < 1e-6
    torch.testing.assert_close(together[2], find(y, "x^2")[0], rtol=1e-6, atol=1e-6)
