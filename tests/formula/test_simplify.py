from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from kan.common.errors import ArgumentError, FormulaError
from kan.formula import simplify_formula
from kan.formula.evaluation import Evaluation

a, b = sympy.symbols("x_1 x_2")
HELLO = sympy.exp(b**2 + sympy.sin(sympy.pi * a))


@pytest.fixture
def data():
    return 2 * np.random.default_rng(0).random((500, 2)) - 1


def trained(error=1e-9, extra=0):
    """Write the hello formula as symbolic edges give it: arbitrary scales, a shifted phase, small errors everywhere."""
    c = 2.5 * np.exp(0.3)
    inner = (2 + error) * sympy.sin((np.pi + error) * a + np.pi + error) - 0.16 + extra
    square = 0.25 * (2 * b + error) ** 2
    return c * sympy.exp(-0.5 * inner + (1 + error) * square - 0.08 - np.log(2.5) - 0.3) + error


def test_the_hello_formula_is_exact(data):
    result = simplify_formula(trained(), data=data, variables=[a, b], tolerance=1e-6)
    assert result.expression == HELLO
    assert result.change[0] < 1e-7


def long():
    """Write a sum of 40 terms that have no simple constants."""
    random = np.random.default_rng(1)
    terms = [
        random.random() * sympy.tanh(random.random() * sympy.sin(random.random() * a + 1.1) + random.random() * b**2)
        for _ in range(40)
    ]
    return sympy.Add(*terms)


@pytest.mark.parametrize("write", [trained, long])
def test_few_forms_are_evaluated_and_every_part_is_tried_a_few_times(write, data, monkeypatch):
    formula, forms, trials = write(), [], []
    build, trial = Evaluation.__init__, Evaluation.trial
    monkeypatch.setattr(Evaluation, "__init__", lambda *args: (forms.append(0), build(*args))[1])
    monkeypatch.setattr(Evaluation, "trial", lambda *args: (trials.append(0), trial(*args))[1])
    simplify_formula(formula, data=data, variables=[a, b], tolerance=1e-6)
    parts = sum(1 for _ in sympy.preorder_traversal(formula))
    assert 1 <= len(forms) <= 50
    assert 1 <= len(trials) <= 5 * parts


def test_a_term_that_is_left_over_goes_within_the_tolerance(data):
    extra = 1e-5 * a
    result = simplify_formula(trained(extra=extra), data=data, variables=[a, b], tolerance=1e-4)
    assert result.expression == HELLO
    assert any(term.has(a) for term, _ in result.dropped[0])
    strict = simplify_formula(trained(extra=extra), data=data, variables=[a, b], tolerance=1e-6)
    assert strict.expression != HELLO


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (0.25 * (0.9999999 * a + b) ** 2 - 0.2500001 * (a - b) ** 2 + 1e-8, a * b),
        (np.exp(-1) * sympy.exp(a + 1.0), sympy.exp(a)),
        (0.5 * sympy.sqrt(8.0 * a + 12.0), sympy.sqrt(2 * a + 3)),
        (2.25 * (0.6666666667 * a + 0.3333333333) ** 2, (a + sympy.Rational(1, 2)) ** 2),
        (3.0 * sympy.sin(2.0 * a + 1.5707963268), 3 * sympy.cos(2 * a)),
        (1.0 * sympy.log(0.5 * a + 1.0) + 0.69314718056, sympy.log(a + 2)),
        (1.41421356 * a + 2.71828183 * b, sympy.sqrt(2) * a + sympy.E * b),
        (0.3333333 * a + 1e-12 * sympy.exp(a * b), a / 3),
        (a / (1.0000001 * b + 3.0) ** 2, a / (b + 3) ** 2),
    ],
)
def test_equivalent_forms_are_recognised(formula, expected, data):
    result = simplify_formula(formula, data=data, variables=[a, b], tolerance=1e-6)
    assert sympy.simplify(result.expression - expected) == 0
    assert not result.expression.atoms(sympy.Float)


@pytest.mark.parametrize("tolerance", [0, 1e-8, 1e-4, 1e-2, 0.3])
def test_the_tolerance_is_kept_on_all_data(tolerance, data):
    formula = 0.7371 * sympy.exp(0.317 * a + 0.0113 * b**2) + 0.1003 * sympy.sin(2.9991 * b + 0.413) + 0.0017 * a * b
    result = simplify_formula(formula, data=data, variables=[a, b], tolerance=tolerance)
    before, after = (
        sympy.lambdify([a, b], expr, "numpy")(*data.T) + 0 * data[:, 0] for expr in (formula, result.expression)
    )
    change = np.sqrt(np.mean((after - before) ** 2))
    assert change <= tolerance * before.std() * 1.0001 + 1e-14
    assert result.change[0] == pytest.approx(change, abs=1e-13)
    assert result.spread[0] == pytest.approx(before.std())


def test_rows_that_only_the_full_data_have_count(data):
    # The term matters at one row in five hundred, which a sample may miss.
    data = data.copy()
    data[:, 0], data[7, 0] = 0.0, 1.0
    formula = 5.0 * a + 1.23456 * b
    result = simplify_formula(formula, data=data, variables=[a, b], tolerance=1e-3)
    assert result.expression.has(a)


def test_constants_without_a_simple_neighbour_stay(data):
    formula = 0.7310586 * sympy.sin(1.9171 * a)
    assert simplify_formula(formula, data=data, variables=[a, b], tolerance=1e-8).expression == formula


def test_several_outputs_are_simplified_one_by_one(data):
    result = simplify_formula(
        [0.99999999 * a, 2.0 * b + 1e-9], data=torch.tensor(data), variables=[a, b], tolerance=1e-6
    )
    assert result.expressions == [a, 2 * b]
    with pytest.raises(FormulaError, match="2 outputs"):
        _ = result.expression


def test_the_report_names_everything(data):
    formula = 0.9999999 * sympy.sin(3.1415926 * a) + 1e-7 * b
    result = simplify_formula(formula, data=data, variables=[a, b], tolerance=1e-5)
    text = str(result)
    assert text == result.report()
    for part in ("sin(pi*x_1)", "1.0e-7*x_2", "3.1415926 -> pi", "rms"):
        assert part in text


def test_rows_outside_the_domain_are_left_out(data):
    result = simplify_formula(1.0000001 * sympy.log(a), data=data, variables=[a, b], tolerance=1e-5)
    assert result.expression == sympy.log(a)


def test_the_report_says_how_many_rows_are_left_out(data):
    level = float(np.median(data[:, 0]))
    result = simplify_formula([sympy.log(a - level), a], data=data, variables=[a, b], tolerance=1e-3)
    outside = int((data[:, 0] <= level).sum())
    assert result.left_out == [outside, 0]
    assert str(result).count(f"not finite on {outside} of {len(data)} rows, which are left out") == 1


def test_a_constant_formula_is_snapped(data):
    formula = sympy.Float(3.14159265) + 0 * a
    assert simplify_formula(formula, data=data, variables=[a, b], tolerance=1e-6).expression == sympy.pi


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tolerance": -1.0}, ArgumentError, "tolerance"),
        ({"tolerance": float("nan")}, ArgumentError, "tolerance"),
        ({"data": np.zeros((3, 1))}, ArgumentError, r"\(N, 2\)"),
        ({"data": np.zeros((0, 2))}, ArgumentError, "N > 0"),
        ({"expr": sympy.Symbol("z") + a}, FormulaError, "contains z"),
        ({"expr": sympy.log(-1 - a**2)}, FormulaError, "no finite value"),
    ],
)
def test_wrong_arguments_are_errors(options, error, message, data):
    arguments = {"expr": 2.0 * a, "data": data, "variables": [a, b], "tolerance": 1e-6, **options}
    with pytest.raises(error, match=message):
        simplify_formula(arguments.pop("expr"), **arguments)


def test_a_term_that_matters_in_one_row_of_many_stays():
    """Most work is done on some of the rows; the tolerance holds on all."""
    data = np.random.default_rng(0).random((5000, 2))
    data[:, 1] = 0.0
    data[1010, 1] = 1.0
    result = simplify_formula(a + 0.5 * b, data=data, variables=[a, b], tolerance=1e-3)
    assert result.expression == a + b / 2
