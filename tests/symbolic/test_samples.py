from __future__ import annotations

import torch

from kan.symbolic.samples import Samples

T = torch.linspace(-1, 1, 400, dtype=torch.float64)


def test_thinned_samples_keep_both_ends_and_have_mean_zero():
    for thin in (Samples(T, T**2).thin(50), Samples(T, T**2).thin_with_peaks(50)):
        assert thin.t.shape == (50,)
        assert thin.t[0] == -1
        assert thin.t[-1] == 1
        assert abs(thin.y.mean()) < 1e-14


def test_few_samples_are_not_thinned():
    samples = Samples(T, T)
    assert samples.thin(400) is samples
    assert samples.thin_with_peaks(400) is samples


def test_peaks_are_kept_with_their_neighbours():
    y = torch.zeros_like(T)
    y[123], y[311] = 100.0, -50.0
    kept = Samples(T, y - y.mean()).thin_with_peaks(40).t
    for peak in (123, 311):
        assert torch.isin(T[peak - 1 : peak + 2], kept).all()


def test_edges_are_thinned_each_by_its_own_peaks():
    y = torch.zeros(2, 400, dtype=torch.float64)
    y[0, 100] = y[1, 300] = 1.0
    together = Samples(T.expand(2, -1), y).thin_with_peaks(40)
    for edge in range(2):
        alone = Samples(T, y[edge]).thin_with_peaks(40)
        assert torch.equal(together.edge(edge).t, alone.t)
        assert torch.equal(together.edge(edge).y, alone.y)
