from __future__ import annotations

import pytest
import torch

from kan.symbolic.box import Box
from kan.symbolic.exact import best_kink, best_step
from kan.symbolic.samples import Samples

BOX = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
T = torch.sort(torch.sin(torch.arange(1.0, 201.0, dtype=torch.float64) ** 2)).values
CURVES = {
    "kink": lambda t: (t - 0.1234).abs(),
    "wave": lambda t: torch.sin(3 * t) + 0.3 * torch.cos(40 * t),
    "line": lambda t: t,
    "spike": lambda t: 1 / (t - 0.2).abs().clamp(min=1e-3),
}


def share(values, y):
    values = values - values.mean()
    return (values @ y) ** 2 / (values @ values)


@pytest.mark.parametrize("curve", CURVES)
def test_the_best_step_is_that_of_an_exhaustive_search(curve):
    y = CURVES[curve](T)
    y = y - y.mean()
    a, b = best_step(samples=Samples.of(T, y), box=BOX)
    best = max(float(share(torch.sign(T - zero), y)) for zero in (T[1:] + T[:-1]) / 2)
    assert float(share(torch.sign(a * T + b), y)) == pytest.approx(best)


@pytest.mark.parametrize("curve", CURVES)
def test_no_kink_of_a_dense_list_is_better_than_the_best_one(curve):
    y = CURVES[curve](T)
    y = y - y.mean()
    a, b = best_kink(samples=Samples.of(T, y), box=BOX)
    dense = max(float(share((T - zero).abs(), y)) for zero in torch.linspace(-1.2, 1.2, 20_001, dtype=torch.float64))
    assert float(share((a * T + b).abs(), y)) >= dense * (1 - 1e-12)


def test_a_kink_between_samples_is_found_exactly():
    y = CURVES["kink"](T)
    a, b = best_kink(samples=Samples.of(T, y - y.mean()), box=BOX)
    assert float(-b / a) == pytest.approx(0.1234, abs=1e-12)


@pytest.mark.parametrize("best", [best_step, best_kink])
def test_the_box_is_respected(best):
    y = CURVES["kink"](T) + torch.sign(T - 0.1234)
    samples = Samples.of(T, y - y.mean())
    for limits in [((1.0, 2.0), (0.5, 3.0)), ((-3.0, -1.0), (-1.0, 0.0)), ((0.0, 5.0), (0.0, 5.0))]:
        box = Box(*limits, centre=0.0, half_width=1.0)
        assert box.holds(best(samples=samples, box=box))
    assert best(samples=samples, box=Box((0.0, 0.0), (1.0, 1.0), centre=0.0, half_width=1.0)).isnan().all()
