"""Making single edges symbolic, and splines again.

Deviations from pykan: the fit refers to all that the edge does (pykan ignores an edge's symbolic part), on data that do
not change with every forward pass; everything is checked before anything changes; making all edges splines again leaves
removed edges removed.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.5.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kan.common.console import say
from kan.common.errors import StateError
from kan.surgery.indices import checked_edge
from kan.surgery.masks import set_mode, unfix
from kan.symbolic.library import check_function

if TYPE_CHECKING:
    from kan.network import Network

_NO_EDGE_R2 = -1e8
"""What pykan's scripts compare with to learn that an edge had been removed."""


@torch.no_grad()
def fix_symbolic(
    network: Network,
    l: Any,  # noqa: E741
    i: Any,
    j: Any,
    fun_name: str | Callable[..., Any],
    *,
    fit_params_bool: bool = True,
    a_range: Any = (-10, 10),
    b_range: Any = (-10, 10),
    verbose: bool = True,
    random: bool = False,
    x: Any = None,
) -> Tensor | None:
    """Make an edge symbolic: ``c * f(a*x + b) + d``.

    Parameters
    ----------
    network : Network
        Changed in place.
    l, i, j : int
        Edge layer, input node and output sub-node of the edge.
    fun_name : str or callable
        A name in `SYMBOLIC_LIB`, or a function of a tensor, which is not fitted.
    fit_params_bool : bool
        Fit a, b, c and d to what the edge does now; otherwise they become (1, 0, 1, 0).
    a_range, b_range : pair of float
        Where the fit searches.
    verbose : bool
        Print the coefficient of determination.
    random : bool
        Without fitting: draw a, b, c and d from (-1, 1).
    x : Tensor (N, inputs), optional
        The data of the fit, by default the network's reference data.

    Returns
    -------
    Tensor or None
        r2 of the fit; None without a fit; -1e8, as in pykan, for an edge that had been removed.

    Raises
    ------
    ArgumentError
        If there is no such edge or function, or the fit cannot be made.
    StateError
        If the fit has no data.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> network = Network(width=[2, 1], seed=0)
    >>> r2 = fix_symbolic(network, 0, 1, 0, "x^2", x=torch.rand(100, 2), verbose=False)
    >>> network.symbolic_fun[0].funs_name
    [['0', 'x^2']]
    """
    layer, i, j = checked_edge(network, layer=l, i=i, j=j)
    check_function(fun_name)
    data = _samples(network, x) if fit_params_bool else None
    enable_symbolic(network, verbose=verbose)
    symbolic, removed = network.symbolic_fun[layer], is_removed(network, layer, i, j)
    r2: Tensor | None = None
    if data is not None:
        step = network.trace(data).layers[layer]
        samples = step.inputs[i], step.edge_values(i, j)
        r2 = symbolic.fix_symbolic(i, j, fun_name, *samples, a_range=a_range, b_range=b_range, verbose=verbose)
    else:
        generator = network.draw_stream() if random else None
        symbolic.fix_symbolic(i, j, fun_name, random=random, generator=generator)
    set_mode(network, layer, i, j, "s")
    return r2.new_tensor(_NO_EDGE_R2) if r2 is not None and removed else r2


def unfix_symbolic(network: Network, l: Any, i: Any, j: Any) -> None:  # noqa: E741
    """Make an edge the spline again that it was, and forget its function.

    Parameters
    ----------
    network : Network
        Changed in place.
    l, i, j : int
        Edge layer, input node and output sub-node of the edge.

    Raises
    ------
    ArgumentError
        If there is no such edge.

    Examples
    --------
    >>> from kan.network import Network
    >>> network = Network(width=[2, 1], seed=0)
    >>> fix_symbolic(network, 0, 1, 0, "sin", fit_params_bool=False)
    >>> unfix_symbolic(network, 0, 1, 0)
    >>> network.symbolic_fun[0].is_idle, network.act_fun[0].mask.tolist()
    (True, [[1.0], [1.0]])
    """
    unfix(network, l, i, j)


@torch.no_grad()
def unfix_symbolic_all(network: Network) -> None:
    """Make every symbolic edge a spline again; removed edges stay removed.

    Parameters
    ----------
    network : Network
        Changed in place.
    """
    for layer, symbolic in enumerate(network.symbolic_fun):
        if symbolic.is_idle:
            continue
        for i in range(symbolic.in_dim):
            for j in range(symbolic.out_dim):
                if is_removed(network, layer, i, j):
                    symbolic.clear_edge(i, j)
                elif symbolic.is_fixed(i, j):
                    unfix(network, layer, i, j)


def enable_symbolic(network: Network, *, verbose: bool) -> None:
    """Let symbolic edges count, if they do not: whoever names one wants it."""
    if not network.symbolic_enabled:
        network.symbolic_enabled = True
        if verbose:
            say("symbolic edges were switched off (`symbolic_enabled=False`, or `speed()`); now they count again.")


def check_enabled(network: Network) -> None:
    """Raise a StateError if the network ignores symbolic edges."""
    if not network.symbolic_enabled:
        raise StateError("symbolic edges are switched off: set `model.symbolic_enabled = True` first.")


def is_removed(network: Network, layer: int, i: int, j: int) -> bool:
    """Whether neither part of an edge counts."""
    return not (network.act_fun[layer].mask[i, j] or network.symbolic_fun[layer].mask[j, i])


def is_symbolic(network: Network, layer: int, i: int, j: int) -> bool:
    """Whether the symbolic part of an edge is all of it."""
    symbolic = network.symbolic_fun[layer]
    counts = symbolic.is_fixed(i, j) and bool(symbolic.mask[j, i])
    return counts and not bool(network.act_fun[layer].mask[i, j])


def _samples(network: Network, x: Any) -> Tensor:
    """Return the data of a fit, or raise a StateError that also says how to do without."""
    try:
        return network.reference_data(x)
    except StateError as error:
        raise StateError(f"{error} To choose a function before training, pass `fit_params_bool=False`.") from None
