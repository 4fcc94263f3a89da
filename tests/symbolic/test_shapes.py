from __future__ import annotations

import pytest
import torch

from kan.common.errors import ArgumentError
from kan.symbolic.library import SYMBOLIC_LIB
from kan.symbolic.shapes import Kind, shape_of

LIKE = torch.zeros(1, dtype=torch.float64)
POINTS = torch.tensor([0.15, 0.4, 0.77], dtype=torch.float64)


@pytest.mark.parametrize("name", SYMBOLIC_LIB)
def test_value_and_derivatives_are_those_that_autograd_finds(name):
    shape = shape_of(SYMBOLIC_LIB[name].torch_fun, like=LIKE)
    u = POINTS.clone().requires_grad_()
    value = SYMBOLIC_LIB[name].torch_fun(u)
    if name == "arccos":
        value = torch.pi / 2 - value  # arccos is fitted as arcsin
    torch.testing.assert_close(shape.value(POINTS), value.detach(), rtol=1e-12, atol=1e-12)
    (slope,) = torch.autograd.grad(value.sum(), u, create_graph=True)
    torch.testing.assert_close(shape.slope(POINTS, value.detach()), slope.detach(), rtol=1e-10, atol=1e-12)
    curvature = torch.zeros_like(u)
    if slope.requires_grad:
        (curvature,) = torch.autograd.grad(slope.sum(), u, allow_unused=True, materialize_grads=True)
    torch.testing.assert_close(shape.curvature(POINTS, value.detach()), curvature, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in SYMBOLIC_LIB if name not in ("0", "x", "arccos")])
def test_mirrored_functions_are_affine_in_their_mirror_image(name):
    shape = shape_of(SYMBOLIC_LIB[name].torch_fun, like=LIKE)
    right, left = shape.value(POINTS), shape.value(-POINTS)
    even, odd = (right - left).abs().max() < 1e-12, (right + left).diff().abs().max() < 1e-12
    assert shape.mirrored == bool(even or odd)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_a_period_only_changes_the_sign(name):
    shape = shape_of(SYMBOLIC_LIB[name].torch_fun, like=LIKE)
    ratio = shape.value(POINTS + shape.period) / shape.value(POINTS)
    torch.testing.assert_close(ratio.abs(), torch.ones_like(ratio))


def test_unknown_functions_are_probed_for_symmetry():
    assert shape_of(torch.cosh, like=LIKE).mirrored
    assert shape_of(torch.sinh, like=LIKE).mirrored
    assert shape_of(torch.sigmoid, like=LIKE).mirrored  # sigmoid(-u) = 1 - sigmoid(u)
    assert not shape_of(torch.nn.functional.softplus, like=LIKE).mirrored


def test_only_the_librarys_own_functions_are_taken_from_the_table():
    assert shape_of(torch.exp, like=LIKE).kind is Kind.EXPONENTIAL
    assert shape_of(lambda u: torch.exp(u) + u, like=LIKE).kind is Kind.GENERAL


def test_functions_without_gradient_are_differentiated_by_differences():
    shape = shape_of(lambda u: torch.sinh(u.detach()), like=LIKE)
    torch.testing.assert_close(shape.slope(POINTS, POINTS), torch.cosh(POINTS), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(shape.curvature(POINTS, POINTS), torch.sinh(POINTS), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("function", [lambda u: u.sum(), lambda u: 3.0])
def test_functions_that_are_not_elementwise_are_refused(function):
    with pytest.raises(ArgumentError, match="same shape"):
        shape_of(function, like=LIKE)
