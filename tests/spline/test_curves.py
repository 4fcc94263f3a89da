"""Curves to values, values to coefficients, and curves on other knots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline, make_lsq_spline

from kan.spline import (
    adaptive_knots,
    basis,
    evaluate_curves,
    extend_knots,
    fit_coefficients,
    interior_knots,
    refined_knots,
    transfer_coefficients,
    uniform_knots,
)

DATA = Path(__file__).parent.parent / "data"
Make = Callable[..., torch.Tensor]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spread_over(knots: torch.Tensor, degree: int, count: int) -> torch.Tensor:
    """Return samples of each input all over its grid."""
    interior = interior_knots(knots, degree=degree)
    low, high = interior[:, :1], interior[:, -1:]
    return low + (high - low) * torch.linspace(0, 1, count, dtype=knots.dtype)


# Values


@pytest.mark.parametrize("intervals", [2, 15])
def test_curves_are_those_of_scipy(knots_of: Make, kind: str, intervals: int) -> None:
    knots, coefficients = knots_of(kind, 3, intervals), random(2, 3, intervals + 3)
    x = spread_over(knots, 3, 50)
    values = evaluate_curves(x, knots, coefficients, degree=3)
    for i in range(2):
        expected = BSpline(knots[i].numpy(), coefficients[i].T.numpy(), 3)(x[i].numpy())
        assert np.allclose(values[i].T.numpy(), expected, atol=1e-12)


# The others have a double knot, where pykan divides zero by zero.
@pytest.mark.parametrize("index", [index for index in range(18) if index % 3 < 2])
def test_curves_are_those_of_pykan(index: int) -> None:
    case: dict[str, Any] = torch.load(DATA / "pykan_layers.pt", weights_only=True)["cases"][index]
    values = evaluate_curves(case["x"].T, case["grid"], case["coef"], degree=case["k"]).permute(2, 0, 1)
    last = (case["x"] == case["grid"][:, -1])[:, :, None] & (case["k"] == 0)
    assert torch.allclose(values.masked_fill(last, 0), case["curve"].masked_fill(last, 0), atol=1e-12)


def test_curves_are_differentiable_twice(knots_of: Make) -> None:
    knots, coefficients = knots_of("adaptive", 3, 3, 1), random(1, 2, 6).requires_grad_()
    x = spread_over(knots, 3, 5)[:, 1:-1].clone().requires_grad_()

    def curves(x: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        return evaluate_curves(x, knots, coefficients, degree=3)

    assert torch.autograd.gradcheck(curves, (x, coefficients))
    assert torch.autograd.gradgradcheck(curves, (x, coefficients))


# Least squares


@pytest.mark.parametrize("degree", range(6))
def test_fits_recover_the_coefficients(knots_of: Make, kind: str, degree: int) -> None:
    knots, coefficients = knots_of(kind, degree, 6), random(2, 3, 6 + degree)
    x = spread_over(knots, degree, 200)
    y = evaluate_curves(x, knots, coefficients, degree=degree)
    assert torch.allclose(fit_coefficients(x, y, knots, degree=degree), coefficients, atol=1e-9)


def test_fits_to_noise_are_those_of_scipy(knots_of: Make) -> None:
    knots = knots_of("adaptive", 3, 6, 1)
    x, y = spread_over(knots, 3, 100), random(1, 2, 100)
    expected = make_lsq_spline(x[0].numpy(), y[0].T.numpy(), knots[0].numpy(), k=3).c.T
    assert np.allclose(fit_coefficients(x, y, knots, degree=3)[0].numpy(), expected, atol=1e-9)


DEFICIENT = {
    "constant": torch.full((40,), 0.3),
    "binary": (torch.arange(40) % 2).float(),
    "all ones": torch.ones(40),
    "one sample": torch.tensor([0.5]),
    "fewer samples than bases": torch.linspace(-0.9, 0.9, 5),
    "half of the grid": torch.linspace(-1, 0, 50),
    "outside of the grid": torch.linspace(8, 9, 20),
    "duplicated": torch.linspace(-1, 1, 4).repeat(10),
}


@pytest.mark.parametrize("name", DEFICIENT)
@pytest.mark.parametrize("degree", [0, 1, 3, 5])
def test_undetermined_fits_are_the_shortest_of_the_best(name: str, degree: int) -> None:
    x = DEFICIENT[name].double()[None]
    knots = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=10).double(), degree=degree)
    y = random(1, 2, x.shape[1])
    ours = fit_coefficients(x, y, knots, degree=degree)[0]
    design = basis(x, knots, degree=degree)[0].T.numpy()
    expected = np.linalg.lstsq(design, y[0].T.numpy(), rcond=1e-6)[0].T
    assert np.allclose(ours.numpy(), expected, atol=1e-7)
    assert float(ours.abs().max()) < 1e4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [8, 30, 300])
def test_noise_at_the_edge_of_the_data_gives_no_huge_coefficients(count: int, dtype: torch.dtype) -> None:
    knots = extend_knots(torch.linspace(-1, 1, 11, dtype=dtype)[None], degree=5)
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        ends = torch.rand(2, generator=generator) * 2 - 1
        x = ends.min() + (ends.max() - ends.min()) * torch.rand(1, count, generator=generator, dtype=dtype)
        fit = fit_coefficients(x, random(1, 1, count, seed=seed), knots, degree=5)
        assert fit.dtype == dtype
        assert float(fit.abs().max()) < 1e7


def test_no_samples_give_zero_coefficients() -> None:
    knots = extend_knots(uniform_knots(-1, 1, inputs=2, intervals=3), degree=3)
    assert torch.equal(fit_coefficients(torch.zeros(2, 0), torch.zeros(2, 4, 0), knots, degree=3), torch.zeros(2, 4, 6))


# Other knots


@pytest.mark.parametrize("count", [0, 1, 100])
@pytest.mark.parametrize("degree", range(6))
def test_nested_knots_keep_the_curves(knots_of: Make, degree: int, count: int) -> None:
    old, coefficients = knots_of("adaptive", degree, 5), random(2, 3, 5 + degree)
    x = spread_over(old, degree, max(count, 2))
    new = extend_knots(
        refined_knots(interior_knots(old, degree=degree), x.T, intervals=13, degree=degree), degree=degree
    )
    moved = transfer_coefficients(x[:, :count], old, coefficients, new, degree=degree)
    # Steps on coinciding knots fall to either side by rounding.
    points = spread_over(old, degree, 503)[:, 1:-1]
    before, after = (evaluate_curves(points, *pair, degree=degree) for pair in ((old, coefficients), (new, moved)))
    assert torch.allclose(after, before, atol=1e-10)


def test_curves_are_kept_where_the_samples_left_the_grid() -> None:
    old, coefficients = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=5).double(), degree=3), random(1, 2, 8)
    x = torch.linspace(-3, 3, 50).double()[None]
    new = extend_knots(refined_knots(interior_knots(old, degree=3), x.T, intervals=20, degree=3), degree=3)
    moved = transfer_coefficients(x, old, coefficients, new, degree=3)
    points = torch.linspace(-3, 3, 301).double()[None]
    before, after = (evaluate_curves(points, *pair, degree=3) for pair in ((old, coefficients), (new, moved)))
    assert torch.allclose(after, before, atol=1e-10)


def test_samples_decide_where_there_are_any() -> None:
    old, coefficients = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=20).double(), degree=3), random(1, 1, 23)
    new = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=4).double(), degree=3)
    x = torch.linspace(-1, 0, 400).double()[None]
    y = evaluate_curves(x, old, coefficients, degree=3)
    best, moved = fit_coefficients(x, y, new, degree=3), transfer_coefficients(x, old, coefficients, new, degree=3)
    best_error, error = ((evaluate_curves(x, new, c, degree=3) - y).norm() for c in (best, moved))
    assert error < 1.001 * best_error


def test_pins_decide_where_there_are_no_samples() -> None:
    old, coefficients = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=5).double(), degree=3), random(1, 1, 8)
    x = torch.linspace(-1, -0.5, 100).double()[None]
    new = extend_knots(
        adaptive_knots(torch.linspace(-1, 1, 50).double()[:, None], torch.zeros(1, 9).double(), intervals=8, eps=1.0),
        degree=3,
    )
    moved = transfer_coefficients(x, old, coefficients, new, degree=3)
    far = torch.linspace(0.2, 1, 100).double()[None]
    before, after = (evaluate_curves(far, *pair, degree=3) for pair in ((old, coefficients), (new, moved)))
    assert float((after - before).abs().max()) < 0.2 * float(before.std())


def test_the_degree_may_change() -> None:
    old = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=4).double(), degree=1)
    new = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=4).double(), degree=3)
    smooth = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 0.0]]]).double()
    moved = transfer_coefficients(torch.zeros(1, 0).double(), old, smooth, new, degree=1, new_degree=3)
    assert moved.shape == (1, 2, 7)
    points = torch.linspace(-1, 1, 100).double()[None, :-1]
    values = evaluate_curves(points, new, moved, degree=3)
    assert torch.allclose(values[0, 0], 3 + 2 * points[0], atol=1e-9)
    assert torch.allclose(values[0, 1], torch.zeros(99).double(), atol=1e-9)


@pytest.mark.parametrize("name", DEFICIENT)
def test_moved_coefficients_stay_bounded(name: str) -> None:
    x = DEFICIENT[name][None]
    old = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=3), degree=3)
    coefficients = random(1, 2, 6).float()
    interior = adaptive_knots(x.T, interior_knots(old, degree=3), intervals=7, eps=0.02)
    moved = transfer_coefficients(x, old, coefficients, extend_knots(interior, degree=3), degree=3)
    assert moved.dtype == torch.float32
    assert float(moved.abs().max()) < 100 * float(coefficients.abs().max())


def test_a_curve_does_not_take_off_towards_an_outlier() -> None:
    generator = torch.Generator().manual_seed(0)
    knots = extend_knots(uniform_knots(-1, 1, inputs=1, intervals=5).double(), degree=3)
    coefficients = random(1, 8, 8)
    x = torch.cat([2 * torch.rand(1, 499, generator=generator, dtype=torch.float64) - 1, torch.full((1, 1), 30.0)], 1)
    interior = adaptive_knots(x.T, interior_knots(knots, degree=3), intervals=5, eps=0.02)
    new = extend_knots(interior, degree=3)
    moved = transfer_coefficients(x, knots, coefficients, new, degree=3)
    between = torch.linspace(1, 30, 300, dtype=torch.float64)[None]
    assert evaluate_curves(between, new, moved, degree=3).abs().max() < 30 * coefficients.abs().max()
