"""Nodes and levels."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from sympy import Rational, cos, exp, pi, sin, sqrt, symbols

from kan.compiler.plan import Edge, Node, Planner, Sum
from kan.compiler.vocabulary import Vocabulary

X, Y, Z, W = VARIABLES = symbols("x y z w")


def plan(expr: Any) -> tuple[Planner, Node]:
    planner = Planner(VARIABLES, Vocabulary())
    return planner, planner.output(sympy.sympify(expr))


def functions(total: Sum) -> list[tuple[Any, str]]:
    return [(edge.source, edge.function) for edge in total.edges]


def test_a_sum_of_univariate_terms_is_one_node() -> None:
    _, output = plan(3 * sin(2 * X + 1) - Y**2 / 4 + sqrt(Z) + 5)
    assert output.level == 1
    (total,) = output.factors
    assert total.constant == 5
    assert set(total.edges) == {
        Edge(X, "sin", a=2.0, b=1.0, c=3.0),
        Edge(Y, "x^2", c=-0.25),
        Edge(Z, "sqrt"),
    }


def test_a_product_of_such_sums_is_one_node_with_as_many_factors() -> None:
    _, output = plan(2 * X * (sin(Y) + Z**2 + 1) / sqrt(W))
    assert (output.level, len(output.factors), output.bias) == (1, 3, 0)
    assert sorted(len(factor.edges) for factor in output.factors) == [1, 1, 2]


def test_the_affine_map_of_the_output_costs_no_level() -> None:
    _, output = plan(pi * X * Y + 7)
    assert (output.level, output.bias) == (1, 7)
    scale = 1.0
    for factor in output.factors:
        scale *= factor.edges[0].c
    assert scale == pytest.approx(3.141592653589793, rel=1e-16)


def test_numbers_are_multiplied_into_sums() -> None:
    _, output = plan(pi * (X + Y + 1) + X)
    (total,) = output.factors
    assert total.constant == pytest.approx(3.141592653589793)
    assert {edge.source: edge.c for edge in total.edges} == pytest.approx({X: 4.141592653589793, Y: 3.141592653589793})


@pytest.mark.parametrize("expr", [pi * (sin(X) + 1), Y + pi * (sin(X) + 1), sqrt(2) * (pi * (sin(X) + 1) + Y)])
def test_a_constant_that_is_multiplied_is_kept(expr: Any) -> None:
    _, output = plan(expr)
    assert output.level == 1
    assert output.factors[0].constant == pytest.approx(float(expr.subs({X: 0, Y: 0})))


def test_an_expression_that_occurs_twice_is_one_node_whatever_its_affine_map() -> None:
    planner, output = plan(sin(X - Y) + cos(2 * Y - 2 * X + 1) * Z)
    assert output.level == 3
    made = [core for core, node in planner.nodes.items() if node.level == 1]
    assert len([core for core in made if core.free_symbols == {X, Y}]) == 1


def test_two_functions_of_one_node_come_from_copies_of_it() -> None:
    _, output = plan(exp(X * Y) + exp(-X * Y))
    assert output.level == 2
    (total,) = output.factors
    assert sorted((edge.place, edge.a) for edge in total.edges) == [((X * Y, 0), 1.0), ((X * Y, 1), -1.0)]


def test_two_functions_of_one_input_are_nodes() -> None:
    _, output = plan(X + sin(X))
    assert output.level == 2
    (total,) = output.factors
    assert functions(total) == [(X, "x"), (sin(X), "x")]


def test_second_functions_of_several_inputs_are_one_node() -> None:
    _, output = plan(X + Y + sin(X) + cos(Y))
    assert output.level == 2
    (total,) = output.factors
    assert {edge.source for edge in total.edges} == {X + Y, sin(X) + cos(Y)}


@pytest.mark.parametrize(
    ("expr", "combined"),
    [
        (X * Y * exp(sin(Z + W)), X * Y),
        (X**2 + sin(Y) + exp(sin(Z * W)), X**2 + sin(Y)),
        ((X + Y + 1) * exp(sin(Z + W)), X + Y),
    ],
)
def test_operands_that_are_ready_early_wait_in_one_node(expr: Any, combined: Any) -> None:
    planner, output = plan(expr)
    assert output.level == 3
    assert planner.nodes[combined].level == 1
    assert combined in {edge.source for edge in output.edges}


def test_a_single_early_input_waits_as_it_is() -> None:
    _, output = plan(X**2 * exp(sin(Z + W)))
    assert (X, "x^2") in functions(output.factors[0]) + functions(output.factors[1])


def test_a_function_that_is_a_node_anyway_is_what_waits() -> None:
    planner, output = plan(cos(X * Y) + Z * cos(X * Y) ** 2)
    assert cos(X * Y) in {edge.source for edge in output.edges}
    assert planner.nodes[cos(X * Y)].level == 2


@pytest.mark.parametrize("expr", [exp(-(X**2) / 2), 3 * exp(-((2 * X + 1) ** 2)), exp(-((X + Y) ** 2) / Z**2)])
def test_a_bell_curve_is_a_gaussian(expr: Any) -> None:
    _, output = plan(expr)
    ((edge,),) = (factor.edges for factor in output.factors)
    assert edge.function == "gaussian"


@pytest.mark.parametrize("expr", [exp(X**2), exp(-(X**2) + 1), exp(-(X**4)), exp(-X)])
def test_what_is_no_bell_curve_is_none(expr: Any) -> None:
    _, output = plan(expr)
    assert output.edges[0].function == "exp"


def test_a_product_of_squares_of_sums_is_a_square() -> None:
    _, output = plan((X + Y) ** 2 / Z**2 + W)
    assert output.level == 2
    assert {edge.function for edge in output.edges} == {"x", "x^2"}


def test_powers_that_are_not_in_the_library_are_one_edge() -> None:
    _, output = plan((2 * X + 1) ** 7 + Y ** Rational(-2, 3))
    assert {edge.function for edge in output.edges} == {"x^7", "1/x^(2/3)"}


@pytest.mark.parametrize("expr", [0, pi, Rational(1, 3)])
def test_a_number_is_a_node_without_edges(expr: Any) -> None:
    _, output = plan(expr)
    assert output == Node((Sum((), float(expr)),), level=1)


def test_terms_that_cancel_leave_nothing_but_a_zero() -> None:
    _, output = plan(sqrt(2) * (X + Y) - sqrt(2) * X)
    assert {edge.source: edge.c for edge in output.edges} == pytest.approx({X: 0.0, Y: 2**0.5})
