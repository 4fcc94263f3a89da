"""pykan's four spline functions: shapes, arguments, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kan.common.errors import ArgumentError
from kan.spline import B_batch, coef2curve, curve2coef, extend_grid

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def case() -> dict[str, Any]:
    cases = torch.load(DATA / "pykan_layers.pt", weights_only=True)["cases"]
    return next(case for case in cases if case["k"] == 3 and case["kind"] == "non-uniform")


def test_b_batch_is_pykans(case: dict[str, Any]) -> None:
    values = B_batch(case["x"], case["grid"], case["k"], extend=True, device="cpu")
    assert torch.allclose(values, case["basis"], atol=1e-12)


def test_one_row_of_knots_serves_all_columns(case: dict[str, Any]) -> None:
    x, grid = case["x"], case["grid"][:1]
    expected = torch.cat([B_batch(x[:, [column]], grid, 3) for column in range(x.shape[1])], dim=1)
    assert torch.equal(B_batch(x, grid, 3), expected)


def test_coef2curve_is_pykans(case: dict[str, Any]) -> None:
    values = coef2curve(x_eval=case["x"], grid=case["grid"], coef=case["coef"], k=case["k"], device="cpu")
    assert torch.allclose(values, case["curve"], atol=1e-12)


def test_curve2coef_inverts_coef2curve(case: dict[str, Any]) -> None:
    x = torch.linspace(-1, 1, 100).double()[:, None].expand(-1, 2)
    y = coef2curve(x, case["grid"], case["coef"], 3)
    assert torch.allclose(curve2coef(x_eval=x, y_eval=y, grid=case["grid"], k=3), case["coef"], atol=1e-9)


def test_extend_grid_extends_by_the_mean_interval() -> None:
    assert extend_grid(torch.tensor([[0.0, 1.0]]), k_extend=2).tolist() == [[-2, -1, 0, 1, 2, 3]]
    assert extend_grid(torch.tensor([[0.0, 1.0]])).tolist() == [[0, 1]]


def test_the_format_of_x_decides(case: dict[str, Any]) -> None:
    x = case["x"].float()
    assert B_batch(x, case["grid"], 3).dtype == torch.float32
    assert coef2curve(x, case["grid"], case["coef"], 3).dtype == torch.float32
    assert curve2coef(x, case["curve"], case["grid"], 3).dtype == torch.float32


def test_x_is_differentiated(case: dict[str, Any]) -> None:
    x = case["x"][:6].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: coef2curve(x, case["grid"], case["coef"], 3), (x,))


@pytest.mark.parametrize("x", [torch.zeros(5), torch.zeros(5, 3), torch.zeros(5, 2, 1)])
def test_x_of_another_shape_is_refused(case: dict[str, Any], x: torch.Tensor) -> None:
    for call in (
        lambda: B_batch(x, case["grid"], 3),
        lambda: coef2curve(x, case["grid"], case["coef"], 3),
        lambda: curve2coef(x, torch.zeros(5, 2, 1), case["grid"], 3),
    ):
        with pytest.raises(ArgumentError, match=r"must have shape \(N, I\)"):
            call()


def test_one_interval_is_enough() -> None:
    """There the bases are the polynomials of Bernstein, here of degree 1, whose values are known."""
    x = torch.tensor([[0.0], [0.25]])
    assert B_batch(x, torch.tensor([[-1.0, 0.0, 1.0, 2.0]]), 1).tolist() == [[[1, 0]], [[0.75, 0.25]]]


@pytest.mark.parametrize(("knots", "k"), [(7, 3), (1, 0), (8, -1)])
def test_too_few_knots_are_refused(knots: int, k: int) -> None:
    with pytest.raises(ArgumentError, match="at least 2k \\+ 2"):
        B_batch(torch.zeros(5, 2), torch.zeros(2, knots), k)


@pytest.mark.parametrize("shape", [(2, 3, 6), (3, 3, 7)])
def test_coefficients_that_do_not_fit_are_refused(case: dict[str, Any], shape: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentError, match=r"`coef` must have shape \(2, O, 7\)"):
        coef2curve(case["x"], case["grid"], torch.zeros(shape), 3)


def test_values_that_do_not_fit_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"`y_eval` must have shape \(19, 2, O\); got \(4, 2, 1\)"):
        curve2coef(case["x"], torch.zeros(4, 2, 1), case["grid"], 3)


def test_shapes_that_do_not_fit_are_named() -> None:
    grid = extend_grid(torch.linspace(-1, 1, 6)[None, :], k_extend=3)
    with pytest.raises(ArgumentError, match=r"`y_eval` must have shape \(9, 1, O\)"):
        curve2coef(torch.rand(9, 1), torch.rand(9, 1), grid, 3)
    with pytest.raises(ArgumentError, match=r"`grid` must have shape \(I, G \+ 1\)"):
        extend_grid(torch.linspace(-1, 1, 6), k_extend=3)
    with pytest.raises(ArgumentError, match=r"`grid` \(I, knots\) with the same I; got \(9, 1\) and \(1,\)"):
        B_batch(torch.rand(9, 1), torch.zeros(1), 3)


def test_a_negative_number_of_knots_to_add_is_refused() -> None:
    with pytest.raises(ArgumentError, match="`k_extend` must be a whole number of at least 0; got -1"):
        extend_grid(torch.tensor([[0.0, 1.0]]), k_extend=-1)
