"""Functions for edges: a ranking for one edge, and the choice for all of them.

Functions are chosen in `choosing`; here they are shown, and given to the edges.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.5.1; arXiv 2408.10205, sec. 5.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kan.common.console import say
from kan.common.errors import check_number
from kan.formula.chains import straightened
from kan.formula.choosing import Choice, Edge, Search
from kan.formula.fix import enable_symbolic, is_removed, is_symbolic
from kan.formula.ranking import Loss, Preference, Ranked, complexity_bits, r2_bits
from kan.surgery.indices import checked_edge
from kan.surgery.masks import set_mode
from kan.symbolic.library import SymbolicFunction, lookup

if TYPE_CHECKING:
    from kan.network import Network

_COLUMNS = ("function", "fitting r2", "r2 loss", "complexity", "complexity loss", "total loss")


@torch.no_grad()
def suggest_symbolic(
    network: Network,
    l: Any,  # noqa: E741
    i: Any,
    j: Any,
    *,
    a_range: Any = (-10, 10),
    b_range: Any = (-10, 10),
    lib: Sequence[str] | Mapping[str, Any] | None = None,
    topk: int = 5,
    verbose: bool = True,
    r2_loss_fun: Loss = r2_bits,
    c_loss_fun: Loss = complexity_bits,
    weight_simple: float = 0.8,
    x: Any = None,
) -> tuple[str, SymbolicFunction, float, float]:
    """Rank the functions of the library for an edge; the network stays as it is.

    Parameters
    ----------
    network : Network
    l, i, j : int
        Edge layer, input node and output sub-node of the edge.
    a_range, b_range : pair of float
        Where the fits search; the default is widened for edges whose inputs vary little, see `fit_affine`.
    lib : list of str, or dict like `SYMBOLIC_LIB`, optional
        The functions to choose from, by default the whole library.
    topk : int
        How many rows of the table to print.
    verbose : bool
        Print the table.
    r2_loss_fun, c_loss_fun : callable
        From r2, and from complexity, to bits.
    weight_simple : float
        The weight of the complexity, between 0 and 1; the fit has the rest.
    x : Tensor (N, inputs), optional
        The data, by default the network's reference data.

    Returns
    -------
    name : str
    function : SymbolicFunction
    r2, complexity : float

    Raises
    ------
    ArgumentError
        If there is no such edge or function, or the fits cannot be made.
    StateError
        If the network has seen no data.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> network = Network(width=[1, 1], base_fun="identity", noise_scale=0.0, seed=0)
    >>> name, function, r2, complexity = suggest_symbolic(
    ...     network, 0, 0, 0, lib=["0", "x", "sin"], x=torch.rand(50, 1), verbose=False
    ... )
    >>> name, round(r2.item(), 4), complexity.item()
    ('x', 1.0, 1)
    """
    layer, i, j = checked_edge(network, layer=l, i=i, j=j)
    preference = Preference(r2_loss_fun, c_loss_fun, weight_simple)
    search = Search(lib, preference, a_range=a_range, b_range=b_range)
    step = network.trace(network.reference_data(x)).layers[layer]
    (choice,) = search.choose(step, [(layer, i, j)])
    if verbose:
        say(_table(choice.ranking[: max(int(topk), 1)]))
    best = choice.best
    # Numbers of numpy, as in pykan, for scripts that call `.item()` of them.
    complexity: Any = np.asarray(best.complexity)[()]
    return best.name, lookup(best.name), np.float64(best.r2), complexity


@torch.no_grad()
def auto_symbolic(
    network: Network,
    *,
    a_range: Any = (-10, 10),
    b_range: Any = (-10, 10),
    lib: Sequence[str] | Mapping[str, Any] | None = None,
    verbose: int = 1,
    weight_simple: float = 0.8,
    r2_threshold: float = 0.0,
    x: Any = None,
) -> list[Choice]:
    """Make every edge symbolic, with the function that `suggest_symbolic` ranks first.

    All edges are fitted to what they do in the network as it is; then all are changed. Of two edges in a row that are
    one function of one variable the first gets 'x', the second the function (see `chains`).

    Parameters
    ----------
    network : Network
        Changed in place.
    a_range, b_range, lib, weight_simple, x
        As in `suggest_symbolic`.
    verbose : int
        0 prints nothing, 1 a line per edge, 2 the ranking of each too.
    r2_threshold : float
        Edges that no function fits at least this well stay splines.

    Returns
    -------
    list of Choice
        What was found for every edge that was a spline, those that stay splines included.

    Raises
    ------
    ArgumentError
        If a function is unknown, or the fits cannot be made.
    StateError
        If the network has seen no data.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> network = Network(width=[1, 1], base_fun="identity", noise_scale=0.0, seed=0)
    >>> choices = auto_symbolic(network, lib=["0", "x", "sin"], x=torch.rand(50, 1), verbose=0)
    >>> network.symbolic_fun[0].funs_name
    [['x']]
    """
    check_number("r2_threshold", r2_threshold)
    search = Search(lib, Preference(weight_simple=weight_simple), a_range=a_range, b_range=b_range)
    data = network.reference_data(x)
    enable_symbolic(network, verbose=bool(verbose))
    trace = network.trace(data)
    edges = [
        (layer, i, j)
        for layer in range(network.depth)
        for i in range(network.width_in[layer])
        for j in range(network.width_out[layer + 1])
    ]
    splines = [edge for edge in edges if not is_symbolic(network, *edge) and not is_removed(network, *edge)]
    choices = {
        choice.edge: choice
        for layer, step in enumerate(trace.layers)
        for choice in search.choose(step, [edge for edge in splines if edge[0] == layer])
    }
    if "x" in search.names:
        choices = straightened(network, trace, choices, search, least_r2=r2_threshold)
    for edge in edges:
        if edge not in choices:
            message = _settle(network, edge)
        elif choices[edge].best.r2 < r2_threshold:
            message = _refusal(choices[edge], r2_threshold)
        else:
            message = _apply(network, choices[edge])
        if verbose >= 1:
            say(message)
        if verbose > 1 and edge in choices:
            say(_table(choices[edge].ranking[:5]))
    _warn_if_singular(network.trace(data).singular_edges())
    return list(choices.values())


def _apply(network: Network, choice: Choice) -> str:
    """Give an edge the function chosen for it, and say so."""
    (layer, i, j), best = choice.edge, choice.best
    symbolic = network.symbolic_fun[layer]
    symbolic.set_edge(i, j, best.name)
    symbolic.affine[j, i] = choice.params.to(symbolic.affine)
    set_mode(network, layer, i, j, "s")
    return f"fixing ({layer},{i},{j}) with {best.name}, r2={best.r2:.8g}, c={best.complexity}"


def _settle(network: Network, edge: Edge) -> str:
    """Mark a removed edge as the function '0', without bringing it back; a symbolic one stays as it is."""
    layer, i, j = edge
    symbolic = network.symbolic_fun[layer]
    if symbolic.is_fixed(i, j):
        return f"skipping ({layer},{i},{j}) since already symbolic"
    symbolic.set_edge(i, j, "0")
    return f"fixing ({layer},{i},{j}) with 0"


def _warn_if_singular(edges: Sequence[Edge]) -> None:
    """Warn of edges whose function is not defined everywhere, once those before them have changed too."""
    if edges:
        warnings.warn(
            f"the network is no longer finite at some samples: the arguments of {', '.join(map(str, edges))} left "
            "the domain of the functions there. Fit with `singularity_avoiding=True`, or give them other functions.",
            UserWarning,
            stacklevel=5,  # who called `model.auto_symbolic`
        )


def _refusal(choice: Choice, threshold: float) -> str:
    """Say why an edge stays a spline."""
    layer, i, j = choice.edge
    best = choice.best
    return (
        f"keeping ({layer},{i},{j}) as a spline: the best fit is {best.name} with r2={best.r2:.8g}, below the "
        f"threshold {threshold:g}; train further, or lower `r2_threshold`."
    )


def _table(ranking: Sequence[Ranked]) -> str:
    """Lay out a ranking as pykan's table."""
    rows = [
        (
            entry.name,
            f"{entry.r2:.6f}",
            f"{entry.r2_loss:.6f}",
            f"{entry.complexity:g}",
            f"{entry.complexity_loss:g}",
            f"{entry.loss:.6f}",
        )
        for entry in ranking
    ]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows)]
    margin = len(str(len(rows) - 1))
    lines = ["  ".join([" " * margin, *(title.rjust(width) for title, width in zip(_COLUMNS, widths))])]
    for number, row in enumerate(rows):
        lines.append("  ".join([str(number).ljust(margin), *(cell.rjust(width) for cell, width in zip(row, widths))]))
    return "\n".join(lines)
