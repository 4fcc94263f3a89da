from __future__ import annotations

import math

import pytest
import torch

from kan.symbolic.box import Box
from kan.symbolic.finish import Data, finish, is_constant, prefer_positive

BOX = Box((-10.0, 10.0), (-10.0, 10.0), centre=0.0, half_width=1.0)
X = torch.linspace(-1, 1, 50, dtype=torch.float64).expand(2, -1)


def data(y, dtype=torch.float64):
    return Data(X.to(dtype), X.to(dtype).double(), y.to(dtype).double())


def points(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_c_and_d_are_those_of_least_squares_for_each_edge():
    y = torch.stack([torch.exp(X[0]), X[1] ** 2])
    fits = finish(function=torch.sin, points=points([2.0, 0.5], [1.0, -1.0]), boxes=[BOX, BOX], data=data(y))
    for fit, x, own in zip(fits, X, y):
        a, b, c, d, r2 = fit.tolist()
        design = torch.stack([torch.sin(a * x + b), torch.ones_like(x)], 1)
        torch.testing.assert_close(
            torch.stack([fit[2], fit[3]]), torch.linalg.lstsq(design, own[:, None]).solution[:, 0]
        )
        residual = own - c * design[:, 0] - d
        assert r2 == pytest.approx(float(1 - residual.var() / own.var()))


def test_parameters_are_numbers_of_the_networks_dtype():
    fits = finish(
        function=torch.sin, points=points([0.1, 0.2], [0.3, 0.7]), boxes=[BOX, BOX], data=data(X**2, torch.float32)
    )
    assert torch.equal(fits[:, :4], fits[:, :4].float().double())


def test_a_function_that_is_not_finite_is_moved_until_it_is():
    fits = finish(
        function=torch.sqrt, points=points([1.0, 1.0 - 1e-16], [1.0, -5.0]), boxes=[BOX, BOX], data=data(X**2)
    )
    assert fits.isfinite().all()
    assert fits[0, 0] == 1.0
    values = torch.sqrt(fits[:, :1] * X + fits[:, 1:2])
    assert values.isfinite().all()


def test_flat_functions_and_flat_data():
    assert is_constant(torch.ones(1, 5) + 1e-9 * torch.arange(5), torch.float32).tolist() == [True]
    y = torch.stack([X[0], torch.full_like(X[1], 2.5)])
    fits = finish(function=torch.zeros_like, points=points([1.0, 0.0], [1.0, 0.0]), boxes=[BOX, BOX], data=data(y))
    assert fits[:, 2].tolist() == [0.0, 0.0]
    assert fits[:, 4].tolist() == [0.0, 1.0]
    assert fits[1, 3] == 2.5


def test_of_two_equal_shifts_the_one_with_positive_c_is_taken():
    half = math.pi / 2
    own = data(torch.sin(2 * X))
    fits = finish(function=torch.cos, points=points([2.0, half], [2.0, -half]), boxes=[BOX, BOX], data=own)
    assert (fits[:, 2].sign() == torch.tensor([-1.0, 1.0])).all()
    positive = prefer_positive(fits, function=torch.cos, period=math.pi, boxes=[BOX, BOX], data=own)
    torch.testing.assert_close(positive[:, 1:3], points([-half, 1.0], [-half, 1.0]))
