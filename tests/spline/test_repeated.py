"""The recursion into given memory, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from kan.spline import basis
from kan.spline.repeated import RepeatedBasis, differences


@pytest.mark.parametrize("degree", range(6))
def test_bases_and_slopes_are_those_of_scipy(degree: int) -> None:
    generator = torch.Generator().manual_seed(degree)
    knots = torch.rand(3, 8 + 2 * degree, generator=generator, dtype=torch.float64).cumsum(dim=1) - 3
    count = knots.shape[1] - 1 - degree
    values, lower = torch.empty(3, count, 200, dtype=torch.float64), torch.empty(3, count + 1, 200, dtype=torch.float64)
    recursion = RepeatedBasis(knots, degree=degree, values=values, lower=lower)
    low, high = knots[:, degree, None], knots[:, -degree - 1, None]
    for _ in range(2):
        x = low + (high - low) * torch.rand(3, 200, generator=generator, dtype=torch.float64)
        recursion.evaluate(x)
        slopes = differences(count, degree=degree, like=knots) @ lower
        for row in range(3):
            spline = BSpline(knots[row].numpy(), np.eye(count), degree)
            np.testing.assert_allclose(values[row].T, spline(x[row]), atol=1e-12)
            np.testing.assert_allclose(
                slopes[row].T, spline(x[row], nu=1) if degree else np.zeros((200, count)), atol=1e-10
            )


def test_outside_of_the_knots_everything_is_zero() -> None:
    knots = torch.linspace(-1, 1, 9)[None]
    values, lower = torch.empty(1, 5, 2), torch.empty(1, 6, 2)
    RepeatedBasis(knots, degree=3, values=values, lower=lower).evaluate(torch.tensor([[-1.5, 1.5]]))
    assert not values.any()
    assert not lower.any()


def test_knots_that_coincide_give_finite_bases() -> None:
    # At the fourfold knot itself the bases jump, and either side is right.
    knots = torch.tensor([[-3.0, -2.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]])
    x = torch.cat([torch.linspace(-2.9, 3.9, 98), torch.tensor([1.0, 2.0])])[None]
    values, lower = torch.empty(1, 7, 100), torch.empty(1, 8, 100)
    RepeatedBasis(knots, degree=3, values=values, lower=lower).evaluate(x)
    torch.testing.assert_close(values, basis(x, knots, degree=3))
