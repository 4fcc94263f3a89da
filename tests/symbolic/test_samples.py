from __future__ import annotations

import torch

from kan.symbolic.samples import Samples

T = torch.linspace(-1, 1, 400, dtype=torch.float64)
# Evenly distributed, in an order without pattern.
NOISE = (torch.arange(400, dtype=torch.float64) ** 2 * 0.4142135623730951).frac() - 0.5


def test_thinned_samples_keep_both_ends_and_have_mean_zero():
    thin = Samples.of(T, T**2).thin(50)
    assert thin.t.shape == (50,)
    assert (thin.t[0], thin.t[-1]) == (-1, 1)
    assert abs(thin.y.mean()) < 1e-14


def test_few_samples_stay_as_they_are():
    samples = Samples.of(T, T)
    assert samples.thin(400) is samples
    assert samples.condensed(400) is samples


def test_condensed_samples_have_the_sums_of_all():
    few = Samples.of(T, NOISE).condensed(90)
    weight = few.root.square()
    assert few.count == 90
    torch.testing.assert_close(weight.mean(), torch.ones((), dtype=T.dtype))
    torch.testing.assert_close((weight * few.t).mean(), T.mean())
    assert abs((weight * few.y).mean()) < 1e-14
    assert (few.t[0], few.t[-1]) == (-1, 1)


def test_smooth_curves_have_the_covariances_with_noise_that_they_have_with_all_samples():
    samples = Samples.of(T, NOISE)
    few, thin = samples.condensed(150), samples.thin(150)
    for curve in (torch.exp, torch.tanh, lambda t: torch.sin(4 * t)):
        exact = (curve(T) * samples.y).mean()
        error = ((curve(few.t) * few.y * few.root.square()).mean() - exact).abs()
        assert error < 3e-4 < 0.05 * ((curve(thin.t) * thin.y).mean() - exact).abs()


def test_samples_around_the_pole_that_fits_best_are_left_alone():
    pole = T[260] + 0.3 * (T[261] - T[260])
    near = T[258:264]
    for order in (1, 2, 3, 4, 5):
        y = (T - pole) ** -order
        kept = Samples.of(T, y / y.abs().max() + 0.01 * NOISE).condensed(90)
        assert torch.isclose(near[:, None], kept.t, rtol=0, atol=1e-12).any(1).all()


def test_edges_are_condensed_as_each_alone():
    y = torch.stack([NOISE, torch.exp(3 * T), torch.zeros_like(T)])
    together = Samples.of(T.expand(3, -1), y).condensed(80)
    for number in range(3):
        alone, edge = Samples.of(T, y[number]).condensed(80), together.edge(number)
        for part in ("t", "y", "root"):
            torch.testing.assert_close(getattr(edge, part), getattr(alone, part))
