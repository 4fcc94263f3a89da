"""The public methods on the way to a formula; `tests/formula` tests what they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
import torch
from torch import Tensor

from kan import KAN
from kan.common.errors import FormulaError


def test_fixing_and_unfixing_an_edge(make: Any, x: Tensor, capsys: Any) -> None:
    model = make()
    before = model(x)
    r2 = model.fix_symbolic(0, 0, 1, "sin")
    assert "r2" in capsys.readouterr().out
    assert 0 <= float(r2) <= 1
    assert model.symbolic_fun[0].funs_name[1][0] == "sin"
    model.unfix_symbolic(0, 0, 1)
    assert torch.equal(model(x), before)


def test_a_function_is_fitted_to_the_data_that_are_given(make: Any, x: Tensor) -> None:
    model, twin, other = make(), make(), 0.1 * x + 0.5
    assert model.suggest_symbolic(0, 0, 1, lib=["exp"], verbose=False)[2] != pytest.approx(1, abs=1e-4)
    twin.get_act(other)
    found = model.suggest_symbolic(0, 0, 1, lib=["exp"], x=other, verbose=False)
    assert found[2] == twin.suggest_symbolic(0, 0, 1, lib=["exp"], verbose=False)[2]
    assert model.fix_symbolic(0, 0, 1, "exp", x=other) == twin.fix_symbolic(0, 0, 1, "exp")
    assert torch.equal(model.symbolic_fun[0].affine, twin.symbolic_fun[0].affine)


def test_all_edges_become_splines_again(make: Any, x: Tensor) -> None:
    model = make()
    before = model(x)
    for j in range(3):
        model.fix_symbolic(0, 0, j, "x^2", fit_params_bool=False)
    model.unfix_symbolic_all()
    assert torch.equal(model(x), before)


def test_without_a_fit_the_function_is_plain(make: Any, x: Tensor) -> None:
    model = make((2, 1))
    assert model.fix_symbolic(0, 0, 0, "x^2", fit_params_bool=False) is None
    model.fix_symbolic(0, 1, 0, lambda value: value**3, fit_params_bool=False)
    assert torch.allclose(model(x), x[:, [0]] ** 2 + x[:, [1]] ** 3, atol=1e-6)


def test_from_data_to_a_formula(dataset: Any) -> None:
    model = KAN(width=[2, 1], seed=0)
    model.fit(dataset, steps=4, progress=False)
    lib = ["x", "x^2", "sin"]
    name, _, r2, complexity = model.suggest_symbolic(0, 0, 0, lib=lib, verbose=False)
    assert (name, complexity.item()) == ("x^2", 2)  # `item`, for scripts call it
    assert r2.item() > 0.999
    assert model.symbolic_fun[0].mask.sum() == 0
    model.auto_symbolic(lib=lib, verbose=0)
    assert model.symbolic_fun[0].funs_name == [["x^2", "x"]]
    model.fit(dataset, steps=4, progress=False)
    a, b = sympy.symbols("a b")
    formulas, variables = model.symbolic_formula(var=["a", "b"], tolerance=1e-2, verbose=False)
    assert variables == [a, b]
    assert sympy.expand(formulas[0] - (a**2 + b)) == 0


@pytest.fixture
def trained(dataset: Any) -> KAN:
    """Return a network with splines for x0 ** 2 + x1."""
    model = KAN(width=[2, 1], seed=0, auto_save=False).double()
    model.fit(dataset, steps=4, progress=False)
    return model


@pytest.mark.parametrize(("name", "number"), [("a_range", 0), ("b_range", 1)])
@pytest.mark.parametrize(
    "fix",
    [
        lambda model, **ranges: model.auto_symbolic(lib=["gaussian"], verbose=0, **ranges),
        lambda model, **ranges: model.fix_symbolic(0, 0, 0, "gaussian", verbose=False, **ranges),
    ],
    ids=["auto_symbolic", "fix_symbolic"],
)
def test_parameters_lie_within_the_ranges(trained: KAN, fix: Any, name: str, number: int) -> None:
    fix(trained)
    assert not 2 <= trained.symbolic_fun[0].affine[0, 0, number].item() <= 3
    trained.unfix_symbolic_all()
    fix(trained, **{name: (2, 3)})
    assert 2 <= trained.symbolic_fun[0].affine[0, 0, number].item() <= 3


@pytest.mark.parametrize(("weight", "name"), [(0.8, "cos"), (0.0, "gaussian")])
def test_simplicity_has_a_weight(trained: KAN, weight: float, name: str) -> None:
    """A parabola, which a gaussian fits a little better."""
    options: dict[str, Any] = {"lib": ["cos", "gaussian"], "weight_simple": weight}
    assert trained.suggest_symbolic(0, 0, 0, verbose=False, **options)[0] == name
    trained.auto_symbolic(verbose=0, **options)
    assert trained.symbolic_fun[0].funs_name[0][0] == name


def test_edges_that_no_function_fits_well_stay_splines(trained: KAN) -> None:
    trained.auto_symbolic(lib=["x"], r2_threshold=0.9, verbose=0)
    assert trained.symbolic_fun[0].funs_name == [["0", "x"]]
    assert trained.act_fun[0].mask.tolist() == [[1], [0]]


@pytest.mark.parametrize("name", ["a_range", "b_range"])
def test_suggest_symbolic_searches_within_the_ranges(trained: KAN, name: str) -> None:
    def fit(**ranges: Any) -> float:
        return trained.suggest_symbolic(0, 0, 0, lib=["gaussian"], verbose=False, **ranges)[2]

    assert fit(**{name: (5.0, 6.0)}) < 0.9 * fit()


def test_topk_is_the_number_of_rows_of_the_table(trained: KAN, capsys: Any) -> None:
    for topk in (2, 3):
        trained.suggest_symbolic(0, 0, 0, lib=["x", "x^2", "sin", "exp"], topk=topk)
        assert len(capsys.readouterr().out.splitlines()) == 1 + topk


def test_random_parameters_lie_between_minus_one_and_one(make: Any) -> None:
    model = make((2, 1))
    for i in range(2):
        model.fix_symbolic(0, i, 0, "sin", fit_params_bool=False, random=True)
    parameters = model.symbolic_fun[0].affine.detach().flatten()
    assert float(parameters.abs().max()) < 1
    assert len(parameters.unique()) == 8


def test_sympy_simplifies_on_request() -> None:
    model = KAN(width=[1, 2, 1], seed=0)
    for j, name in enumerate(("sin", "cos")):
        model.fix_symbolic(0, 0, j, name, fit_params_bool=False)
        model.fix_symbolic(1, j, 0, "x^2", fit_params_bool=False)
    x = sympy.Symbol("x_1")
    assert model.symbolic_formula()[0] == [sympy.sin(x) ** 2 + sympy.cos(x) ** 2]
    assert model.symbolic_formula(simplify=True)[0] == [1]


def test_a_formula_equals_the_network(make: Any, x: Tensor) -> None:
    model = make((2, 2, 1)).double()
    for layer, i, j in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 1, 0)):
        model.fix_symbolic(layer, i, j, "sin", fit_params_bool=False, random=True)
    formulas, variables = model.symbolic_formula()
    values = sympy.lambdify(variables, formulas[0], "numpy")(*x.double().T.numpy())
    assert np.allclose(values, model(x).detach().numpy()[:, 0], atol=1e-12)


def test_normalisation_is_undone(make: Any, x: Tensor) -> None:
    model = make((2, 1)).double()
    for i in range(2):
        model.fix_symbolic(0, i, 0, "x", fit_params_bool=False)
    formulas, variables = model.symbolic_formula(normalizer=[[1.0, 2.0], [2.0, 4.0]], output_normalizer=[[10.0], [3.0]])
    expected = 3 * ((variables[0] - 1) / 2 + (variables[1] - 2) / 4) + 10
    points = [dict(zip(variables, values)) for values in ((0.0, 0.0), (1.0, -2.0), (3.5, 0.25))]
    assert [float(formulas[0].subs(p)) for p in points] == pytest.approx([float(expected.subs(p)) for p in points])


def test_splines_that_are_left_are_named(make: Any) -> None:
    model = make((2, 1))
    model.fix_symbolic(0, 0, 0, "x", fit_params_bool=False)
    with pytest.raises(FormulaError, match=r"\(0,1,0\)"):
        model.symbolic_formula()
