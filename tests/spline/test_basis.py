"""Bases and their derivatives, against SciPy and against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from kan.spline import basis, extend_knots, local_basis
from kan.spline.basis import (
    basis_values,
    dense_basis,
    dense_basis_with_slopes,
    is_dense,
    local_basis_with_slopes,
    pointwise_basis,
)

# By name: as an attribute of the package, `basis` is the function.
MODULE = import_module("kan.spline.basis")

DATA = Path(__file__).parent.parent / "data"
DEGREES = range(6)
FEW, MANY = 2, 15

Make = Callable[..., torch.Tensor]

forward_mode = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


def scipy_basis(x: torch.Tensor, knots: torch.Tensor, degree: int, order: int = 0) -> torch.Tensor:
    """Return what SciPy computes for (I, N) samples; it needs further knots to be defined between all of these."""
    rows = []
    for samples, line in zip(x.numpy(), knots.numpy()):
        steps = np.arange(1, degree + 1)
        padded = np.concatenate([line[0] - steps[::-1], line, line[-1] + steps])
        spline = BSpline(padded, np.eye(len(padded) - degree - 1), degree, extrapolate=False)
        rows.append(np.nan_to_num(spline(samples, nu=order))[:, degree : len(line) - 1])
    return torch.tensor(np.stack(rows)).mT


def points(knots: torch.Tensor) -> torch.Tensor:
    """Return samples within every interval, on every knot, and beyond both ends."""
    generator = torch.Generator().manual_seed(0)
    low, high = knots[:, :1], knots[:, -1:]
    inside = low + (high - low) * torch.rand(knots.shape[0], 60, generator=generator, dtype=knots.dtype)
    return torch.cat([inside, knots, low - 0.3, high + 0.3, low - 100, high + 100], dim=1)


@pytest.fixture(params=["dense", "local"])
def evaluate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., torch.Tensor]:
    """Return `basis_values` by one of its two evaluations, whichever would be cheaper."""
    monkeypatch.setattr(MODULE, "is_dense", lambda *_: request.param == "dense")
    return basis_values


@pytest.mark.parametrize("intervals", [1, 4, MANY])
@pytest.mark.parametrize("degree", DEGREES)
def test_bases_are_those_of_scipy(evaluate: Make, knots_of: Make, kind: str, degree: int, intervals: int) -> None:
    knots = knots_of(kind, degree, intervals)
    x = points(knots)
    assert torch.allclose(evaluate(x, knots, degree=degree), scipy_basis(x, knots, degree), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("degree", DEGREES)
def test_derivatives_of_all_orders_are_those_of_scipy(evaluate: Make, knots_of: Make, kind: str, degree: int) -> None:
    knots = knots_of(kind, degree, 6)
    for order in range(1, degree + 1):
        x = points(knots)
        if order == degree:
            # The last derivative jumps on knots; on the very last one SciPy takes the limit from the left.
            x = torch.where(x == knots[:, -1:], knots[:, :1], x)
        expected = scipy_basis(x, knots, degree, order)
        values = evaluate(x, knots, degree=degree, order=order)
        assert torch.allclose(values, expected, rtol=1e-10, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize("intervals", [FEW, MANY])
@pytest.mark.parametrize("degree", DEGREES)
def test_orders_above_the_degree_are_zero(knots_of: Make, degree: int, intervals: int) -> None:
    knots = knots_of("uniform", degree, intervals)
    assert not basis(points(knots), knots, degree=degree, order=degree + 1).any()


def test_steps_are_closed_on_the_left_and_the_last_on_both_sides(evaluate: Make) -> None:
    knots = torch.tensor([[0.0, 1.0, 2.0]])
    x = torch.tensor([[-0.1, 0.0, 0.9, 1.0, 2.0, 2.1]])
    assert evaluate(x, knots, degree=0)[0].tolist() == [[0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0]]


@pytest.mark.parametrize("degree", DEGREES)
def test_bases_sum_to_one_on_the_grid(evaluate: Make, knots_of: Make, kind: str, degree: int) -> None:
    knots = knots_of(kind, degree, 8).float()
    low, high = knots[:, degree, None], knots[:, -degree - 1, None]
    # Up to the last knot itself: low + (high - low) may be beyond it.
    x = (low + (high - low) * torch.linspace(0, 1, 101)).clamp(max=high)
    assert torch.allclose(evaluate(x, knots, degree=degree).sum(dim=1), torch.ones(2, 101), atol=2e-6)


@pytest.mark.parametrize("degree", DEGREES)
def test_single_precision_is_accurate(evaluate: Make, knots_of: Make, kind: str, degree: int) -> None:
    knots = knots_of(kind, degree, 8).float()
    x = points(knots)
    exact = dense_basis(x.double(), knots.double(), degree=degree)
    values = evaluate(x, knots, degree=degree)
    assert values.dtype == torch.float32
    assert float((values - exact).abs().max()) < 2e-6


@pytest.mark.parametrize("index", range(18))
def test_bases_are_those_of_pykan(evaluate: Make, index: int) -> None:
    case: dict[str, Any] = torch.load(DATA / "pykan_layers.pt", weights_only=True)["cases"][index]
    values = evaluate(case["x"].T, case["grid"], degree=case["k"]).permute(2, 0, 1)
    x, knots = case["x"], case["grid"]
    if case["kind"] == "collapsed":
        # With a double knot pykan divides zero by zero; SciPy is the judge there.
        assert torch.allclose(values, scipy_basis(x.T, knots, case["k"]).permute(2, 0, 1), atol=1e-12)
    else:
        if case["k"] == 0:
            # pykan leaves the last knot out.
            values = values * (x < knots[:, -1])[:, :, None]
        assert torch.allclose(values, case["basis"], atol=1e-12)


def test_bases_on_tiny_grids_such_as_those_of_physical_constants_are_those_of_scipy(evaluate: Make) -> None:
    knots = torch.tensor([[-5.0, -4, -3, -1, -0.5, 0.8, 2, 3, 4]]).double() * 1e-34
    x = torch.linspace(-3, 2, 41).double()[None] * 1e-34
    assert torch.allclose(evaluate(x, knots, degree=2), scipy_basis(x, knots, 2), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("degree", DEGREES)
def test_coinciding_knots_are_finite_and_those_of_scipy(evaluate: Make, degree: int) -> None:
    knots = extend_knots(torch.tensor([[0.0, 1.0, 1.0, 2.0, 3.0]]).double(), degree=degree)
    x = points(knots)
    x = x[:, ~torch.isin(x[0], torch.tensor([1.0]).double())]
    assert torch.allclose(evaluate(x, knots, degree=degree), scipy_basis(x, knots, degree), atol=1e-12)
    for order in range(degree + 1):
        assert bool(torch.isfinite(evaluate(points(knots), knots, degree=degree, order=order)).all())


def test_many_samples_take_the_dense_evaluation_only_for_few_intervals() -> None:
    x = torch.zeros(1, 100_000)
    assert is_dense(x, torch.zeros(1, 10))
    assert not is_dense(x, torch.zeros(1, 100))


@pytest.mark.parametrize("degree", DEGREES)
def test_both_evaluations_give_the_slopes_beside_the_bases(knots_of: Make, kind: str, degree: int) -> None:
    knots = knots_of(kind, degree, 5)
    x = points(knots)
    expected = dense_basis(x, knots, degree=degree), basis_values(x, knots, degree=degree, order=1)
    for ours, right in zip(dense_basis_with_slopes(x, knots, degree=degree), expected):
        assert torch.allclose(ours, right, atol=1e-12)
    *local, rows = local_basis_with_slopes(x, knots, degree=degree)
    for ours, right in zip(local, expected):
        assert torch.allclose(ours.sum(dim=1), right.sum(dim=1), atol=1e-11)
        gathered = torch.gather(torch.cat([right, torch.zeros_like(right[:, :1])], dim=1), 1, rows)
        assert torch.allclose(ours, gathered, atol=1e-11)


# Derivatives through autograd and transforms


def smooth_points(knots: torch.Tensor) -> torch.Tensor:
    """Return samples that keep away from knots, where the last derivative jumps."""
    middles = (knots[:, 1:] + knots[:, :-1]) / 2 + 0.1 * knots.diff(dim=1)
    return middles[:, :: max(1, middles.shape[1] // 3)].clone().requires_grad_()


@pytest.mark.parametrize("intervals", [FEW, MANY])
@pytest.mark.parametrize("degree", DEGREES)
def test_first_and_second_derivatives_pass_gradcheck(knots_of: Make, kind: str, degree: int, intervals: int) -> None:
    knots = knots_of(kind, degree, intervals, 1)
    x = smooth_points(knots)

    def bases(x: torch.Tensor) -> torch.Tensor:
        return basis(x, knots, degree=degree)

    assert torch.autograd.gradcheck(bases, (x,))
    assert torch.autograd.gradgradcheck(bases, (x,))


@pytest.mark.parametrize("intervals", [FEW, MANY])
def test_autograd_reaches_every_order(knots_of: Make, kind: str, intervals: int) -> None:
    knots = knots_of(kind, 5, intervals, 1)
    x = smooth_points(knots)
    weights = torch.randn(intervals + 5, generator=torch.Generator().manual_seed(0)).double()
    value = torch.einsum("b,ibn->in", weights, basis(x, knots, degree=5))
    for order in range(1, 7):
        (value,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        expected = torch.einsum("b,ibn->in", weights, basis(x, knots, degree=5, order=order))
        assert torch.allclose(value, expected, rtol=1e-9)


@forward_mode
@pytest.mark.parametrize("intervals", [FEW, MANY])
def test_transforms_give_the_next_order(knots_of: Make, intervals: int) -> None:
    knots = knots_of("adaptive", 3, intervals, 1)
    x = smooth_points(knots).detach()

    def at(sample: torch.Tensor) -> torch.Tensor:
        return basis(sample.reshape(1, 1), knots, degree=3)[0, :, 0]

    slopes, bends = (basis(x, knots, degree=3, order=order)[0].T for order in (1, 2))
    for differentiate in (torch.func.jacrev, torch.func.jacfwd):
        assert torch.allclose(torch.func.vmap(differentiate(at))(x[0]), slopes)
    second = torch.func.jacfwd(torch.func.jacrev(at))
    assert torch.allclose(torch.func.vmap(second)(x[0]), bends)


@forward_mode
def test_nested_forward_mode_gives_the_derivatives_of_each_level(knots_of: Make) -> None:
    """Of custom Functions torch gives zero there."""
    knots = knots_of("adaptive", 4, FEW, 1)
    x = smooth_points(knots).detach()
    forward, reverse = torch.func.jacfwd, torch.func.jacrev

    def at(sample: torch.Tensor) -> torch.Tensor:
        return basis(sample.reshape(1, 1), knots, degree=4)[0, :, 0]

    for differentiate, order in (
        (forward(forward(at)), 2),
        (forward(reverse(forward(at))), 3),
        (forward(forward(forward(at))), 3),
    ):
        assert torch.allclose(torch.func.vmap(differentiate)(x[0]), basis(x, knots, degree=4, order=order)[0].T)


# Shapes and memory


@pytest.mark.parametrize("intervals", [FEW, MANY])
@pytest.mark.parametrize("degree", [0, 3])
def test_no_samples_give_no_values(knots_of: Make, degree: int, intervals: int) -> None:
    knots = knots_of("uniform", degree, intervals)
    assert basis(torch.zeros(2, 0).double(), knots, degree=degree).shape == (2, intervals + degree, 0)


@pytest.mark.parametrize("intervals", [FEW, MANY])
def test_samples_need_not_be_contiguous(knots_of: Make, intervals: int) -> None:
    knots = knots_of("uniform", 3, intervals)
    x = points(knots)
    strided = torch.stack([x, x + 9], dim=-1)[:, :, 0]
    assert not strided.is_contiguous()
    assert torch.equal(basis(strided, knots, degree=3), basis(x, knots, degree=3))


def test_local_bases_are_as_many_as_the_degree_says(knots_of: Make) -> None:
    knots = knots_of("uniform", 3, 50)
    values, rows = local_basis(points(knots), knots, degree=3)
    assert values.shape[1] == rows.shape[1] == 4


def test_nan_gives_no_error(evaluate: Make, knots_of: Make) -> None:
    assert evaluate(torch.full((2, 3), torch.nan).double(), knots_of("uniform", 3, 5), degree=3).shape == (2, 8, 3)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_formula_for_compilers_gives_the_same_bases_and_derivatives(knots_of: Make, kind: str, degree: int) -> None:
    knots = knots_of(kind, degree, 6)
    x = points(knots)
    for order in range(degree + 2):
        values = pointwise_basis(x, knots, degree=degree, order=order)
        expected = basis_values(x, knots, degree=degree, order=order)
        assert torch.allclose(values, expected, rtol=1e-12, atol=1e-13 * max(1.0, float(expected.abs().max())))
