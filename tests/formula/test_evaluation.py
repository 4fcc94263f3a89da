from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from kan.common.errors import FormulaError
from kan.formula.evaluation import Evaluation
from kan.symbolic.library import SYMBOLIC_LIB, add_symbolic

x, y = sympy.symbols("x y")
POINTS = np.linspace(0.1, 0.9, 7)
COLUMNS = {x: POINTS, y: POINTS[::-1].copy()}


@pytest.mark.parametrize("name", [name for name in SYMBOLIC_LIB if name != "0"])
def test_every_function_of_the_library_is_evaluated(name):
    entry = SYMBOLIC_LIB[name]
    output = Evaluation(entry.sympy_fun(0.9 * x + 0.05), COLUMNS).output
    np.testing.assert_allclose(output, entry.torch_fun(torch.tensor(0.9 * POINTS + 0.05)).numpy(), rtol=1e-14)


@pytest.mark.parametrize(
    "expr",
    [
        x * y + 2 * x / y,
        sympy.erf(x),
        sympy.Max(x, y, 0.5),
        sympy.sinh(x) ** 3,
        sympy.pi + sympy.sqrt(2) * x,
        sympy.S(3),
    ],
)
def test_other_expressions_are_evaluated_as_by_sympy(expr):
    exact = [float(expr.subs({x: a, y: b})) for a, b in zip(COLUMNS[x], COLUMNS[y])]
    np.testing.assert_allclose(Evaluation(expr, COLUMNS).output, exact, rtol=1e-13)


def test_an_added_function_is_evaluated():
    add_symbolic("J0", torch.special.bessel_j0)
    try:
        output = Evaluation(SYMBOLIC_LIB["J0"].sympy_fun(2 * x), COLUMNS).output
    finally:
        del SYMBOLIC_LIB["J0"]
    np.testing.assert_allclose(output, torch.special.bessel_j0(torch.tensor(2 * POINTS)).numpy())


def test_an_added_function_of_numpy_is_evaluated_at_a_number(monkeypatch):
    """Of arrays without dimensions numpy's functions make numbers."""
    monkeypatch.setitem(SYMBOLIC_LIB, "sinh", SYMBOLIC_LIB["sin"])
    add_symbolic("sinh", lambda x: torch.from_numpy(np.sinh(x.numpy())))
    output = Evaluation(SYMBOLIC_LIB["sinh"].sympy_fun(sympy.S(2)) * x, COLUMNS).output
    np.testing.assert_allclose(output, np.sinh(2) * POINTS)


def test_a_function_that_replaces_one_of_the_library_is_evaluated(monkeypatch):
    monkeypatch.setitem(SYMBOLIC_LIB, "log", SYMBOLIC_LIB["log"])
    add_symbolic("log", lambda x: torch.log(torch.abs(x)))
    output = Evaluation(SYMBOLIC_LIB["log"].sympy_fun(-x), COLUMNS).output
    np.testing.assert_allclose(output, np.log(POINTS))


def test_a_function_that_nobody_knows_is_an_error():
    with pytest.raises(FormulaError, match="add_symbolic"):
        Evaluation(sympy.Function("nobody")(x), COLUMNS)


def test_a_trial_changes_nothing_and_a_commit_does():
    evaluation = Evaluation(sympy.sin(3.0 * x) + y, COLUMNS)
    constant = next(part for part in evaluation.root.descendants() if part.expr.is_Float)
    before = evaluation.output.copy()
    np.testing.assert_allclose(evaluation.trial(constant, 2.0), np.sin(2 * POINTS) + COLUMNS[y])
    np.testing.assert_array_equal(evaluation.output, before)
    evaluation.commit(constant, sympy.Integer(2), 2.0)
    np.testing.assert_allclose(evaluation.output, np.sin(2 * POINTS) + COLUMNS[y])
    assert evaluation.root.rebuild() == sympy.sin(2 * x) + y


def test_values_outside_the_domain_are_nan_without_a_warning():
    assert np.isnan(Evaluation(sympy.log(x - 2) + sympy.sqrt(-1 - x), COLUMNS).output).all()


def test_an_unknown_symbol_is_an_error():
    with pytest.raises(FormulaError, match="contains z"):
        Evaluation(sympy.Symbol("z") + x, COLUMNS)
