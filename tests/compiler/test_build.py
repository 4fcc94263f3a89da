"""Expressions compiled to networks: values, formulas, and what can be done with the networks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, Float, Function, Rational, atan, cos, cosh, exp, pi, sin, sqrt, symbols, tanh

from kan import KAN, SYMBOLIC_LIB, add_symbolic, create_dataset
from kan.common.errors import ArgumentError, FormulaError
from kan.compiler import expr2kan, kanpiler, sf2kan
from kan.feynman import get_feynman_dataset

X, Y, Z = VARIABLES = symbols("x y z")
DOUBLE = torch.float64


def samples(number: int, *, columns: int = 3, low: Any = 0.3, high: Any = 1.5) -> torch.Tensor:
    stream = torch.Generator().manual_seed(number)
    return low + (high - low) * torch.rand(100, columns, generator=stream, dtype=DOUBLE)


def values_of(expr: Any, x: torch.Tensor, variables: Any = VARIABLES) -> torch.Tensor:
    """Let sympy evaluate an expression by numpy."""
    values = sympy.lambdify(variables, expr, "numpy")(*x.T.numpy())
    return torch.as_tensor(np.broadcast_to(values, len(x)).copy())[:, None]


def assert_close(ours: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-12) -> None:
    error = (ours - expected).abs() / (expected.abs() + expected.abs().mean() + 1e-300)
    assert float(error.max()) < tolerance


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def doppler() -> tuple[KAN, dict[str, torch.Tensor]]:
    """Give the network of Feynman's equation I.34.14, and data."""
    variables, expr, f, ranges = get_feynman_dataset(36)
    data = create_dataset(f, n_var=3, ranges=ranges, train_num=200, test_num=100, dtype=DOUBLE)
    return kanpiler(variables, expr, dtype=DOUBLE), data


# Values and formulas


@pytest.mark.parametrize("number", range(1, 121))
@torch.no_grad()
def test_every_feynman_equation_makes_the_round_trip(number: int) -> None:
    variables, expr, f, ranges = get_feynman_dataset(number)
    low, high = torch.tensor(ranges, dtype=DOUBLE).T
    x = samples(number, columns=len(variables), low=low, high=high)
    model = kanpiler(variables, expr, dtype=DOUBLE)
    (formula,), inputs = model.symbolic_formula(var=variables)
    assert_close(model(x), f(x))
    assert_close(values_of(formula, x, variables), f(x), tolerance=1e-10)
    assert inputs == list(variables)
    assert formula.free_symbols == expr.free_symbols
    assert not model.has_splines


@pytest.mark.parametrize(
    "expr",
    [
        X + sin(X),
        X**3 + X**2 + X,
        X + Y + sin(X + Y) + exp(sin(X + Y)),
        exp(X * Y) + exp(-X * Y) + X * Y,
        sum(sin(k * X) for k in range(1, 9)),
        X**7 - Y ** Rational(1, 3) + Z**2.5 + X**-6,
        X**Y + 2**Z,
        cosh(X * Y) / sympy.sec(Z),
        sympy.Max(X, Y, Z) - sympy.Min(X, Y),
        sympy.expand((X + Y + Z + 1) ** 4),
        sqrt(2) * (X + Y) - sqrt(2) * X,
        (X - Y) ** 2 * (X + Z) ** 2,
        tanh(atan(sympy.atanh(X / 4)) + sympy.asin(Y / 2) + sympy.acos(Z / 2)) + sympy.sign(X - 1) + sympy.tan(X),
        Float("0.1") * X + Float("1.7320508") * Y * Z,
        Y,
    ],
)
@torch.no_grad()
def test_the_network_equals_the_expression(expr: Any) -> None:
    x = samples(0)
    model = kanpiler(VARIABLES, expr, dtype=DOUBLE)
    assert_close(model(x), values_of(expr, x))
    assert_close(values_of(model.symbolic_formula(var=VARIABLES)[0][0], x), values_of(expr, x))


def grown(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    functions = (
        sin,
        tanh,
        Abs,
        lambda u: u**2,
        lambda u: 1 / (1 + u**2),
        lambda u: sqrt(1 + u**2),
        lambda u: exp(sin(u)),
    )
    return st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(lambda some: sympy.Add(*some)),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: sympy.Mul(*some)),
        st.builds(lambda function, part: function(part), st.sampled_from(functions), parts),
    )


@given(st.recursive(st.sampled_from([*VARIABLES, Rational(-3, 2), Rational(1, 3), pi]), grown, max_leaves=12))
@torch.no_grad()
def test_the_network_equals_any_expression(expr: Any) -> None:
    x = samples(1)
    expected = values_of(expr, x)
    error = (kanpiler(VARIABLES, expr, dtype=DOUBLE)(x) - expected).abs().max()
    assert float(error) < 1e-11 * max(1.0, float(expected.abs().max()))


@torch.no_grad()
def test_compiled_feynman_36_is_exact_on_its_data(doppler: tuple[KAN, dict[str, torch.Tensor]]) -> None:
    model, data = doppler
    assert float((model(data["test_input"]) - data["test_label"]).square().mean()) < 1e-30
    assert model.width == [[3, 0], [1, 2], [0, 1]]


@torch.no_grad()
def test_a_number_is_a_network_too() -> None:
    model = kanpiler(VARIABLES, pi, dtype=DOUBLE)
    assert model(torch.zeros(2, 3)).flatten().tolist() == [float(pi)] * 2
    assert float(model.symbolic_formula()[0][0]) == float(pi)
    assert model.n_edge == 0


@torch.no_grad()
def test_functions_that_were_added_can_be_used() -> None:
    add_symbolic("J0", torch.special.bessel_j0)
    try:
        expr = exp(Function("J0")(20 * X) + Y**2)
        model = kanpiler([X, Y], expr, dtype=DOUBLE)
        x = samples(2, columns=2)
        assert_close(model(x), torch.exp(torch.special.bessel_j0(20 * x[:, [0]]) + x[:, [1]] ** 2))
        (formula,), _ = model.symbolic_formula(var=[X, Y])
        assert {part.func for part in formula.atoms(Function("J0"))} == {Function("J0")}
    finally:
        del SYMBOLIC_LIB["J0"]


@torch.no_grad()
def test_inputs_have_the_order_of_the_variables_and_need_not_all_occur() -> None:
    model = kanpiler([Z, X, Y], X - 2 * Y)
    assert model(torch.tensor([[100.0, 5.0, 1.0]])).item() == 3


@torch.no_grad()
def test_values_far_out_are_those_of_the_expression() -> None:
    # exp overflows to infinity, whose reciprocal is zero; a spline or its base function there would be NaN.
    model = kanpiler([X], 1 / (1 + exp(X)), dtype=DOUBLE)
    assert model(torch.tensor([[-1e4], [0.0], [1e4]], dtype=DOUBLE)).flatten().tolist() == [1, 0.5, 0]


# The network


def test_only_the_edges_of_the_expression_are_there() -> None:
    model = kanpiler([X, Y], exp(sin(pi * X) + Y**2))
    assert model.width == [[2, 0], [1, 0], [1, 0]]
    assert model.n_edge == 3
    assert [layer.funs_name for layer in model.symbolic_fun] == [[["sin", "x^2"]], [["exp"]]]
    assert not any(bool(layer.mask.any()) for layer in model.act_fun)


def test_affine_maps_are_parameters_that_are_trained() -> None:
    model = kanpiler([X], 3 * sin(2 * X + 1) + 4)
    assert model.symbolic_fun[0].affine.tolist() == [[[2, 1, 3, 4]]]
    assert model.symbolic_fun[0].affine.requires_grad


def test_precision_grid_degree_and_base_function_are_those_asked_for() -> None:
    model = kanpiler([X], pi * X, 7, 2, base_fun="identity", dtype=DOUBLE)
    assert (model.grid, model.k, model.base_fun_name, model.dtype) == (7, 2, "identity", DOUBLE)
    assert model.symbolic_fun[0].affine[0, 0, 2].item() == float(pi)
    assert model.act_fun[0].coef.shape == (1, 1, 9)


def test_the_precision_is_torchs_by_default() -> None:
    assert kanpiler([X], pi * X).dtype == torch.float32
    torch.set_default_dtype(DOUBLE)
    assert kanpiler([X], pi * X).symbolic_fun[0].affine[0, 0, 2].item() == float(pi)


def test_the_three_names_are_one_function() -> None:
    assert expr2kan is sf2kan is kanpiler


def test_a_single_symbol_may_stand_for_the_list() -> None:
    assert kanpiler(X, X**2).width == [[1, 0], [1, 0]]


@pytest.mark.usefixtures("global_generators_untouched")
def test_compiling_draws_no_numbers_of_others() -> None:
    kanpiler([X], X**2)


# Bad input


@pytest.mark.parametrize("variables", [[], "x", ["x"], [X, 1], None, 3])
def test_variables_must_be_symbols(variables: Any) -> None:
    with pytest.raises(ArgumentError, match="`input_variables` must list sympy symbols"):
        kanpiler(variables, X)


def test_variables_must_differ() -> None:
    with pytest.raises(ArgumentError, match="each variable once"):
        kanpiler([X, X], X)


def test_text_is_no_expression() -> None:
    with pytest.raises(ArgumentError, match="`expr` must be a sympy expression or a number"):
        kanpiler([X], "x + 1")


def test_constants_beyond_the_precision_are_refused() -> None:
    with pytest.raises(FormulaError, match=r"too large for torch\.float32"):
        kanpiler([X], Float(1e300) * X)
    assert kanpiler([X], Float(1e300) * X, dtype=DOUBLE).n_edge == 1


# What can be done with it


def test_it_can_be_trained(doppler: tuple[KAN, dict[str, torch.Tensor]]) -> None:
    model, data = doppler
    with torch.no_grad():
        for layer in model.symbolic_fun:
            layer.affine[layer.mask != 0] *= 1.02
        before = (model(data["train_input"]) - data["train_label"]).square().mean().sqrt()
    assert model.fit(data, steps=4, progress=False)["train_loss"][-1] < 1e-2 * float(before)


def test_an_edge_can_be_made_a_spline_and_trained(doppler: tuple[KAN, dict[str, torch.Tensor]]) -> None:
    model, data = doppler
    model.unfix_symbolic(1, 2, 2)
    assert model.has_splines
    assert np.isfinite(model.fit(data, steps=3, lamb=1e-3, progress=False)["train_loss"]).all()


def test_it_can_be_drawn(doppler: tuple[KAN, dict[str, torch.Tensor]]) -> None:
    model, data = doppler
    model.get_act(data)
    figure = model.plot(in_vars=symbols("omega_0 v c"), out_vars=["omega"])
    assert len(figure.axes) > 0


@torch.no_grad()
def test_pruning_and_refining_keep_it(doppler: tuple[KAN, dict[str, torch.Tensor]]) -> None:
    model, data = doppler
    model.get_act(data)
    expected = model(data["test_input"])
    for child in (model.prune(), model.refine(10), model.prune_input(), copy.deepcopy(model)):
        assert (child.width, child.n_edge) == (model.width, model.n_edge)
        assert torch.equal(child(data["test_input"]), expected)


def test_it_can_be_expanded_and_perturbed(doppler: tuple[KAN, dict[str, torch.Tensor]]) -> None:
    model, data = doppler
    expected = model(data["test_input"]).detach()
    model.expand_width(1, 1)
    model.expand_width(1, 1, sum_bool=False, mult_arity=3)
    model.expand_depth()
    assert model.width == [[3, 0], [2, 3], [0, 1], [1, 0]]
    assert torch.equal(model(data["test_input"]), expected)
    assert model.symbolic_formula(var=VARIABLES)[0][0] == X * (1 + Y / Z) / sqrt(1 - Y**2 / Z**2)
    model.perturb(mag=0.5)
    assert_close(model(data["test_input"]).detach(), expected)
    assert np.isfinite(model.fit(data, steps=3, progress=False)["train_loss"]).all()


def test_pruning_finds_the_inputs_that_do_not_occur() -> None:
    model = kanpiler(VARIABLES, sin(X) * Z)
    model.get_act(samples(3))
    assert model.prune_input().input_id.tolist() == [0, 2]


@torch.no_grad()
def test_it_can_be_saved(doppler: tuple[KAN, dict[str, torch.Tensor]]) -> None:
    model, data = doppler
    model.saveckpt("mark")
    assert torch.equal(KAN.loadckpt("mark")(data["test_input"]), model(data["test_input"]))


def test_its_history_begins_with_the_compiled_network(capsys: Any) -> None:
    model = kanpiler([X], sin(X), auto_save=True)
    model.unfix_symbolic(0, 0, 0)
    model.history()
    assert capsys.readouterr().out.splitlines() == [
        "### Round 0 ###",
        "kanpiler => 0.0",
        "0.0 => unfix_symbolic => 0.1",
    ]
    assert model.checkout("0.0").symbolic_formula()[0][0] == sin(symbols("x_1"))


def test_without_auto_save_there_is_no_history() -> None:
    assert not kanpiler([X], cos(X)).auto_save
