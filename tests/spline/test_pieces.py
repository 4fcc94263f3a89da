"""Bases from tables of polynomials, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import Tensor

from kan.spline import basis
from kan.spline.pieces import bases_at, locate, make_pieces, slopes_at


def random_knots(degree: int, *, inputs: int = 3, intervals: int = 20) -> Tensor:
    generator = torch.Generator().manual_seed(degree)
    widths = torch.rand(inputs, intervals + 2 * degree + 1, generator=generator, dtype=torch.float64)
    return widths.cumsum(dim=1) - 8


def samples(knots: Tensor) -> Tensor:
    """Return samples in every interval of the grid, on knots, and outside of all."""
    place = torch.rand(knots.shape[0], 200, generator=torch.Generator().manual_seed(0), dtype=knots.dtype)
    inside = knots[:, :1] + (knots[:, -1:] - knots[:, :1]) * place
    return torch.cat([inside, knots, knots[:, :1] - 3, knots[:, -1:] + 3], dim=1)


def spread_out(values: Tensor, interval: Tensor, *, count: int, degree: int) -> Tensor:
    """Put the k + 1 values of every sample (I, N, k + 1) where they belong among all bases (I, N, B)."""
    full = values.new_zeros(*values.shape[:2], count + 2 * (degree + 1))
    first = interval - torch.arange(len(interval))[:, None] * (count + degree + 2)
    rows = first[..., None] + torch.arange(degree + 1)
    return full.scatter(2, rows.long(), values)[..., degree + 1 : -degree - 1]


@pytest.mark.parametrize("degree", range(6))
def test_bases_and_slopes_are_those_of_scipy(degree: int) -> None:
    knots = random_knots(degree)
    x, count = samples(knots), knots.shape[1] - 1 - degree
    pieces = make_pieces(knots, degree=degree)
    located = locate(x, knots, pieces, degree=degree)
    values = spread_out(bases_at(located, pieces), located.interval, count=count, degree=degree)
    slopes = spread_out(slopes_at(located, pieces), located.interval, count=count, degree=degree)
    assert torch.allclose(values, basis(x, knots, degree=degree).mT, rtol=1e-12, atol=1e-13)
    inside = slice(0, 200)
    for row in range(len(knots)):
        steps = np.arange(1, degree + 1)
        line = knots[row].numpy()
        padded = np.concatenate([line[0] - steps[::-1], line, line[-1] + steps])
        spline = BSpline(padded, np.eye(len(padded) - degree - 1), degree, extrapolate=False)
        chosen = slice(degree, len(line) - 1)
        np.testing.assert_allclose(values[row, inside], spline(x[row, inside])[:, chosen], atol=1e-13)
        expected = spline(x[row, inside], nu=1)[:, chosen] if degree else 0 * values[row, inside]
        np.testing.assert_allclose(slopes[row, inside], expected, rtol=1e-9, atol=1e-9)


def test_single_precision_is_accurate() -> None:
    knots = random_knots(3)
    x = samples(knots).float()
    exact = basis(x.double(), knots.float().double(), degree=3).mT
    pieces = make_pieces(knots.float(), degree=3)
    located = locate(x, knots.float(), pieces, degree=3)
    values = spread_out(bases_at(located, pieces), located.interval, count=exact.shape[2], degree=3)
    assert float((values - exact).abs().max()) < 2e-6


def test_a_knot_belongs_to_the_interval_on_its_right() -> None:
    knots = torch.tensor([[0.0, 1.0, 1.0, 2.0]])
    x = torch.tensor([[-torch.inf, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, torch.inf]])
    located = locate(x, knots, make_pieces(knots, degree=1), degree=1)
    assert located.interval.tolist() == [[0, 0, 1, 1, 3, 3, 4, 4, 4]]
    assert located.place[0, 3:6].tolist() == [0.5, 0.0, 0.5]
