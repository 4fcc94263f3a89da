"""One equation, for sympy and for torch."""

from __future__ import annotations

import pytest
import sympy
import torch

from kan.datasets.feynman.equation import UNIT, Equation

ROW = Equation(0, "sum", "x y", (UNIT, UNIT), lambda f, x, y: f.sqrt(2 * f.pi) * x + f.exp(y))


def test_the_torch_function_takes_columns_and_returns_one() -> None:
    values = ROW.torch_function(torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]))
    assert torch.allclose(values, torch.tensor([[3.5066282], [2.7182817], [6.0132565]]))


def test_constants_have_the_precision_of_the_samples() -> None:
    x, y = sympy.symbols("x y")
    expected = float(ROW.formula(sympy, x, y).subs({x: 1, y: 0}).evalf(20))
    assert ROW.torch_function(torch.tensor([[1.0, 0.0]], dtype=torch.float64)).item() == pytest.approx(
        expected, rel=1e-15
    )
