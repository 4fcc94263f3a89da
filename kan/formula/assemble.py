"""The network as a formula: one sympy expression per output, equal to the network to rounding.

Deviations from pykan: an edge that is still a spline is an error, never left out; masks and products of any arity are
part of the formula; inputs that were pruned away keep the numbering of the data's columns; parameters enter with all
their digits.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.5.1; arXiv 2408.10205.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kan.common.arrays import to_tensor
from kan.common.console import say
from kan.common.errors import ArgumentError, FormulaError
from kan.common.precision import to_double
from kan.formula.fix import check_enabled
from kan.formula.simplify import simplify_formula
from kan.symbolic.library import SYMBOLIC_LIB

if TYPE_CHECKING:
    import sympy

    from kan.network import Network

_NAMED_EDGES = 8
"""How many splines an error message lists."""


@torch.no_grad()
def symbolic_formula(
    network: Network,
    var: Sequence[Any] | None = None,
    normalizer: Any = None,
    output_normalizer: Any = None,
    *,
    simplify: bool = False,
    tolerance: float | None = None,
    x: Any = None,
    verbose: bool = True,
) -> tuple[list[sympy.Expr], list[Any]]:
    """Write the network as a formula.

    The nodes' expressions are kept in `network.symbolic_acts`, those of the sub-nodes in `symbolic_acts_premult`.

    Parameters
    ----------
    network : Network
    var : sequence of str or sympy expressions, optional
        The inputs, or all columns of the data; by default x_1, x_2, ... for the columns.
    normalizer : pair of sequences, optional
        Mean and standard deviation with which the inputs, or all columns of the data, were normalised.
    output_normalizer : pair of sequences, optional
        The same of the outputs.
    simplify : bool
        Let sympy simplify every node on the way.
    tolerance : float, optional
        Make the result simpler, see `simplify_formula`, at the price of changing the outputs by less than this share of
        their standard deviation on the data. The report is kept in `network.formula_report`.
    x : Tensor (N, inputs), optional
        The data for `tolerance`, normalised as the network takes them; by default its reference data.
    verbose : bool
        Print the report of `tolerance`.

    Returns
    -------
    formulas : list of sympy expressions
        One per output.
    variables : list of sympy expressions
        The inputs.

    Raises
    ------
    FormulaError
        If edges are still splines, which it names, or carry a function that sympy cannot take.
    ArgumentError
        If `var` or a normaliser has the wrong length, a normaliser is not finite, or `var` has a name twice.
    StateError
        If symbolic edges are switched off, or `tolerance` has no data.

    Examples
    --------
    >>> from kan.formula import fix_symbolic
    >>> from kan.network import Network
    >>> network = Network(width=[2, 1], seed=0)
    >>> fix_symbolic(network, 0, 0, 0, "sin", fit_params_bool=False)
    >>> fix_symbolic(network, 0, 1, 0, "x^2", fit_params_bool=False)
    >>> symbolic_formula(network)
    ([x_2**2 + sin(x_1)], [x_1, x_2])
    """
    check_enabled(network)
    _check_complete(network)
    variables = _variables(network, var)
    units = None if normalizer is None else _input_units(network, normalizer)
    acts, premult = _assembled(network, variables, units, output_normalizer, simplify=simplify)
    network.symbolic_acts, network.symbolic_acts_premult = [list(row) for row in acts], premult
    if tolerance is None:
        return list(acts[-1]), list(variables)
    # Expressions as inputs, such as v/c, are no numbers that could be put in: stand-ins take their places meanwhile.
    names = _plain_names(variables)
    formulas = acts[-1] if names == variables else _assembled(network, names, units, output_normalizer)[0][-1]
    data = to_double(network.reference_data(x)[:, network.input_id])
    if units is not None:
        data = data * data.new_tensor(units[1]) + data.new_tensor(units[0])
    report = simplify_formula(formulas, data=data, variables=names, tolerance=tolerance)
    network.formula_report = report = report.in_terms_of(dict(zip(names, variables)))
    if verbose:
        say(str(report))
    return report.expressions, list(variables)


def _assembled(
    network: Network,
    variables: list[Any],
    units: tuple[list[float], list[float]] | None,
    output_normalizer: Any,
    *,
    simplify: bool = False,
) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return the expressions of all nodes, in terms of the variables, and of all sub-nodes."""
    nodes = (
        variables
        if units is None
        else [(variable - number(centre)) / number(scale) for variable, centre, scale in zip(variables, *units)]
    )
    acts, premult = [nodes], []
    for layer in range(network.depth):
        subnodes = _subnodes(network, layer, nodes)
        if simplify:
            subnodes = [subnode.simplify() for subnode in subnodes]
        nodes = _nodes(network, layer, subnodes)
        premult.append(subnodes)
        acts.append(nodes)
    acts[-1] = _denormalised(nodes, output_normalizer)
    if simplify:
        acts[-1] = [node.simplify() for node in acts[-1]]
    return acts, premult


def _plain_names(variables: list[Any]) -> list[Any]:
    """Return symbols: the variables themselves, and stand-ins for those that are expressions."""
    import sympy

    return [
        variable if variable.is_Symbol else sympy.Dummy(f"x_{index + 1}") for index, variable in enumerate(variables)
    ]


def _check_complete(network: Network) -> None:
    """Raise a FormulaError if edges are still splines."""
    splines = [edge for layer in range(network.depth) for edge in _spline_edges(network, layer)]
    if not splines:
        return
    listed = ", ".join(f"({layer},{i},{j})" for layer, i, j in splines[:_NAMED_EDGES])
    more = f" and {len(splines) - _NAMED_EDGES} more" if len(splines) > _NAMED_EDGES else ""
    raise FormulaError(
        f"{len(splines)} edges (l,i,j) are still splines: {listed}{more}. Make them symbolic with `auto_symbolic` or "
        "`fix_symbolic`, or remove them with `prune` or `remove_edge`."
    )


def _spline_edges(network: Network, layer: int) -> list[tuple[int, int, int]]:
    """Return the edges of a layer whose numerical part is not zero."""
    numeric = network.act_fun[layer]
    has_base = not _is_zero(numeric.base_fun, like=numeric.grid)
    base = (numeric.scale_base != 0) & has_base
    spline = (numeric.scale_sp != 0) & (numeric.coef != 0).any(dim=-1)
    counts = (numeric.mask != 0) & (base | spline)  # (I, O)
    return [(layer, i, j) for i, j in counts.nonzero().tolist()]


def _is_zero(base_fun: Callable[[Tensor], Tensor], *, like: Tensor) -> bool:
    """Whether a base function is zero at points of all sizes and both signs."""
    sizes = torch.logspace(-4, 4, 33, dtype=like.dtype, device=like.device)
    return bool((base_fun(torch.cat([-sizes, sizes])) == 0).all())


def _variables(network: Network, var: Sequence[Any] | None) -> list[Any]:
    """Return the expressions of the inputs."""
    import sympy

    if var is None:
        return [sympy.Symbol(f"x_{column + 1}") for column in network.input_id.tolist()]
    chosen = network.per_input("var", [var] if isinstance(var, (str, sympy.Basic)) else list(var))
    variables = [sympy.Symbol(name) if isinstance(name, str) else sympy.sympify(name) for name in chosen]
    if len(set(variables)) < len(variables):
        raise ArgumentError(f"`var` must give every input a name of its own; got {variables}.")
    return variables


def _input_units(network: Network, normalizer: Any) -> tuple[list[float], list[float]]:
    """Return the mean and the standard deviation with which each input was normalised."""
    mean, std = (network.per_input("normalizer", part) for part in _pair("normalizer", normalizer))
    if 0 in std:
        raise ArgumentError("`normalizer` must have standard deviations other than zero.")
    return mean, std


def _denormalised(nodes: list[Any], normalizer: Any) -> list[Any]:
    """Return the outputs in their own units."""
    if normalizer is None:
        return nodes
    mean, std = _pair("output_normalizer", normalizer)
    if len(mean) != len(nodes) or len(std) != len(nodes):
        raise ArgumentError(
            f"`output_normalizer` must have {len(nodes)} means and deviations; got {len(mean)}, {len(std)}."
        )
    return [node * number(s) + number(m) for node, m, s in zip(nodes, mean, std)]


def _pair(name: str, normalizer: Any) -> tuple[list[float], list[float]]:
    """Read means and standard deviations."""
    try:
        mean, std = (to_tensor(part, plain=torch.float64).detach().flatten() for part in normalizer)
    except (TypeError, ValueError):
        raise ArgumentError(f"`{name}` must be a pair [means, standard deviations]; got {normalizer!r}.") from None
    if not (mean.isfinite().all() and std.isfinite().all()):
        raise ArgumentError(f"`{name}` must hold finite numbers; got {normalizer!r}.")
    return shortest_floats(mean), shortest_floats(std)


def _subnodes(network: Network, layer: int, nodes: list[Any]) -> list[Any]:
    """Return the expressions of the sub-nodes that edge layer `layer` feeds."""
    import sympy

    symbolic = network.symbolic_fun[layer]
    masks = shortest_floats(symbolic.mask)
    params = shortest_floats(symbolic.affine.flatten(0, 1))
    functions = symbolic.funs_sympy
    scales, biases = map(shortest_floats, network.affine_map("subnode", layer))
    subnodes = []
    for j in range(symbolic.out_dim):
        terms = [
            number(masks[j][i]) * _edge(functions[j][i], params[j * symbolic.in_dim + i], nodes[i], (layer, i, j))
            for i in range(symbolic.in_dim)
            if symbolic.is_fixed(i, j) and masks[j][i] != 0
        ]
        subnodes.append(number(scales[j]) * sympy.Add(*terms) + number(biases[j]))
    return subnodes


def _edge(function: Callable[[Any], Any], params: list[float], x: Any, edge: tuple[int, int, int]) -> Any:
    """Return ``c*f(a*x + b) + d``."""
    a, b, c, d = (number(value) for value in params)
    return c * _applied(function, a * x + b, edge) + d if c != 0 else d


def _applied(function: Callable[[Any], Any], argument: Any, edge: tuple[int, int, int]) -> Any:
    """Apply an edge's function to an expression; a torch function of the library is replaced by its sympy side."""
    import sympy

    for entry in SYMBOLIC_LIB.values():
        if entry[0] is function:
            return entry[1](argument)
    try:
        result = function(argument)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise FormulaError(_no_sympy_side(function, edge)) from error
    if not isinstance(result, (sympy.Expr, int, float)):
        raise FormulaError(_no_sympy_side(function, edge))
    return sympy.sympify(result)


def _no_sympy_side(function: Callable[[Any], Any], edge: tuple[int, int, int]) -> str:
    """Say that a function cannot be written down."""
    layer, i, j = edge
    return (
        f"edge ({layer},{i},{j}) carries {function!r}, which cannot be applied to a sympy expression. Register it with "
        "`add_symbolic` and fix the edge by its name, or use a function of both tensors and expressions."
    )


def _nodes(network: Network, layer: int, subnodes: list[Any]) -> list[Any]:
    """Return the nodes after an edge layer: sums as they are, products of their factors, then the affine map."""
    import sympy

    n_sum = network.graph_shape.sums[layer + 1]
    nodes, start = list(subnodes[:n_sum]), n_sum
    for arity in network.arities(layer + 1):
        nodes.append(sympy.Mul(*subnodes[start : start + arity]))
        start += arity
    scales, biases = map(shortest_floats, network.affine_map("node", layer))
    return [number(scale) * node + number(bias) for node, scale, bias in zip(nodes, scales, biases)]


def number(value: float) -> Any:
    """Return a number of sympy's; exact for 0, 1 and -1, which then leave no trace in a formula."""
    import sympy

    return sympy.Integer(int(value)) if value in (0, 1, -1) else sympy.Float(value)


def shortest_floats(values: Tensor) -> list[Any]:
    """Return the decimals with the fewest digits that round to the values: for a float32 0.1, not 0.10000000149."""
    array = values.detach().cpu()
    array = array.float() if array.dtype in (torch.float16, torch.bfloat16) else array
    if array.dtype == torch.float32:
        flat = [float(str(entry)) for entry in array.flatten().numpy()]
        return np.reshape(flat, array.shape).tolist()
    return array.to(torch.float64).tolist()
