"""Giving symbolic and absent edges a numerical part, so that training can change what they do.

An edge is active if it has a numerical part, or a symbolic one other than the function '0'. Deviations from pykan:
parts that are numerical already stay as they are, there they are scaled or, in the last layer, erased; the mode
'non-intrusive' keeps the function always, also where an edge that gives a constant, or the factor of a product, makes
an idle node matter; in the last layer the coefficients are zero and not their scale, so that every one of them can
be learnt.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 3.3 (compiler), for the purpose.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kan.common.errors import check_choice, check_number
from kan.layers import KANLayer, nodes_to_subnodes
from kan.network import Network

MODES = ("all", "non-intrusive", "minimal")


@torch.no_grad()
def perturb(network: Network, *, mag: float = 1.0, mode: str = "non-intrusive") -> None:
    """Give edges a numerical part beside what they have.

    Parameters
    ----------
    network : Network
        Changed in place.
    mag : float
        The weight of these parts.
    mode : str
        'all': every edge; 'minimal': the active ones; 'non-intrusive': those into idle nodes, and with the value zero
        those of the last layer, so that the function stays.

    Raises
    ------
    ArgumentError
        For an unknown `mode`, or a `mag` that is not finite.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import perturb, remove_node
    >>> network, x = Network([2, 3, 1]), torch.rand(10, 2)
    >>> remove_node(network, 1, 2)
    >>> y = network(x)
    >>> perturb(network)
    >>> network.act_fun[0].mask.sum().item(), bool(torch.allclose(network(x), y))
    (6.0, True)
    """
    check_choice("mode", mode, MODES)
    mag = check_number("mag", mag)
    chosen = [active_edges(network, layer) for layer in range(network.depth)]
    if mode == "all":
        chosen = [torch.ones_like(edges) for edges in chosen]
    elif mode == "non-intrusive":
        chosen = _into_idle(network, chosen)
        last = network.act_fun[network.depth - 1]
        make_zero(last, last.mask == 0)
    for layer, edges in enumerate(chosen):
        mask = network.act_fun[layer].mask
        mask[edges.T & (mask == 0)] = mag


def make_zero(edges: KANLayer, chosen: Tensor) -> None:
    """Make the numerical parts of some edges (I, O) count, with the value zero and all coefficients ready to learn."""
    for name, value in (("coef", 0.0), ("scale_base", 0.0), ("scale_sp", 1.0), ("mask", 1.0)):
        edges.get_parameter(name)[chosen] = value


def active_edges(network: Network, layer: int) -> Tensor:
    """Return which edges of a layer do anything (O, I)."""
    symbolic = network.symbolic_fun[layer]
    named = torch.tensor([[name != "0" for name in row] for row in symbolic.funs_name], device=network.device)
    return (network.act_fun[layer].mask.T != 0) | (named & (symbolic.mask != 0))


def _into_idle(network: Network, active: list[Tensor]) -> list[Tensor]:
    """Return the edges (O, I) of every layer that end in sub-nodes without active edges, of nodes that lead nowhere."""
    leads = torch.ones(network.width_in[-1], dtype=torch.bool, device=network.device)
    chosen = []
    for layer in reversed(range(network.depth)):
        leads = nodes_to_subnodes(leads, **network.graph_shape.node_kinds(layer + 1))
        idle = ~active[layer].any(dim=1) & ~leads
        chosen.append(idle[:, None].expand_as(active[layer]))
        leads = (active[layer] & leads[:, None]).any(dim=0)
    return chosen[::-1]
