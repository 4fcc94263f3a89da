"""A network and its gradient by hand, for training: forward and adjoint pass on data that stays, without autograd.

On a network of a few nodes autograd costs as much as the arithmetic: every operation is called twice through it, and
every result takes fresh memory. Here the two passes are written out (`kan.layers.edge_adjoint`), everything that only
depends on grids and data is computed once, and memory is used again. The numbers are those of `Network.forward`,
`Network.trace` and their gradients up to rounding; the tests compare them.

It serves where parameters are trained with first derivatives on full tensors. Whatever differentiates otherwise
(physics losses, `torch.func`, subclasses with a forward pass of their own) goes through autograd.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from kan.common.transforms import is_autocast, is_transformed
from kan.layers import KANLayer, Symbolic_KANLayer, multiply_nodes, pull_back_products
from kan.layers.edge_adjoint import EdgeAdjoint
from kan.layers.symbolic_adjoint import SymbolicAdjoint

if TYPE_CHECKING:
    from kan.network.network import Network, Prepared

# Beyond this many numbers in the memory of one layer, autograd is no longer what costs.
_MOST_NUMBERS = 2**21


class Passed(NamedTuple):
    """One layer in the last forward pass: its inputs (I, N), sub-nodes (O, N) around their affine map, products."""

    inputs: Tensor
    sums: Tensor
    subnodes: Tensor
    products: Tensor
    variances: Tensor | None  # (I, O), where they were asked for
    edges: EdgeAdjoint | None  # None where no spline counts


class Signals(NamedTuple):
    """The gradient of a number per sample with respect to one layer's nodes, sub-nodes (O, N) and sums (O, N)."""

    nodes: Tensor
    subnodes: Tensor
    sums: Tensor


class Adjoint:
    """Forward and adjoint pass of a network on some data, valid until its grids move.

    Parameters
    ----------
    network : Network
        One for which `Adjoint.applies`; parameters are read at every evaluation.
    inputs : Tensor (I, N) or Prepared
        The data; from `Network.prepare` with what stays the same over many evaluations.
    with_variances : bool
        Whether the penalties ask for the variances of the edges.
    singularity : dict
        `singularity_avoiding` and `y_th`, as in `Network.forward`.
    only_trained_change : bool
        Whether parameters that are not trained stay what they are now. Then affine maps of nodes that change nothing,
        the usual ones, are left out.

    Attributes
    ----------
    layers : list of Passed
        What the last `forward` computed.
    symbolic : list of SymbolicAdjoint
        The symbolic edges of every layer.
    """

    def __init__(
        self,
        network: Network,
        inputs: Tensor | Prepared,
        *,
        with_variances: bool = False,
        singularity: dict[str, Any],
        only_trained_change: bool = False,
    ) -> None:
        # The network may keep these passes: it should go when nobody else holds it.
        self._network = weakref.ref(network)
        self._with_variances, self.singularity = with_variances, singularity
        self._inputs = inputs.inputs if isinstance(inputs, tuple) else inputs
        self._features = inputs.features if isinstance(inputs, tuple) else None
        self._edges: list[EdgeAdjoint | None] = [None] * network.depth
        self._numeric = list(network.act_fun)
        self.symbolic = [SymbolicAdjoint(layer, **singularity) for layer in network.symbolic_fun]
        # For every layer scale and bias of the sub-nodes, then those of the nodes.
        self._affine = [
            (*network.affine_map("subnode", layer), *network.affine_map("node", layer))
            for layer in range(network.depth)
        ]
        self._moves = [
            [not only_trained_change or _changes_something(*pair) for pair in (maps[:2], maps[2:])]
            for maps in self._affine
        ]
        self.layers: list[Passed] = []

    @property
    def network(self) -> Network:
        """The network, which somebody else has to hold."""
        network = self._network()
        assert network is not None
        return network

    @staticmethod
    def applies(network: Network, inputs: Tensor | Prepared, *, most_numbers: int | None = None) -> bool:
        """Whether the passes here compute what `network` does, and need no more memory than is of use."""
        x = inputs.inputs if isinstance(inputs, tuple) else inputs
        if not network.is_plain or trains_more(network) or is_parametrized(network):
            return False
        if is_transformed() or is_autocast(network.device.type):
            return False
        floating = {tensor.dtype for tensor in (*network.parameters(), x)}
        if len(floating) > 1 or not floating <= {torch.float32, torch.float64}:
            return False
        most = _MOST_NUMBERS if most_numbers is None else most_numbers
        if any(layer.grid.numel() * x.shape[1] > most for layer in network.act_fun):
            return False
        if not all(type(layer) is Symbolic_KANLayer for layer in network.symbolic_fun):
            return False
        own = own_parameters(network)
        is_shared = len({id(parameter) for parameter in own}) < len(own)
        return not is_shared and all(_fits(layer) for layer in network.act_fun)

    @torch.no_grad()
    def forward(self, inputs: Tensor | None = None) -> Tensor:
        """Return the outputs (outputs, N), at other inputs (I, N) if they are given."""
        nodes = self._inputs if inputs is None else inputs
        self.layers = []
        for layer, (subnode_scale, subnode_bias, node_scale, node_bias) in enumerate(self._affine):
            moves_subnodes, moves_nodes = self._moves[layer]
            sums, variances, edges = self._sums(layer, nodes)
            if self.network.symbolic_enabled:
                self.symbolic[layer].add_to(sums, nodes)
            subnodes = torch.addcmul(subnode_bias[:, None], subnode_scale[:, None], sums) if moves_subnodes else sums
            products = multiply_nodes(subnodes, **self.network.graph_shape.node_kinds(layer + 1))
            self.layers.append(Passed(nodes, sums, subnodes, products, variances, edges))
            nodes = torch.addcmul(node_bias[:, None], node_scale[:, None], products) if moves_nodes else products
        return nodes

    @torch.no_grad()
    def backward(
        self, grad_nodes: Tensor, penalties: Sequence[tuple[Tensor, Tensor | None]] | None = None
    ) -> list[tuple[nn.Parameter, Tensor]]:
        """Return trainable parameters with their gradients.

        Parameters
        ----------
        grad_nodes : Tensor (outputs, N)
            The gradient of what `forward` returned.
        penalties : sequence of pairs, optional
            For every layer the gradients of its variances (I, O) and of its inputs (I, N), None for constant inputs.
        """
        found: list[tuple[Any, Tensor]] = []
        for layer in reversed(range(self.network.depth)):
            of_variances, of_inputs = (None, None) if penalties is None else penalties[layer]
            signals = self.through_nodes(layer, grad_nodes)
            found += self._of_affine(layer, signals)
            grad_sums = signals.sums
            passed, inner = self.layers[layer], layer > 0
            grad_inputs: Tensor | None = None
            if passed.edges is not None:
                grad_weights, grad_inputs = passed.edges.pull_back(grad_sums, of_variances, for_inputs=inner)
                found += passed.edges.gradients(grad_weights)
            elif inner:
                grad_inputs = torch.zeros_like(passed.inputs)
            if self.network.symbolic_enabled:
                grad_affine = self.symbolic[layer].pull_back(grad_sums, grad_inputs)
                if grad_affine is not None:
                    found.append((self.symbolic[layer].layer.affine, grad_affine))
            if inner:
                assert grad_inputs is not None
                grad_nodes = grad_inputs if of_inputs is None else grad_inputs.add_(of_inputs)
        return [(parameter, gradient) for parameter, gradient in found if parameter.requires_grad]

    @torch.no_grad()
    def signals(self, grad_nodes: Tensor) -> list[Signals]:
        """Take the gradient (outputs, N) of what `forward` returned back to every layer, sample by sample."""
        result: list[Signals] = []
        for layer in reversed(range(self.network.depth)):
            found = self.through_nodes(layer, grad_nodes)
            result.append(found)
            if layer > 0:
                passed = self.layers[layer]
                grad_nodes = torch.zeros_like(passed.inputs)
                if passed.edges is not None:
                    grad_nodes = (passed.edges.slopes() * found.sums).sum(dim=1)
                if self.network.symbolic_enabled:
                    self.symbolic[layer].add_to_gradient(found.sums, grad_nodes)
        return result[::-1]

    def _sums(self, layer: int, nodes: Tensor) -> tuple[Tensor, Tensor | None, EdgeAdjoint | None]:
        """Evaluate the numerical edges of a layer, if there are any."""
        numeric = self._numeric[layer]
        # As `Network.evaluates_splines`, which has to look up the layers.
        if not (self.symbolic[layer].layer.is_idle or bool(numeric.mask.any())):
            variances = nodes.new_zeros(numeric.in_dim, numeric.out_dim) if self._with_variances else None
            return nodes.new_zeros(numeric.out_dim, nodes.shape[1]), variances, None
        edges = self._edges[layer]
        if edges is None:
            edges = self._edges[layer] = EdgeAdjoint(
                numeric,
                samples=nodes.shape[1],
                with_variances=self._with_variances,
                features=self._features if layer == 0 else None,
            )
        return (*edges.forward(nodes), edges)

    def through_nodes(self, layer: int, grad_nodes: Tensor) -> Signals:
        """Take the gradient (nodes, N) of a number per sample back from the nodes that a layer feeds to its sums."""
        subnode_scale, _, node_scale, _ = self._affine[layer]
        moves_subnodes, moves_nodes = self._moves[layer]
        grad_products = node_scale[:, None] * grad_nodes if moves_nodes else grad_nodes
        kinds = self.network.graph_shape.node_kinds(layer + 1)
        grad_subnodes = pull_back_products(self.layers[layer].subnodes, grad_products, **kinds)
        grad_sums = subnode_scale[:, None] * grad_subnodes if moves_subnodes else grad_subnodes
        return Signals(grad_nodes, grad_subnodes, grad_sums)

    def _of_affine(self, layer: int, signals: Signals) -> list[tuple[Any, Tensor]]:
        """Return the affine parameters of nodes and sub-nodes with their gradients, where they are trained."""
        subnode_scale, subnode_bias, node_scale, node_bias = self._affine[layer]
        passed = self.layers[layer]
        found: list[tuple[Any, Tensor]] = []
        for scale, bias, signal, values in (
            (node_scale, node_bias, signals.nodes, passed.products),
            (subnode_scale, subnode_bias, signals.subnodes, passed.sums),
        ):
            if scale.requires_grad:
                found.append((scale, (signal * values).sum(dim=1)))
            if bias.requires_grad:
                found.append((bias, signal.sum(dim=1)))
        return found


def _changes_something(scale: nn.Parameter, bias: nn.Parameter) -> bool:
    """Whether an affine map is, or may become, another one than the identity."""
    return scale.requires_grad or bias.requires_grad or not bool((scale == 1).all() & (bias == 0).all())


def own_parameters(network: Network) -> list[Tensor]:
    """Return what the parameters of the network and its layers are at this moment; what layers share comes twice."""
    modules = (network, *network.act_fun, *network.symbolic_fun)
    return [tensor for module in modules for tensor in module._parameters.values() if tensor is not None]


def trains_more(network: Network) -> bool:
    """Whether something is trained to which the passes make no gradient: masks, numbers inside of functions."""
    symbolic = network.symbolic_fun
    # Not `layer.mask`, for which a module first looks elsewhere: this is asked at every prediction.
    masks = [layer._parameters.get("mask") for layer in (*network.act_fun, *symbolic)]
    return any(mask is None or mask.requires_grad for mask in masks) or any(
        layer.has_trained_functions for layer in symbolic
    )


def _fits(layer: KANLayer) -> bool:
    """Whether `EdgeAdjoint` knows this kind of layer."""
    if type(layer) is not KANLayer or layer.k < 2 or layer.is_called:
        return False
    return layer.base_kind.is_elementwise and layer.base_kind.is_constant
