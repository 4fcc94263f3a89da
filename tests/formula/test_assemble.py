from __future__ import annotations

import copy
import math
import re

import numpy as np
import pytest
import sympy
import torch

from kan.common.errors import ArgumentError, FormulaError, StateError
from kan.formula import auto_symbolic, fix_symbolic, symbolic_formula
from kan.network import Network
from kan.surgery.masks import remove_edge, set_mode

NAMES = ("sin", "exp", "x^2", "tanh", "x", "gaussian", "0", "arctan")


def symbolic_network(width, mult_arity=2, dtype=torch.float64, seed=0):
    """Make a network of random symbolic edges with random affine parameters everywhere."""
    stream = torch.Generator().manual_seed(seed)
    network = Network(width=width, mult_arity=mult_arity, seed=seed).to(dtype)
    count = 0
    for layer in range(network.depth):
        for i in range(network.width_in[layer]):
            for j in range(network.width_out[layer + 1]):
                fix_symbolic(network, layer, i, j, NAMES[count % len(NAMES)], fit_params_bool=False)
                count += 1
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "node" in name or "affine" in name:
                parameter.copy_(1.4 * torch.rand(parameter.shape, generator=stream) - 0.7)
    return network


def data(n, dtype=torch.float64):
    return 2 * torch.rand(50, n, generator=torch.Generator().manual_seed(1), dtype=dtype) - 1


def values(formulas, variables, x):
    columns = x.double().numpy().T
    return np.stack([sympy.lambdify(variables, f, "numpy")(*columns) + 0 * columns[0] for f in formulas], 1)


@pytest.mark.parametrize(
    ("width", "mult_arity"),
    [
        ([2, 3, 1], 2),
        ([3, 2, 2, 2], 2),
        ([2, [2, 2], 1], 2),
        ([2, [1, 2], 1], 3),
        ([2, [0, 3], [1, 1], 2], [[], [2, 3, 1], [3], []]),
        ([2, [1, 1], 1], [[], [0], []]),
    ],
)
def test_the_formula_is_the_network(width, mult_arity):
    network, x = symbolic_network(width, mult_arity), data(width[0])
    formulas, variables = symbolic_formula(network)
    np.testing.assert_allclose(values(formulas, variables, x), network(x).detach().numpy(), rtol=1e-12, atol=1e-12)


def test_masks_that_are_not_one_multiply():
    network, x = symbolic_network([2, 2, 1]), data(2)
    network.symbolic_fun[0].mask.data[1, 0] = 0.3
    remove_edge(network, 0, 1, 1)
    formulas, variables = symbolic_formula(network)
    np.testing.assert_allclose(values(formulas, variables, x), network(x).detach().numpy(), rtol=1e-12)


def test_float32_parameters_are_written_with_few_digits():
    network = Network(width=[1, 1], seed=0)
    fix_symbolic(network, 0, 0, 0, "sin", fit_params_bool=False)
    network.symbolic_fun[0].affine.data[0, 0] = torch.tensor([0.1, 0.2, 0.3, 0.7])
    assert str(symbolic_formula(network)[0][0]) == "0.3*sin(0.1*x_1 + 0.2) + 0.7"


def test_the_formula_of_float32_parameters_is_the_network_to_rounding():
    network, x = symbolic_network([2, [1, 2], 1], dtype=torch.float32), data(2, torch.float32)
    formulas, variables = symbolic_formula(network)
    np.testing.assert_allclose(values(formulas, variables, x), network(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_normalisers_give_the_formula_in_units_of_the_data():
    network, raw = symbolic_network([2, 2, 2]), data(2)
    mean, std, out_mean, out_std = [0.2, -1.0], torch.tensor([2.0, 0.5]), [5.0, 6.0], np.array([3.0, 4.0])
    formulas, variables = symbolic_formula(network, None, [mean, std], [out_mean, out_std])
    output = network((raw - torch.tensor(mean)) / std) * torch.tensor(out_std) + torch.tensor(out_mean)
    np.testing.assert_allclose(values(formulas, variables, raw), output.detach().numpy(), rtol=1e-9)


def test_an_unconverted_network_has_no_formula():
    network = Network(width=[2, 2, 1], seed=0)
    fix_symbolic(network, 0, 0, 0, "sin", fit_params_bool=False)
    with pytest.raises(FormulaError, match=r"5 edges .* \(0,0,1\), \(0,1,0\).*auto_symbolic"):
        symbolic_formula(network)


def test_an_edge_that_is_both_spline_and_symbolic_has_no_formula():
    network = symbolic_network([2, 1])
    set_mode(network, 0, 1, 0, "sn")
    with pytest.raises(FormulaError, match=re.escape("(0,1,0)")):
        symbolic_formula(network)


def test_a_spline_that_is_zero_is_no_obstacle():
    network = symbolic_network([2, 1])
    set_mode(network, 0, 1, 0, "n")
    network.act_fun[0].coef.data[1, 0] = 0
    network.act_fun[0].scale_base.data[1, 0] = 0
    formulas, variables = symbolic_formula(network)
    np.testing.assert_allclose(values(formulas, variables, data(2)), network(data(2)).detach().numpy(), rtol=1e-12)
    assert formulas[0].free_symbols == {sympy.Symbol("x_1")}


def test_removed_edges_leave_no_trace():
    network = Network(width=[2, 1], seed=0)
    fix_symbolic(network, 0, 0, 0, "sin", fit_params_bool=False)
    remove_edge(network, 0, 1, 0)
    assert str(symbolic_formula(network)[0][0]) == "sin(x_1)"
    auto_symbolic(network, x=data(2), verbose=0)
    assert str(symbolic_formula(network)[0][0]) == "sin(x_1)"


def test_inputs_keep_the_numbers_of_their_columns():
    network = symbolic_network([2, 1])
    network.n_columns, network.input_id = 4, torch.tensor([0, 2])
    assert [str(variable) for variable in symbolic_formula(network)[1]] == ["x_1", "x_3"]
    assert [str(variable) for variable in symbolic_formula(network, list("abcd"))[1]] == ["a", "c"]
    assert [str(variable) for variable in symbolic_formula(network, ["p", "q"])[1]] == ["p", "q"]
    columns = [[0.0, 9.0, 1.0, 9.0], [1.0, 9.0, 2.0, 9.0]]
    x = data(4)
    formulas, variables = symbolic_formula(network, normalizer=columns)
    expected = network((x - torch.tensor(columns[0])) / torch.tensor(columns[1])).detach().numpy()
    np.testing.assert_allclose(values(formulas, variables, x[:, [0, 2]]), expected, rtol=1e-9)


@pytest.mark.parametrize("options", [{"var": ["a"]}, {"normalizer": [[0], [1]]}, {"normalizer": 3}])
def test_wrong_lengths_are_errors(options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        symbolic_formula(symbolic_network([2, 1]), **options)


@pytest.mark.parametrize(("deviation", "message"), [(0, "other than zero"), (math.nan, "finite")])
def test_a_deviation_that_nothing_can_be_divided_by_is_an_error(deviation, message):
    with pytest.raises(ArgumentError, match=message):
        symbolic_formula(symbolic_network([2, 1]), normalizer=[[0, 0], [1, deviation]])


def test_normalisers_keep_all_their_digits():
    network = Network(width=[1, 1], seed=0)
    fix_symbolic(network, 0, 0, 0, "sin", fit_params_bool=False)
    mean, scale = 273.15123456789, 1234567.8912345
    (formula,), (x,) = symbolic_formula(network, normalizer=[[mean], [1]], output_normalizer=[[0], [scale]])
    assert formula == sympy.Float(scale) * sympy.sin(x - sympy.Float(mean))


def test_output_normalisers_of_wrong_length_are_errors():
    with pytest.raises(ArgumentError, match="output_normalizer"):
        symbolic_formula(symbolic_network([2, 1]), output_normalizer=[[0, 0], [1, 1]])
    with pytest.raises(ArgumentError, match="1 means and deviations; got 1, 2"):
        symbolic_formula(symbolic_network([2, 1]), output_normalizer=[[0], [1, 1]])


def test_variables_can_be_expressions():
    a, b = sympy.symbols("a b")
    formulas, variables = symbolic_formula(symbolic_network([2, 1]), [a * b, b])
    assert variables == [a * b, b]
    assert formulas[0].free_symbols == {a, b}


def test_two_inputs_cannot_have_one_name():
    with pytest.raises(ArgumentError, match=r"a name of its own; got \[v, v\]"):
        symbolic_formula(symbolic_network([2, 1]), ["v", "v"])


def test_all_nodes_are_kept_as_in_pykan():
    network = symbolic_network([2, [1, 1], 1])
    formulas, variables = symbolic_formula(network)
    assert [len(layer) for layer in network.symbolic_acts] == [2, 2, 1]
    assert [len(layer) for layer in network.symbolic_acts_premult] == [3, 1]
    assert network.symbolic_acts[0] == variables
    assert network.symbolic_acts[-1] == formulas
    copy.deepcopy(network)


def test_switched_off_symbolic_edges_are_an_error():
    network = symbolic_network([2, 1])
    network.symbolic_enabled = False
    with pytest.raises(StateError, match="symbolic_enabled"):
        symbolic_formula(network)


def test_a_function_of_tensors_and_expressions_alike_is_written_down():
    network = symbolic_network([2, 1])
    fix_symbolic(network, 0, 0, 0, lambda x: x**2 + 1, fit_params_bool=False)
    fix_symbolic(network, 0, 1, 0, torch.sin, fit_params_bool=False)
    formulas, variables = symbolic_formula(network)
    np.testing.assert_allclose(values(formulas, variables, data(2)), network(data(2)).detach().numpy(), rtol=1e-12)


def test_a_function_of_tensors_only_is_an_error():
    network = symbolic_network([2, 1])
    fix_symbolic(network, 0, 0, 0, torch.special.bessel_j0, fit_params_bool=False)
    with pytest.raises(FormulaError, match=r"edge \(0,0,0\).*add_symbolic"):
        symbolic_formula(network)


def test_sympy_simplifies_on_request():
    network = Network(width=[1, 1, 1], seed=0)
    fix_symbolic(network, 0, 0, 0, "exp", fit_params_bool=False)
    fix_symbolic(network, 1, 0, 0, "log", fit_params_bool=False)
    x = sympy.Symbol("x", real=True)
    assert symbolic_formula(network, [x], simplify=True)[0] == [x]


def test_the_hello_formula_is_found_exactly(hello, fit, capsys):
    network, x, y = hello(0)
    auto_symbolic(network, x=x, verbose=0)
    fit(network, x, y, steps=300)
    network.set_reference(x)
    a, b = sympy.symbols("x_1 x_2")
    formulas, variables = symbolic_formula(network, tolerance=1e-6)
    assert formulas == [sympy.exp(b**2 + sympy.sin(sympy.pi * a))]
    assert variables == [a, b]
    assert capsys.readouterr().out.strip() == str(network.formula_report)
    assert network.formula_report.change[0] < 1e-8


def test_simplifying_uses_the_units_of_the_variables():
    network, raw = symbolic_network([2, 1]), 3 * data(2) + 1
    normalizer = [[1.0, 1.0], [3.0, 3.0]]
    formulas, variables = symbolic_formula(network, None, normalizer, tolerance=1e-2, x=(raw - 1) / 3, verbose=False)
    exact = network((raw - 1) / 3).detach().numpy()
    error = values(formulas, variables, raw) - exact
    assert np.sqrt(np.mean(error**2)) <= 1.001e-2 * exact.std()


def test_simplifying_takes_expressions_as_inputs():
    network = Network(width=[2, 1], seed=0).double()
    fix_symbolic(network, 0, 0, 0, "sin", fit_params_bool=False)
    fix_symbolic(network, 0, 1, 0, "x", fit_params_bool=False)
    with torch.no_grad():
        network.symbolic_fun[0].affine[0, 1, 2] += 1e-9
    v, c, m = sympy.symbols("v c m")
    formulas, variables = symbolic_formula(network, [v / c, m], tolerance=1e-6, x=data(2), verbose=False)
    assert formulas == network.formula_report.expressions == [m + sympy.sin(v / c)]
    assert variables == [v / c, m]
    assert network.formula_report.change[0] < 1e-8


def test_simplifying_needs_data():
    with pytest.raises(StateError, match="get_act"):
        symbolic_formula(symbolic_network([2, 1]), tolerance=1e-6)


def test_a_base_function_that_is_zero_near_zero_only_has_no_formula():
    network = Network(width=[1, 1], base_fun=lambda x: torch.relu(x - 3), noise_scale=0.0, seed=0)
    with pytest.raises(FormulaError, match="still splines"):
        symbolic_formula(network)
