"""Which nodes a network needs to compute an expression, and on which level each of them is.

An edge is ``c*f(a*u + b)`` with `u` the value of a node one level below, a node the sum of its edges or a product of
such sums. So a sum of univariate terms is one node, as is a product of any number of such sums; affine maps cost
nothing; a sub-expression that occurs often is one node. Three rules shape what is left to choose:

- Two terms with the same argument cannot be two edges between the same nodes (pykan keeps the last of them, and is
  wrong). ``exp(u) + exp(-u)`` takes `u` from two equal nodes. There is but one of every input: ``x + sin(x)`` is made
  of the nodes ``x`` and ``sin(x)``.
- Operands that are ready before the others, ``a*b`` in ``a*b*sqrt(1 - c**2/d**2)``, are combined at once, so that one
  node waits for the others instead of several.
- ``exp(-u**2)`` is the library's gaussian, and ``(a + b)**2/c**2`` as a term the square of ``(a + b)/c``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import gcd
from typing import Any

import sympy

from kan.compiler.affine import as_float, next_nontrivial_operation, normalised
from kan.compiler.vocabulary import Vocabulary

IDENTITY = "x"

Place = tuple[Any, int]
"""The expression of a node, and the number of the copy if there are several."""


@dataclass(frozen=True)
class Edge:
    """``c*f(a*u + b)``: `u` is the expression of a node, or of a copy of it, `f` the name of a function."""

    source: Any
    function: str = IDENTITY
    a: float = 1.0
    b: float = 0.0
    c: float = 1.0
    copy: int = 0

    @property
    def place(self) -> Place:
        """The node that it comes from."""
        return self.source, self.copy


@dataclass(frozen=True)
class Sum:
    """Edges from different nodes, and a constant."""

    edges: tuple[Edge, ...]
    constant: float = 0.0

    def scaled(self, factor: float) -> Sum:
        """Return the sum times a number."""
        return Sum(tuple(replace(edge, c=factor * edge.c) for edge in self.edges), factor * self.constant)


@dataclass(frozen=True)
class Node:
    """A product of sums, or one sum, plus a constant; its sources are on lower levels."""

    factors: tuple[Sum, ...]
    level: int
    bias: float = 0.0

    @classmethod
    def handing_on(cls, source: Any, level: int) -> Node:
        """Return a node that only hands on the value of another."""
        return cls((Sum((Edge(source),)),), level)

    @property
    def is_product(self) -> bool:
        """Whether it is a multiplication node."""
        return len(self.factors) > 1

    @property
    def edges(self) -> list[Edge]:
        """The edges of all factors."""
        return [edge for factor in self.factors for edge in factor.edges]


Operand = tuple[Any, Sum]
"""An expression in a sum or product, and its edges."""


class Planner:
    """Makes the nodes of an expression.

    Parameters
    ----------
    variables : sequence of sympy symbols
    vocabulary : Vocabulary

    Attributes
    ----------
    nodes : dict
        The nodes by their expressions; on level 0 the variables. Some may turn out not to be needed.
    """

    def __init__(self, variables: Sequence[Any], vocabulary: Vocabulary) -> None:
        self.nodes: dict[Any, Node] = {variable: Node((), 0) for variable in variables}
        self._vocabulary = vocabulary
        self._sums: dict[Any, Sum] = {}

    def output(self, expr: Any) -> Node:
        """Return the node of a whole expression, its affine map included."""
        core, scale, bias = next_nontrivial_operation(expr)
        if not core.is_Mul or _common_power(core)[1] > 1:
            return self._node_of([self._sum(expr)])
        first, *others = self._factors(core)
        node = self._node_of([first.scaled(as_float(scale, within=expr)), *others])
        return replace(node, bias=as_float(bias, within=expr))

    def _node(self, core: Any) -> Node:
        """Return the node of an expression that is not surrounded by an affine map."""
        if core not in self.nodes:
            self.nodes[core] = self._node_of(self._factors(core) if core.is_Mul else [self._sum(core)])
        return self.nodes[core]

    def _node_of(self, factors: Iterable[Sum]) -> Node:
        """Return a node on the lowest level above all its sources."""
        node = Node(tuple(factors), level=1)
        return replace(node, level=1 + self._reach(node.edges))

    def _reach(self, edges: Iterable[Edge]) -> int:
        """Return the highest level that edges come from."""
        return max((self._node(edge.source).level for edge in edges), default=0)

    def _factors(self, product: Any) -> list[Sum]:
        """Return the factors of a product."""
        operands = self._gathered([(factor, self._sum(factor)) for factor in product.args], sympy.Mul)
        return [total for _, total in operands]

    def _sum(self, expr: Any) -> Sum:
        """Return an expression as edges and a constant."""
        if expr not in self._sums:
            terms = list(_terms(expr))
            number = sympy.Add(*(term for term in terms if not term.free_symbols))
            operands = _merged([(term, Sum((self._edge(term),))) for term in terms if term.free_symbols])
            operands = self._gathered(self._with_inputs_once(operands), sympy.Add)
            edges = _copied([edge for _, total in operands for edge in total.edges])
            constant = as_float(number, within=expr) + sum(total.constant for _, total in operands)
            self._sums[expr] = Sum(tuple(edges), constant)
        return self._sums[expr]

    def _edge(self, term: Any) -> Edge:
        """Return a term of a sum as an edge."""
        operation, scale, _ = next_nontrivial_operation(term)
        c = as_float(scale, within=term)
        if operation.is_Symbol:
            return Edge(operation, c=c)
        if operation.is_Mul:
            base, exponent = _common_power(operation)
            return Edge(base, IDENTITY if exponent == 1 else self._vocabulary.power(exponent), c=c)
        bell = _bell_argument(operation)
        name, argument = self._vocabulary.function_of(operation) if bell is None else ("gaussian", bell)
        core, a, b = normalised(argument)
        return Edge(core, name, as_float(a, within=term), as_float(b, within=term), c)

    def _whole(self, expr: Any) -> Sum:
        """Return an expression as one edge from a node of its own."""
        core, scale, bias = normalised(expr)
        return Sum((Edge(core, c=as_float(scale, within=expr)),), as_float(bias, within=expr))

    def _gathered(self, operands: list[Operand], combine: Callable[..., Any]) -> list[Operand]:
        """Combine the operands of a sum or product that are ready before the others."""
        levels = [self._reach(total.edges) for _, total in operands]
        early = [operand for operand, level in zip(operands, levels) if level < max(levels)]
        waiting = {edge.source for _, total in early for edge in total.edges}
        # A single input waits as it is, for others may need it too.
        if all(self._node(source).level == 0 for source in waiting) and len(waiting) < 2:
            return operands
        combined = combine(*(expr for expr, _ in early))
        return [*(operand for operand in operands if operand not in early), (combined, self._whole(combined))]

    def _with_inputs_once(self, operands: list[Operand]) -> list[Operand]:
        """Return operands, one edge each, with the same sum, of which each input has one edge at most."""
        rows: list[dict[Any, Operand]] = [{}]
        others = []
        for operand in sorted(operands, key=lambda operand: operand[1].edges[0].function != IDENTITY):
            source = operand[1].edges[0].source
            if self._node(source).level > 0:
                others.append(operand)
                continue
            if all(source in row for row in rows):
                rows.append({})
            next(row for row in rows if source not in row)[source] = operand
        sums = [sympy.Add(*(expr for expr, _ in row.values())) for row in rows[1:]]
        return [*rows[0].values(), *others, *((total, self._whole(total)) for total in sums)]


def _terms(expr: Any, factor: Any = 1) -> Iterator[Any]:
    """Yield the terms of an expression times a number, ``pi*(x + 1)`` being two."""
    for term in sympy.Add.make_args(expr):
        rest, scale, bias = next_nontrivial_operation(term, factor)
        if rest.is_Add:
            yield from _terms(rest, scale)
        else:
            yield scale * rest
        yield bias


def _merged(operands: list[Operand]) -> list[Operand]:
    """Make one edge of those that differ in their scale only."""
    merged: dict[Edge, Operand] = {}
    for expr, total in operands:
        (edge,) = total.edges
        kind = replace(edge, c=0.0)
        if kind in merged:
            other_expr, (other,) = merged[kind][0], merged[kind][1].edges
            expr, edge = expr + other_expr, replace(edge, c=edge.c + other.c)
        merged[kind] = expr, Sum((edge,))
    return list(merged.values())


def _copied(edges: list[Edge]) -> Iterator[Edge]:
    """Let several edges from one node come from copies of it."""
    seen: Counter[Any] = Counter()
    for edge in edges:
        yield replace(edge, copy=seen[edge.source])
        seen[edge.source] += 1


def _common_power(product: Any) -> tuple[Any, int]:
    """Write a product as a power, ``(a + b)**2/c**2`` as ``((a + b)/c)**2``, where that saves the node of a sum."""
    if not all(factor.is_Pow and factor.exp.is_Integer for factor in product.args):
        return product, 1
    if not any(factor.base.is_Add for factor in product.args):
        return product, 1
    common = reduce(gcd, (int(factor.exp) for factor in product.args))
    return sympy.Mul(*(factor.base ** (factor.exp / common) for factor in product.args)), common


def _bell_argument(operation: Any) -> Any | None:
    """Return `u` if an operation is ``exp(-u**2)``, or None."""
    if not isinstance(operation, sympy.exp):
        return None
    core, scale, bias = normalised(operation.args[0])
    base, exponent = _common_power(core) if core.is_Mul else core.as_base_exp()
    if bias != 0 or exponent != 2 or not scale.is_negative:
        return None
    return sympy.sqrt(-scale) * base
