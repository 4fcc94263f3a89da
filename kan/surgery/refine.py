"""Refining the grids: the same function with more intervals, ready to be fitted further, as a copy or in place.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.4 (grid extension).
"""

from __future__ import annotations

from typing import Any

import torch

from kan.common.arrays import check_finite
from kan.network import Network, of_each, per_layer
from kan.surgery.grids import finite_rows, take_over
from kan.surgery.transplant import Net, copy_flags


@torch.no_grad()
def refine(network: Net, new_grid: Any) -> Net:
    """Return a network with the same function and other grids.

    On the reference data the function stays: to rounding where the new number of intervals is a multiple of the old one
    and the data lie within the grids, else as nearly as the new grids allow.

    Parameters
    ----------
    network : Network
        Stays as it is.
    new_grid : int or list of int
        The number of grid intervals, for all layers or for each.

    Returns
    -------
    Network
        A new network of the same class.

    Raises
    ------
    ArgumentError
        If `new_grid` is not a number of at least 1, or one for each layer.
    StateError
        If the model has seen no data.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import refine
    >>> network, x = Network([2, 5, 1], grid=5), torch.rand(100, 2)
    >>> y = network(x)
    >>> finer = refine(network, 10)
    >>> finer.grid, bool(torch.allclose(finer(x), y, atol=1e-5))
    (10, True)
    """
    grid = per_layer("new_grid", new_grid, network.depth, least=1)
    data = network.reference_data()
    check_finite("the model's reference data", data)
    trace = network.trace(data)
    child = network.rebuild(grid=grid)
    take_over(child, network, trace)
    copy_flags(network, child)
    return child


@torch.no_grad()
def refine_in_place(network: Network, new_grid: int | list[int], x: Any = None, **singularity: Any) -> None:
    """Do to a network's own layers what `refine` does to a copy; its parameters stay the same objects.

    Parameters
    ----------
    network : Network
        Changed in place: the grids and coefficients get other shapes.
    new_grid : int or list of int
    x : Tensor (N, inputs), optional
        The data on which the function is kept; knots are stretched to cover what each layer gets of them. Without it,
        or where a hidden layer gets nothing finite, the ranges of the grids stay.
    **singularity
        `singularity_avoiding` and `y_th`, as in `Network.forward`.

    Raises
    ------
    ArgumentError
        If `new_grid` is not a number of at least 1, or one for each layer; nothing has changed then.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import refine_in_place
    >>> network, x = Network([2, 5, 1], grid=5), torch.rand(100, 2)
    >>> y = network(x)
    >>> refine_in_place(network, 10, x)
    >>> network.grid, bool(torch.allclose(network(x), y, atol=1e-5))
    (10, True)
    """
    grid = per_layer("new_grid", new_grid, network.depth, least=1)
    intervals = of_each(grid, network.depth)
    # What every layer gets, before any of them changes.
    steps = None if x is None else network.trace(x, **singularity).layers
    for layer, numeric in enumerate(network.act_fun):
        samples = numeric.grid.new_empty(0, numeric.in_dim) if steps is None else finite_rows(steps[layer].preacts)
        numeric.refine(samples, intervals[layer])
    network.has_one_grid = not isinstance(grid, list)
