"""Moving the knots of a network to its data, and taking over the functions of another network, in place.

Deviations from pykan: one pass through the network instead of one per layer; functions are kept also where samples are
few or equal; nothing is shared with the other network.

Source: Liu et al. 2024, arXiv 2404.19756, sec. 2.2 (grid updates) and 2.4 (grid extension).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kan.common.arrays import check_finite
from kan.common.errors import ArgumentError, StateError
from kan.network import Network, Trace
from kan.surgery.transplant import copy_affine


@torch.no_grad()
def update_grid(
    network: Network,
    x: Any,
    *,
    margin: float = 0.0,
    trained_only: bool = False,
    singularity_avoiding: bool = False,
    y_th: float = 10.0,
) -> None:
    """Move the knots of every layer to where its inputs are, keeping the functions there.

    Each layer sees what the layers before it, already moved, make of the data. Samples at which a hidden layer gives
    NaN or Inf do not count for the layers after it.

    Parameters
    ----------
    network : Network
        Changed in place.
    x : Tensor (N, inputs)
    margin : float
        How far grids reach beyond the samples, see `KANLayer.update_grid_from_samples`.
    trained_only : bool
        Leave layers whose coefficients are frozen as they are.
    singularity_avoiding, y_th
        How symbolic edges are evaluated, as in `forward`.

    Raises
    ------
    ArgumentError
        If `x` is empty, has another shape or holds NaN or Inf; nothing has changed then.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import update_grid
    >>> network = Network([1, 1], grid=2, k=0, grid_eps=1.0)
    >>> update_grid(network, torch.tensor([[0.0], [4.0]]))
    >>> network.act_fun[0].grid.tolist()
    [[0.0, 2.0, 4.0]]
    """
    x = _checked_samples(network, x)
    nodes = x[:, network.input_id].T  # (I, N)
    for layer in range(network.depth):
        edges, samples = network.act_fun[layer], finite_rows(nodes.T)
        is_frozen = isinstance(edges.coef, nn.Parameter) and not edges.coef.requires_grad
        if len(samples) and not (trained_only and is_frozen):
            edges.update_grid_from_samples(samples, margin=margin)
        nodes = network.advance(layer, nodes, singularity_avoiding=singularity_avoiding, y_th=y_th)


@torch.no_grad()
def initialize_grid_from_another_model(network: Network, other: Network, x: Any) -> None:
    """Take over the splines of `other`, whose grids may be coarser, on subdivisions of its knots.

    Parameters
    ----------
    network : Network
        Changed in place.
    other : Network
        A network of the same width and arities; grids and degrees may differ.
    x : Tensor (N, inputs)
        Samples; knots are stretched to cover what each layer of `other` makes of them.

    Raises
    ------
    ArgumentError
        If the networks have different shapes, or `x` is empty, has another shape or holds NaN or Inf.
    StateError
        If `other` gives NaN or Inf in a hidden layer at every sample.
    """
    _check_same_shape(network, other)
    take_over_splines(network, other, other.trace(_checked_samples(other, x)))


@torch.no_grad()
def initialize_from_another_model(network: Network, other: Network, x: Any) -> None:
    """Take over the function of `other`, whose grids may be coarser; the two share nothing.

    Parameters
    ----------
    network : Network
        Changed in place.
    other : Network
        A network of the same width, arities and base function; grids and degrees may differ.
    x : Tensor (N, inputs)
        The data on which the function is kept.

    Raises
    ------
    ArgumentError
        If the networks have different shapes or base functions, or `x` is empty, has another shape or holds NaN or Inf.
    StateError
        If `other` gives NaN or Inf in a hidden layer at every sample.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import initialize_from_another_model
    >>> coarse, fine, x = Network([2, 5, 1], grid=3), Network([2, 5, 1], grid=6), torch.rand(100, 2)
    >>> initialize_from_another_model(fine, coarse, x)
    >>> bool(torch.allclose(fine(x), coarse(x), atol=1e-5))
    True
    """
    _check_same_shape(network, other)
    if network.base_fun_name != other.base_fun_name:
        raise ArgumentError(
            f"both networks must have one base function; got {network.base_fun_name!r} and {other.base_fun_name!r}."
        )
    take_over(network, other, other.trace(_checked_samples(other, x)))


def take_over(network: Network, other: Network, trace: Trace) -> None:
    """Take over the function of `other`, of the same shape, whose activations are in `trace`."""
    take_over_splines(network, other, trace)
    network.n_columns, network.input_id = other.n_columns, other.input_id.to(network.device, copy=True)
    for layer in range(network.depth):
        own, theirs = network.act_fun[layer], other.act_fun[layer]
        for name in ("mask", "scale_base", "scale_sp"):
            getattr(own, name).copy_(getattr(theirs, name))
        symbolic = other.symbolic_fun[layer].get_subset(range(theirs.in_dim), range(theirs.out_dim))
        network.symbolic_fun[layer] = symbolic.to(device=network.device, dtype=network.dtype).train(network.training)
        nodes, subnodes = network.width_in[layer + 1], network.width_out[layer + 1]
        copy_affine(other, network, layer, nodes=range(nodes), subnodes=range(subnodes))


def take_over_splines(network: Network, other: Network, trace: Trace) -> None:
    """Take over the splines of `other`, of the same shape, whose activations are in `trace`."""
    inputs = [finite_rows(step.preacts) for step in trace.layers]
    for layer, samples in enumerate(inputs):
        if len(samples) == 0:
            raise StateError(
                f"the inputs of edge layer {layer} are NaN or Inf at every sample; its knots are left as is."
            )
    for layer, samples in enumerate(inputs):
        network.act_fun[layer].initialize_grid_from_parent(other.act_fun[layer], samples)


def _checked_samples(network: Network, x: Any) -> Tensor:
    """Return `x` as a finite tensor (N, inputs) with at least one row."""
    x = network.checked_input(x)
    if x.shape[0] == 0:
        raise ArgumentError(f"`x` must hold at least one sample, (N, {network.n_columns}); got {tuple(x.shape)}.")
    check_finite("x", x)
    return x


def finite_rows(samples: Tensor) -> Tensor:
    """Return the rows of `samples` (N, I) that are finite."""
    return samples[torch.isfinite(samples).all(dim=1)]


def _check_same_shape(network: Network, other: Network) -> None:
    """Raise unless both networks have the same nodes and arities."""
    if network.graph_shape != other.graph_shape:
        raise ArgumentError(
            f"both networks must have the same shape; got width={network.width}, mult_arity={network.mult_arity} "
            f"and width={other.width}, mult_arity={other.mult_arity}."
        )
