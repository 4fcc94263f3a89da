"""The function that suits an edge best, of those in the library.

All functions of the library are fitted to an edge together, and the network is only read; pykan fixes and unfixes the
edge for each function. The ranking differs from pykan's, see `ranking`.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.5.1; arXiv 2408.10205, sec. 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.formula.ranking import Preference, Ranked
from kan.symbolic.affine import fit_affine
from kan.symbolic.library import SYMBOLIC_LIB, lookup

if TYPE_CHECKING:
    from kan.network import LayerTrace

Edge = tuple[int, int, int]
"""Edge layer, input node and output sub-node."""

_CHUNK = 1 << 22
"""Values of edges that are held at a time."""


@dataclass(frozen=True)
class Choice:
    """The function chosen for an edge.

    Attributes
    ----------
    edge : tuple of int
        Edge layer, input node and output sub-node.
    ranking : list of Ranked
        All functions, the chosen one first.
    params : Tensor (4,)
        a, b, c and d of the chosen one.
    """

    edge: Edge
    ranking: list[Ranked]
    params: Tensor

    @property
    def best(self) -> Ranked:
        """The chosen function."""
        return self.ranking[0]


class Search:
    """The same choice for one edge after the other.

    Parameters
    ----------
    lib : list of str, or dict like `SYMBOLIC_LIB`, or None
        The functions to choose from; None stands for the whole library.
    preference : Preference
    **ranges
        `a_range` and `b_range`, as in `fit_affine`.
    """

    def __init__(self, lib: Any, preference: Preference, **ranges: Any) -> None:
        library = _read_library(lib)
        self.names, self.complexities = list(library), list(library.values())
        self.preference, self.ranges = preference, ranges

    def choose(self, step: LayerTrace, edges: Sequence[Edge], *, inputs: Tensor | None = None) -> list[Choice]:
        """Fit all functions to edges of a recorded layer, some at a time, and rank them.

        They are functions of the layer's inputs (I, N), or of others.
        """
        inputs = step.inputs if inputs is None else inputs
        per_chunk = max(1, _CHUNK // max(inputs.shape[1], 1))
        return [
            choice
            for start in range(0, len(edges), per_chunk)
            for choice in self._choose_together(step, edges[start : start + per_chunk], inputs)
        ]

    def pass_on(self, edge: Edge) -> Choice:
        """Return the choice of 'x' as it is."""
        ranking = self.preference.rank(["x"], [1.0], [self.complexities[self.names.index("x")]])
        return Choice(edge, ranking, torch.tensor([1.0, 0.0, 1.0, 0.0], device="cpu"))

    def _choose_together(self, step: LayerTrace, edges: Sequence[Edge], inputs: Tensor) -> list[Choice]:
        """Fit and rank with all values of the edges in memory."""
        values = torch.stack([_without_rounding(step.edge_values(i, j), step.sums[j]) for _, i, j in edges])  # (E, N)
        inputs = inputs[[i for _, i, _ in edges]]
        fit = fit_affine(inputs, values, self.names, **self.ranges)
        choices = []
        for edge, params, r2 in zip(edges, fit.params, fit.r2):
            ranking = self.preference.rank(self.names, r2.tolist(), self.complexities)
            choices.append(Choice(edge, ranking, params[self.names.index(ranking[0].name)]))
        return choices


def _read_library(lib: Any) -> dict[str, float]:
    """Return the complexity of each function to choose from.

    Raises
    ------
    ArgumentError
        For unknown names; the message lists close ones.
    """
    lib = SYMBOLIC_LIB if lib is None else lib
    if not isinstance(lib, Iterable) or isinstance(lib, str):
        raise ArgumentError(f"`lib` must be a list of names in SYMBOLIC_LIB, such as ['x', 'sin']; got {lib!r}.")
    complexities = {name: lookup(name).complexity for name in lib}
    if isinstance(lib, Mapping):
        complexities = {name: entry[2] for name, entry in lib.items()}
    if not complexities:
        raise ArgumentError("`lib` must name at least one function; None stands for the whole library.")
    return complexities


def _without_rounding(values: Tensor, sums: Tensor) -> Tensor:
    """Return the values of an edge; their mean if they vary by no more than rounding in the sum they are part of."""
    rounding = 4 * torch.finfo(values.dtype).eps * sums.abs().amax()
    return values.mean().expand_as(values) if bool(values.std(unbiased=False) <= rounding) else values
