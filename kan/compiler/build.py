"""Compiling an expression: plan its nodes, lay them out in layers, and set the edges of a network.

The network is symbolic throughout: edges that the expression does not need are removed, and all splines are switched
off until `set_mode` or `perturb` bring them back. Deviations from pykan: what several sub-expressions need is computed
and handed on once, so that there are fewer nodes; sums such as ``x + sin(x)`` are right; any power works, and any
function that can be written with those of the library; constants have the precision of the network; the history of
versions begins with the compiled network.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sympy
import torch

from kan.common.errors import ArgumentError, FormulaError
from kan.compiler.affine import as_expression
from kan.compiler.plan import Edge, Node, Place, Planner
from kan.compiler.vocabulary import Vocabulary
from kan.layers.base_functions import BaseFunction
from kan.models import MultKAN

Layer = dict[Place, Node]
"""The nodes of one layer, in order."""


def kanpiler(
    input_variables: Sequence[Any],
    expr: Any,
    grid: int = 5,
    k: int = 3,
    auto_save: bool = False,
    *,
    base_fun: str | BaseFunction = "silu",
    dtype: torch.dtype | None = None,
) -> MultKAN:
    """Compile an expression to a network that equals it to rounding.

    `expr2kan` and `sf2kan` are the same function.

    Parameters
    ----------
    input_variables : sequence of sympy symbols
        The inputs, in order; not all of them need to occur in `expr`.
    expr : sympy expression or number
        Made of sums, products, powers, and functions of `SYMBOLIC_LIB` or such as ``cosh`` that can be written with
        them. Variables are real. A power with a variable exponent, ``x**y``, becomes ``exp(y*log(x))``: x > 0.
    grid : int
        Number of grid intervals of the splines, which are switched off.
    k : int
        Their degree.
    auto_save : bool
        Keep a version of the model after every change; the first is the compiled one.
    base_fun : str or callable
        The function beside the splines: 'silu', 'identity', 'zero', or a function of a tensor.
    dtype : torch.dtype, optional
        The precision of the network, constants of the expression included; by default torch's default dtype.

    Returns
    -------
    MultKAN
        Trainable like any other; edges that the expression does not need are removed.

    Raises
    ------
    FormulaError
        If a sub-expression cannot be expressed; the message names it.
    ArgumentError
        If `expr` is no expression, or `input_variables` are not different symbols.

    Examples
    --------
    >>> import sympy
    >>> import torch
    >>> from kan.compiler import kanpiler
    >>> a, b = sympy.symbols("a b")
    >>> model = kanpiler([a, b], sympy.exp(sympy.sin(sympy.pi * a) + b**2), dtype=torch.float64)
    >>> model.width
    [[2, 0], [1, 0], [1, 0]]
    >>> model(torch.tensor([[0.5, 2.0]])).item()
    148.413159
    """
    variables = _variables(input_variables)
    layers = _lay_out(as_expression(expr), variables)
    arities = [[len(node.factors) for node in layer.values() if node.is_product] for layer in layers]
    model = MultKAN(
        width=[[len(layer) - len(products), len(products)] for layer, products in zip(layers, arities)],
        mult_arity=arities,
        grid=grid,
        k=k,
        base_fun=base_fun,
        auto_save=auto_save,
        first_init=False,
    ).to(dtype)
    for number, (below, above) in enumerate(zip(layers, layers[1:])):
        _set_edges(model, number, below=_positions(below), above=list(above.values()))
    if auto_save:
        model.begin_history("kanpiler")
    return model


expr2kan = sf2kan = kanpiler


def _variables(given: Any) -> list[Any]:
    """Return the input variables as a list."""
    variables = [given] if isinstance(given, sympy.Symbol) else list(given) if isinstance(given, Iterable) else []
    if not variables or not all(isinstance(variable, sympy.Symbol) for variable in variables):
        raise ArgumentError(f"`input_variables` must list sympy symbols, at least one; got {given!r}.")
    if len(set(variables)) < len(variables):
        raise ArgumentError(f"`input_variables` must name each variable once; got {given!r}.")
    return variables


def _lay_out(expr: Any, variables: list[Any]) -> list[Layer]:
    """Return the nodes of every layer: those that are made there, and those that hand on a value from below."""
    vocabulary = Vocabulary()
    planner = Planner(variables, vocabulary)
    output = planner.output(vocabulary.express(expr, variables=variables))
    inputs = {(variable, 0): planner.nodes[variable] for variable in variables}
    layers = [inputs, *({} for _ in range(output.level - 1)), {(expr, 0): output}]
    for level in range(output.level, 0, -1):
        for edge in (edge for node in layers[level].values() for edge in node.edges):
            made = planner.nodes[edge.source]
            layers[level - 1][edge.place] = made if made.level == level - 1 else Node.handing_on(edge.source, level - 1)
    for level in range(1, output.level + 1):
        layers[level] = _ordered(layers[level], below=_positions(layers[level - 1]))
    return layers


def _positions(layer: Layer) -> dict[Place, int]:
    """Return the number of every node."""
    return {place: number for number, place in enumerate(layer)}


def _ordered(layer: Layer, *, below: dict[Place, int]) -> Layer:
    """Sort nodes, sums before products, and factors by where their edges come from: few edges then cross in a plot."""

    def centre(edges: Sequence[Edge]) -> float:
        return sum(below[edge.place] for edge in edges) / max(len(edges), 1)

    def rank(item: tuple[Place, Node]) -> tuple[bool, float]:
        return item[1].is_product, centre(item[1].edges)

    return {
        place: replace(node, factors=tuple(sorted(node.factors, key=lambda factor: centre(factor.edges))))
        for place, node in sorted(layer.items(), key=rank)
    }


@torch.no_grad()
def _set_edges(model: MultKAN, layer: int, *, below: dict[Place, int], above: list[Node]) -> None:
    """Set the edges between two layers of nodes, and what their affine parameters cannot hold."""
    symbolic = model.symbolic_fun[layer]
    model.act_fun[layer].mask.zero_()
    factors = [factor for node in above for factor in node.factors]
    for j, factor in enumerate(factors):
        # The constant of a sum goes where it is trained: to one of its edges.
        constants = [factor.constant, *(0.0 for _ in factor.edges[1:])]
        for edge, d in zip(factor.edges, constants):
            i = below[edge.place]
            symbolic.set_edge(i, j, edge.function)
            symbolic.mask[j, i] = 1
            symbolic.affine[j, i] = symbolic.affine.new_tensor([edge.a, edge.b, edge.c, d])
    sums, nodes = model.subnode_bias[layer], model.node_bias[layer]
    sums.copy_(sums.new_tensor([0.0 if factor.edges else factor.constant for factor in factors]))
    nodes.copy_(nodes.new_tensor([node.bias for node in above]))
    if not all(bool(torch.isfinite(parameter).all()) for parameter in (symbolic.affine, sums, nodes)):
        raise FormulaError(f"the expression has constants that are too large for {model.dtype}.")
