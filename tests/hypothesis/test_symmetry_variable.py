"""Whether inputs act through an expression that is given."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.hypothesis import test_symmetry_var

a, b, c = symbols = sympy.symbols("a b c")


def cone(x: Tensor) -> Tensor:
    return x[:, [0]] * torch.sqrt(1 + (x[:, [1]] / x[:, [2]]) ** 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_of_the_published_example(samples: Any, capsys: Any, dtype: torch.dtype) -> None:
    x = samples(3, dtype=dtype)
    right = test_symmetry_var(cone, x, symbols, b / c)
    wrong = test_symmetry_var(cone, x, symbols, b * c)
    assert right.shape == (100,)
    assert right.dtype == dtype
    assert right.min() > 0.999
    assert 0.1 < (wrong > 0.9).float().mean() < 0.3
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("b/c: cosine above 0.999 at 100.0% of the samples, above 0.9 at 100.0%; a symmetry")
    assert second.endswith("; not a symmetry")


def test_an_expression_that_is_nearly_right_is_not_a_symmetry(samples: Any, capsys: Any) -> None:
    cosines = test_symmetry_var(lambda x: (x[:, 0] + x[:, 1]) ** 3, samples(3), symbols, a + 2 * b)
    assert cosines.min() > 0.9
    assert "not a symmetry" in capsys.readouterr().out


def test_the_threshold_can_be_chosen(samples: Any, capsys: Any) -> None:
    test_symmetry_var(lambda x: (x[:, 0] + x[:, 1]) ** 3, samples(3), symbols, a + 2 * b, cosine_th=0.9)
    assert "not a symmetry" not in capsys.readouterr().out


def test_units_of_the_inputs_do_not_matter(samples: Any) -> None:
    x = samples(3, dtype=torch.float64)
    units = torch.tensor([1.0, 1e6, 1.0], dtype=torch.float64)
    here = test_symmetry_var(lambda x: x[:, 0] * x[:, 1], x, symbols, a + b, quiet=True)
    there = test_symmetry_var(lambda x: x[:, 0] * x[:, 1] / 1e6, x * units, symbols, a + b / 10**6, quiet=True)
    torch.testing.assert_close(there, here)


@pytest.mark.parametrize(
    ("f", "expression"),
    [
        (lambda x: torch.log(1 + x[:, 0] ** 2 + x[:, 1] ** 2), sympy.sqrt(a**2 + b**2)),
        (lambda x: torch.sin(x[:, 0] + x[:, 2]) * x[:, 1], 3 * a + 3 * c + 7),
        (lambda x: torch.exp(x[:, 1]) * x[:, 0] ** 2 + x[:, 2], sympy.log(a**2) + b),
        (lambda x: torch.tanh(x.sum(dim=1)), a + b + c),
        (lambda x: x[:, 1] ** 2, b),
    ],
)
def test_any_expression_and_any_number_of_inputs(samples: Any, f: Any, expression: Any) -> None:
    assert test_symmetry_var(f, samples(3), symbols, expression, quiet=True).min() > 0.9999


def test_functions_that_numpy_lacks_are_refused(samples: Any) -> None:
    with pytest.raises(ArgumentError, match="numpy cannot evaluate"):
        test_symmetry_var(cone, samples(3), symbols, sympy.gamma(a))


def test_names_of_the_first_inputs_are_enough(samples: Any) -> None:
    cosines = test_symmetry_var(lambda x: x[:, 0] * (x[:, 1] + x[:, 2]), samples(8), [a, b, c], b + c, quiet=True)
    assert cosines.min() > 0.9999


def test_samples_without_a_gradient_are_left_out(capsys: Any) -> None:
    x = torch.cartesian_prod(*[torch.linspace(-1, 1, 5)] * 3)
    cosines = test_symmetry_var(lambda x: x[:, 0] * (x[:, 1] + x[:, 2]), x, symbols, b + c)
    assert int(cosines.isnan().sum()) == 25
    assert "at 100.0% of the samples" in capsys.readouterr().out


def test_nothing_is_said_about_inputs_without_influence(samples: Any, capsys: Any) -> None:
    test_symmetry_var(lambda x: x[:, 0] ** 2, samples(3), symbols, b + c)
    assert "nothing can be said" in capsys.readouterr().out


def test_the_summary_can_be_switched_off(samples: Any, capsys: Any) -> None:
    test_symmetry_var(cone, samples(3), symbols, b / c, quiet=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("names", "expression"),
    [
        ([a, b, c], sympy.Symbol("d") * a),
        ([a, b], b + c),
        ([a, b, c], sympy.Integer(2)),
        ([a, b, c, *sympy.symbols("d e")], a),
        ([a, a, b], a),
    ],
)
def test_symbols_must_name_inputs(samples: Any, names: Any, expression: Any) -> None:
    with pytest.raises(ArgumentError, match="symbols"):
        test_symmetry_var(cone, samples(3), names, expression)
