"""Making a network deeper or wider, in place; its function stays.

Deviations from pykan: splines, masks, base functions, degrees and grids of single layers are kept, there they are
lost; inputs can be added, for `augment_input`, there outputs are; dtype and device are those of the network.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 3.3 (compiler), for the purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError, StateError, as_whole
from kan.layers import KANLayer, Symbolic_KANLayer
from kan.network import Network, Shape
from kan.network.listed import AFFINE
from kan.surgery.perturb import make_zero

Layer = TypeVar("Layer", KANLayer, Symbolic_KANLayer)


@torch.no_grad()
def expand_depth(network: Network) -> None:
    """Add a layer at the end whose edges are the identity from every output to itself.

    Parameters
    ----------
    network : Network
        Changed in place; its function stays.

    Raises
    ------
    StateError
        If symbolic edges are switched off.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import expand_depth
    >>> network, x = Network([2, 3, 1]), torch.rand(10, 2)
    >>> y = network(x)
    >>> expand_depth(network)
    >>> network.width, torch.equal(network(x), y)
    ([[2, 0], [3, 0], [1, 0], [1, 0]], True)
    """
    if not network.symbolic_enabled:
        raise StateError(
            "a deeper network starts with symbolic edges, which are switched off: set `model.symbolic_enabled = True`."
        )
    count, layer = network.width_in[-1], network.depth
    numeric = _new_edges(network, network.act_fun[layer - 1], count, count)
    symbolic = Symbolic_KANLayer(count, count)
    for node in range(count):
        symbolic.fix_symbolic(node, node, "x")
        symbolic.mask[node, node] = 1.0
    network.act_fun.append(numeric)
    network.symbolic_fun.append(_at_home(network, symbolic))
    for name in AFFINE:
        before = getattr(network, f"{name}_{layer - 1}")
        values = before.new_full((count,), float(name.endswith("scale")))
        setattr(network, f"{name}_{layer}", nn.Parameter(values, requires_grad=before.requires_grad))
    if isinstance(network.k, list):
        network.k = [*network.k, numeric.k]
    network.take_shape(Shape((*network.graph_shape.sums, count), (*network.graph_shape.arities, ())))


@torch.no_grad()
def expand_width(
    network: Network,
    layer_id: Any,
    n_added_nodes: Any,
    *,
    sum_bool: bool = True,
    mult_arity: Any = 2,
    perturb: bool = False,
) -> None:
    """Add nodes to a layer, sums before the others and products after them.

    Parameters
    ----------
    network : Network
        Changed in place; its function stays.
    layer_id : int
        A hidden layer; or 0 for inputs, whose columns then come before the others.
    n_added_nodes : int
        How many.
    sum_bool : bool
        Add sums, or else products.
    mult_arity : int or list of int
        How many factors the products have, all of them or each.
    perturb : bool
        Make the edges of the new nodes numerical and ready to learn, those that start from the nodes with the value
        zero. Without it the nodes have no edges.

    Raises
    ------
    ArgumentError
        If there is no such layer, or the new nodes are none or of no possible kind; nothing has changed then.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> from kan.surgery import expand_width
    >>> network, x = Network([2, 3, 1]), torch.rand(10, 2)
    >>> y = network(x)
    >>> expand_width(network, 1, 2, sum_bool=False, mult_arity=[2, 3])
    >>> network.width, network.width_out[1], bool(torch.allclose(network(x), y))
    ([[2, 0], [3, 2], [1, 0]], 8, True)
    """
    added = _checked_addition(network, layer_id, n_added_nodes, sum_bool=sum_bool, mult_arity=mult_arity)
    layer, nodes, subnodes = added.layer, added.nodes, added.subnodes
    if layer == 0:
        network.n_columns += nodes.added
        new = torch.arange(nodes.added, device=network.device)
        network.input_id = torch.cat([new, network.input_id + nodes.added])
        network.cache_data = network._reference = None  # they lack the new columns
    else:
        _enlarge(network, layer - 1, outputs=subnodes)
        for name in AFFINE:
            old, growth = getattr(network, f"{name}_{layer - 1}"), subnodes if name.startswith("sub") else nodes
            values = growth.fill(old, float(name.endswith("scale")))
            setattr(network, f"{name}_{layer - 1}", nn.Parameter(values, requires_grad=old.requires_grad))
    _enlarge(network, layer, inputs=nodes)
    if perturb:
        if layer > 0:
            network.act_fun[layer - 1].mask[:, subnodes.is_new()] = 1.0
        edges = network.act_fun[layer]
        make_zero(edges, nodes.is_new()[:, None].expand_as(edges.mask))
    network.take_shape(added.shape)


@dataclass(frozen=True)
class _Growth:
    """A row of nodes or sub-nodes that becomes longer: `added` new ones before the `old` ones, or after them."""

    old: int
    added: int = 0
    at_front: bool = False

    @property
    def count(self) -> int:
        """How many there are then."""
        return self.old + self.added

    @property
    def start(self) -> int:
        """Where the old ones begin then."""
        return self.added if self.at_front else 0

    def is_new(self) -> Tensor:
        """Return which ones are new (count,)."""
        places = torch.arange(self.count, device="cpu")
        return (places < self.start) | (places >= self.start + self.old)

    def fill(self, values: Tensor, new: float) -> Tensor:
        """Return the old values in their places, and `new` in the others."""
        result = values.new_full((self.count,), new)
        result[self.start : self.start + self.old] = values
        return result


class _Addition(NamedTuple):
    """What is added: the layer, its nodes and sub-nodes, and the shape that the network has then."""

    layer: int
    nodes: _Growth
    subnodes: _Growth
    shape: Shape


def _checked_addition(network: Network, layer_id: Any, count: Any, *, sum_bool: bool, mult_arity: Any) -> _Addition:
    """Read the arguments of `expand_width`."""
    layer, added, shape = as_whole(layer_id), as_whole(count), network.graph_shape
    if layer is None or not 0 <= layer < shape.depth:
        raise ArgumentError(
            f"`layer_id` must be one of 0 … {shape.depth - 1}, the inputs and the hidden layers; got {layer_id!r}."
        )
    if added is None or added < 1:
        raise ArgumentError(f"`n_added_nodes` must be a whole number of at least 1; got {count!r}.")
    if layer == 0 and not sum_bool:
        raise ArgumentError("inputs cannot be products: `layer_id=0` needs `sum_bool=True`.")
    arities: list[Any] = []
    if not sum_bool:
        several = isinstance(mult_arity, Sequence) and not isinstance(mult_arity, str)
        arities = [as_whole(arity) for arity in (mult_arity if several else [mult_arity] * added)]
        if len(arities) != added or any(arity is None or arity < 1 for arity in arities):
            raise ArgumentError(
                f"`mult_arity` must be a whole number of at least 1, or one for each of the {added} added products; "
                f"got {mult_arity!r}."
            )
    sums, products = list(shape.sums), list(shape.arities)
    sums[layer] += added if sum_bool else 0
    products[layer] = (*products[layer], *arities)
    return _Addition(
        layer,
        _Growth(shape.nodes[layer], added, at_front=sum_bool),
        _Growth(shape.subnodes[layer], added if sum_bool else sum(arities), at_front=sum_bool),
        Shape(tuple(sums), tuple(products)),
    )


def _enlarge(network: Network, layer: int, *, inputs: _Growth | None = None, outputs: _Growth | None = None) -> None:
    """Give an edge layer more inputs or outputs, without edges."""
    numeric, symbolic = network.act_fun[layer], network.symbolic_fun[layer]
    rows = _Growth(numeric.in_dim) if inputs is None else inputs
    columns = _Growth(numeric.out_dim) if outputs is None else outputs
    larger = _new_edges(network, numeric, rows.count, columns.count)
    larger.place(numeric, rows.start, columns.start)
    names = _at_home(network, Symbolic_KANLayer(rows.count, columns.count))
    names.place(symbolic, rows.start, columns.start)
    network.act_fun[layer], network.symbolic_fun[layer] = larger, names


def _new_edges(network: Network, like: KANLayer, in_dim: int, out_dim: int) -> KANLayer:
    """Return numerical edges like those of another layer, with random functions, none of which counts."""
    drawn = network.drawn_with
    edges = KANLayer(
        in_dim,
        out_dim,
        num=like.num,
        k=like.k,
        base_fun=like.base_fun,
        grid_eps=like.grid_eps,
        grid_range=network.grid_range,
        generator=network.draw_stream(),
        noise_scale=drawn["noise_scale"],
        scale_base_mu=drawn["scale_base_mu"],
        scale_base_sigma=drawn["scale_base_sigma"],
    )
    edges.mask.zero_()
    for name, parameter in edges.named_parameters():
        parameter.requires_grad_(like.get_parameter(name).requires_grad)
    return _at_home(network, edges)


def _at_home(network: Network, edges: Layer) -> Layer:
    """Return a new layer with dtype, device and mode of the network."""
    return edges.to(device=network.device, dtype=network.dtype).train(network.training)
