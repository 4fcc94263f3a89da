"""The network: layers of edges between layers of sum and multiplication nodes.

One step from nodes to nodes is

    sums -> subnode_scale * sums + subnode_bias -> products -> node_scale * nodes + node_bias.

Parameters have pykan's names, so `state_dict`s are exchanged with it. Deviations from pykan: a forward pass keeps only
a reference to its input, everything else is computed on demand (`trace`); dtype and device are those of the parameters,
without any state beside them; the constructor draws from a generator of its own.

Source: Liu et al. 2024, arXiv 2404.19756 and 2408.10205.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from kan.common.errors import ArgumentError, StateError, check_number, check_range
from kan.common.extra_state import ExtraState, unpack
from kan.common.modules import ModuleList, is_hooked, move
from kan.common.properties import settled
from kan.common.random import on_cpu, stream
from kan.common.transforms import has_values, is_transformed
from kan.layers import KANLayer, Symbolic_KANLayer, multiply_nodes
from kan.layers.base_functions import BaseFunction, own_copies
from kan.layers.edge_sum import Features
from kan.network.direct import Workspaces
from kan.network.listed import AFFINE, Listed
from kan.network.making import check_layers, make, own_settings
from kan.network.model import Model
from kan.network.shape import Shape, of_each, per_layer
from kan.network.trace import LayerTrace, Trace

Self = TypeVar("Self", bound="Network")

# Features of the first layer are kept during training up to this many numbers (128 MiB in float64).
_MOST_PREPARED = 2**24


class Prepared(NamedTuple):
    """Inputs (I, N), and the features of the first layer that belong to them and to its present grid."""

    inputs: Tensor
    features: Features | None = None


class Network(ExtraState, Model):
    """Edges, nodes and the forward pass; `kan.models.MultKAN` adds the public methods and documents the parameters."""

    node_scale_0: nn.Parameter
    node_bias = Listed("The bias of the nodes after every edge layer.")
    node_scale = Listed("The scale of the nodes after every edge layer.")
    subnode_bias = Listed("The bias of the sub-nodes after every edge layer.")
    subnode_scale = Listed("The scale of the sub-nodes after every edge layer.")
    drawn_with: dict[str, float]

    @on_cpu
    def __init__(
        self,
        width: Any,
        *,
        grid: int | list[int] = 3,
        k: int | list[int] = 3,
        mult_arity: Any = 2,
        noise_scale: float = 0.3,
        scale_base_mu: float = 0.0,
        scale_base_sigma: float = 1.0,
        base_fun: str | BaseFunction = "silu",
        symbolic_enabled: bool = True,
        affine_trainable: bool = False,
        grid_eps: float = 0.02,
        grid_range: Any = (-1, 1),
        sp_trainable: bool = True,
        sb_trainable: bool = True,
        seed: int = 1,
        save_act: bool = True,
        sparse_init: bool = False,
        device: Any = "cpu",
    ) -> None:
        super().__init__(seed)
        self.graph_shape = Shape.parse(width, mult_arity)
        self.mult_homo = isinstance(mult_arity, int)
        self.mult_arity = self.graph_shape.mult_arity(like=mult_arity)
        grid, self.k = per_layer("grid", grid, self.depth, least=1), per_layer("k", k, self.depth, least=0)
        self.has_one_grid = not isinstance(grid, list)
        self.base_fun_name = base_fun
        self.symbolic_enabled, self.affine_trainable = symbolic_enabled, affine_trainable
        self.grid_range = list(check_range("grid_range", grid_range))
        self.sp_trainable, self.sb_trainable = sp_trainable, sb_trainable
        self.save_act = save_act
        # What only the constructor needs, for those that draw a network of the same kind again.
        self.drawn_with = {
            "noise_scale": noise_scale,
            "scale_base_mu": scale_base_mu,
            "scale_base_sigma": scale_base_sigma,
        }
        generator = stream(self.seed)
        nodes, subnodes = self.graph_shape.nodes, self.graph_shape.subnodes
        self.act_fun = ModuleList(
            KANLayer(
                nodes[layer],
                subnodes[layer + 1],
                num=intervals,
                k=degree,
                noise_scale=noise_scale,
                scale_base_mu=scale_base_mu,
                scale_base_sigma=scale_base_sigma,
                base_fun=base_fun,
                grid_eps=grid_eps,
                grid_range=grid_range,
                sp_trainable=sp_trainable,
                sb_trainable=sb_trainable,
                sparse_init=sparse_init,
                generator=generator,
            )
            for layer, (intervals, degree) in enumerate(zip(of_each(grid, self.depth), of_each(self.k, self.depth)))
        )
        self.base_fun = self.act_fun[0].base_fun
        for layer in range(self.depth):
            for name in AFFINE:
                count = (subnodes if name.startswith("sub") else nodes)[layer + 1]
                start = torch.full((count,), float(name.endswith("scale")))
                self.register_parameter(f"{name}_{layer}", nn.Parameter(start, requires_grad=affine_trainable))
        self.symbolic_fun = ModuleList(
            Symbolic_KANLayer(nodes[layer], subnodes[layer + 1]) for layer in range(self.depth)
        )
        self.n_columns = nodes[0]
        self.register_buffer("input_id", torch.arange(nodes[0]), persistent=False)
        # Whether `input_id` names all columns in order, and of which tensor that was found: no copy is needed then.
        self._all_columns, self._all_columns_of = True, self.input_id
        self._workspaces = Workspaces()
        # What the last formula was made of: expressions of nodes and sub-nodes, and the report of what was dropped.
        self.symbolic_acts: list[list[Any]] | None = None
        self.symbolic_acts_premult: list[list[Any]] | None = None
        self.formula_report: Any = None
        move(self, device)

    # What the network is

    @settled
    def depth(self) -> int:
        """The number of edge layers."""
        return self.graph_shape.depth

    @settled
    def width(self) -> list[list[int]]:
        """Sum and multiplication nodes of every node layer, inputs first."""
        return self.graph_shape.width

    @width.setter
    def width(self, width: Any) -> list[list[int]]:
        """Return a width that may be written as the constructor takes it."""
        return Shape.parse(width, self.mult_arity).width

    @property
    def width_in(self) -> list[int]:
        """Nodes of every node layer."""
        return self.graph_shape.nodes

    @property
    def width_out(self) -> list[int]:
        """Sub-nodes of every node layer."""
        return self.graph_shape.subnodes

    @property
    def n_sum(self) -> list[int]:
        """Sum nodes of every hidden layer."""
        return list(self.graph_shape.sums[1:-1])

    @property
    def n_mult(self) -> list[int]:
        """Multiplication nodes of every hidden layer."""
        return [len(arities) for arities in self.graph_shape.arities[1:-1]]

    @settled
    def grid(self) -> int | list[int]:
        """The number of grid intervals; a list with that of each layer if it was given so, or if they differ."""
        intervals = [layer.num for layer in self.act_fun]
        return intervals[0] if self.has_one_grid and len(set(intervals)) == 1 else intervals

    @property
    def grid_eps(self) -> float:
        """How uniform grids are after an update (see the constructor); setting it sets it in all layers.

        Raises
        ------
        StateError
            If layers have been given numbers of their own.
        """
        own = own_settings(self)["grid_eps"]
        if isinstance(own, list):
            raise StateError(f"the layers have a `grid_eps` of their own: {own}. Set `model.grid_eps` for all of them.")
        return own

    @grid_eps.setter
    def grid_eps(self, grid_eps: float) -> None:
        grid_eps = check_number("grid_eps", grid_eps, least=0, most=1)
        for layer in self.act_fun:
            layer.grid_eps = grid_eps

    def arities(self, layer: int) -> list[int]:
        """Arities of the multiplication nodes of node layer `layer`."""
        return list(self.graph_shape.arities[layer])

    def affine_map(self, what: str, layer: int) -> tuple[nn.Parameter, nn.Parameter]:
        """Scale and bias of the nodes (`what` is 'node') or sub-nodes ('subnode') after edge layer `layer`."""
        return getattr(self, f"{what}_scale_{layer}"), getattr(self, f"{what}_bias_{layer}")

    @property
    def is_plain(self) -> bool:
        """Whether the class overrides none of the forward passes."""
        own = ("predict_prepared", "predict_by_layers", "trace", "advance")
        return all(getattr(type(self), name) is getattr(Network, name) for name in own)

    @property
    def has_splines(self) -> bool:
        """Whether any edge is numerical, and not only symbolic or removed."""
        return any(bool((layer.mask != 0).any()) for layer in self.act_fun)

    @property
    def has_symbolic(self) -> bool:
        """Whether any edge is symbolic."""
        return any(bool((layer.mask != 0).any()) for layer in self.symbolic_fun)

    @property
    def has_plain_forward(self) -> bool:
        """Whether `forward` is that of this class, without hooks."""
        return type(self).forward is Network.forward and not is_hooked(self)

    @property
    def _example(self) -> Tensor:
        """A parameter: dtype and device are those of all others."""
        return self.node_scale_0

    def evaluates_splines(self, layer: int) -> bool:
        """Whether the numerical edges of a layer are evaluated: if any of them counts, or none is symbolic.

        Where none counts they are left out: an infinite base function, times zero, would be NaN. Without symbolic edges
        the mask, which may be on another device, is not looked at; and a compiler, or an ensemble, cannot look at it.
        """
        mask = self.act_fun[layer].mask
        return self.symbolic_fun[layer].is_idle or not has_values(mask) or bool(mask.any())

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Network:
        """Move or cast everything; which columns are inputs stays as it is."""
        known = self._all_columns_of is self.input_id
        super()._apply(fn, recurse)
        if known:
            self._all_columns_of = self.input_id
        return self

    # The forward pass

    def forward(self, x: Any, singularity_avoiding: bool = False, y_th: float = 10.0) -> Tensor:
        """Evaluate the network.

        Parameters
        ----------
        x : Tensor (N, inputs)
        singularity_avoiding : bool
            Use guarded symbolic functions, which are finite everywhere.
        y_th : float
            The value beyond which a guarded function is cut off.

        Returns
        -------
        Tensor (N, outputs)

        Raises
        ------
        ArgumentError
            If `x` has another shape.

        Examples
        --------
        >>> import torch
        >>> from kan import KAN
        >>> KAN(width=[2, 5, 1])(torch.rand(100, 2)).shape
        torch.Size([100, 1])
        """
        x = self.checked_input(x)
        if not is_transformed():
            self.note_input(x)
        return self.predict_prepared(Prepared(self._inputs(x)), singularity_avoiding=singularity_avoiding, y_th=y_th)

    def prepare(self, x: Any) -> Prepared:
        """Return `x` in the form that `predict_prepared` and `trace` take, with all that depends only on `x` and grids.

        Training evaluates the network hundreds of times on the same data: the bases of the first layer are computed
        once, as long as they fit into moderate memory.
        """
        inputs = self._inputs(self.checked_input(x)).detach()
        layer = self.act_fun[0]
        stays = layer.base_kind.is_constant and inputs.numel() * (layer.num + layer.k + 1) <= _MOST_PREPARED
        with torch.no_grad():
            return Prepared(inputs, layer.features(inputs) if stays else None)

    def predict_prepared(self, prepared: Any, **singularity: Any) -> Tensor:
        """Evaluate the network on inputs (N, inputs), or on what `prepare` made of them; returns (N, outputs)."""
        nodes, features = prepared if isinstance(prepared, Prepared) else self.prepare(prepared)
        first = self.act_fun[0]
        by_layers = features is not None or first.sample_weights is not None
        outputs = None if by_layers else self._workspaces.predict(self, nodes, **singularity)
        return self.predict_by_layers(nodes, features, **singularity) if outputs is None else outputs

    def predict_by_layers(self, nodes: Tensor, features: Features | None = None, **singularity: Any) -> Tensor:
        """Evaluate the network layer by layer, differentiable any number of times: (I, N) -> (N, outputs)."""
        for layer in range(self.depth):
            nodes = self.advance(layer, nodes, features=features, **singularity)
            features = None
        return nodes.T.contiguous()

    def trace(self, x: Any, **singularity: Any) -> Trace:
        """Evaluate the network and record every layer; differentiable, and `cache_data` stays as it is.

        Parameters
        ----------
        x : Tensor (N, inputs) or Prepared
        **singularity
            `singularity_avoiding` and `y_th`, as in `forward`.
        """
        nodes, features = x if isinstance(x, Prepared) else Prepared(self._inputs(self.checked_input(x)))
        record: list[LayerTrace] = []
        for layer in range(self.depth):
            nodes = self.advance(layer, nodes, record, features=features, **singularity)
            features = None
        return Trace(record)

    def _inputs(self, x: Tensor) -> Tensor:
        """Return the columns of `x` (N, columns) that are inputs, samples last: (I, N)."""
        if self._all_columns_of is not self.input_id:
            if is_transformed():  # by what cannot look at numbers
                return x[:, self.input_id].T.contiguous()
            columns = torch.arange(self.n_columns, device=self.input_id.device)
            self._all_columns = torch.equal(self.input_id, columns)
            self._all_columns_of = self.input_id
        return (x if self._all_columns else x[:, self.input_id]).T.contiguous()

    def per_input(self, name: str, values: Sequence[Any]) -> list[Any]:
        """Return those of `values`, which has one entry per input or one per column of the data, that are the inputs'.

        The two differ after `prune_input`: a list that was made for the data serves the pruned network too.

        Raises
        ------
        ArgumentError
            For another number of entries; `name` is what it calls them.

        Examples
        --------
        >>> from kan.network import Network
        >>> Network(width=[2, 1]).per_input("var", ["x", "y"])
        ['x', 'y']
        """
        columns, inputs = self.n_columns, self.width_in[0]
        if len(values) == columns:
            return [values[column] for column in self.input_id.tolist()]
        if len(values) == inputs:
            return list(values)
        wanted = f"{inputs}" if inputs == columns else f"{inputs} (the inputs) or {columns} (the columns of the data)"
        raise ArgumentError(f"`{name}` must have {wanted} entries; got {len(values)}.")

    def advance(
        self,
        layer: int,
        nodes: Tensor,
        record: list[LayerTrace] | None = None,
        *,
        features: Features | None = None,
        **singularity: Any,
    ) -> Tensor:
        """Go from the nodes (I, N) of one layer to those of the next."""
        numeric, symbolic = self.act_fun[layer], self.symbolic_fun[layer]
        groups = symbolic.group_values(nodes, **singularity) if self.symbolic_enabled else []
        variances: Tensor | None = None
        if not self.evaluates_splines(layer):
            sums = nodes.new_zeros(numeric.out_dim, nodes.shape[1])
        else:
            # Called first: hooks that come before it may set its parameters, as those of `torch.nn.utils.prune` do.
            called = numeric(nodes.T)[0].T if numeric.is_called else None
            if record is not None or called is None:
                sums, variances = numeric.edge_sums(nodes, with_variances=record is not None, features=features)
            if called is not None:
                sums = called
        for group, values in groups:
            sums = sums.index_add(0, group.outputs, values)
        subnodes = self._affine("subnode", layer, sums)
        products = multiply_nodes(subnodes, **self.graph_shape.node_kinds(layer + 1))
        result = self._affine("node", layer, products)
        if record is not None:
            if variances is None:
                variances = nodes.new_zeros(numeric.in_dim, numeric.out_dim)
            record.append(LayerTrace(numeric, symbolic, nodes, sums, subnodes, result, variances, groups))
        return result

    def _affine(self, what: str, layer: int, values: Tensor) -> Tensor:
        """Apply the affine map of the nodes or sub-nodes to (nodes, N)."""
        scale, bias = self.affine_map(what, layer)
        return torch.addcmul(bias[:, None], scale[:, None], values)

    # Changes of structure, and copies

    def take_shape(self, shape: Shape) -> None:
        """Change the shape; the caller provides the layers that go with it."""
        self.graph_shape = shape
        self.mult_arity = shape.mult_arity(like=self.mult_arity)
        self.mult_homo = isinstance(self.mult_arity, int)

    def constructor_arguments(self) -> dict[str, Any]:
        """Return the arguments with which the constructor makes a network of the same shape and behaviour."""
        return {
            "width": self.width,
            "grid": self.grid,
            "k": self.k,
            "mult_arity": self.mult_arity,
            **own_settings(self),
            "symbolic_enabled": self.symbolic_enabled,
            "affine_trainable": self.affine_trainable,
            "grid_range": list(self.grid_range),
            "sp_trainable": self.sp_trainable,
            "sb_trainable": self.sb_trainable,
            "seed": self.seed,
            "save_act": self.save_act,
            **self.drawn_with,
        }

    def rebuild(self: Self, **changes: Any) -> Self:
        """Return a fresh network of this class (see `making`) with some settings changed, of the same dtype and device.

        Its parameters are as the constructor leaves them; base functions, data and random state are carried over.

        Raises
        ------
        StateError
            If the network holds a layer of a class of the user's own, which the constructor would not make again, or
            one with tensors that are computed from others.
        """
        check_layers(self)
        for layer in self.act_fun:
            layer.check_settable()
        settings = {**self.constructor_arguments(), **changes}
        settings["base_fun"], *functions = own_copies([settings["base_fun"], *(one.base_fun for one in self.act_fun)])
        fresh = make(type(self), **settings)
        if "base_fun" not in changes:
            for layer, function in zip(fresh.act_fun, functions):
                layer.set_base_function(function)
            fresh.base_fun = fresh.act_fun[0].base_fun
        fresh.to(dtype=self.dtype, device=self.device)
        nn.Module.train(fresh, self.training)  # subclasses have methods `train` that train
        if fresh.width_in[0] == self.width_in[0]:
            fresh.n_columns, fresh.input_id = self.n_columns, self.input_id.clone()
        fresh.cache_data, fresh._reference, fresh._draws = self.cache_data, self._reference, self._draws
        return fresh

    def _named_state(self) -> dict[str, Any]:
        """Return which columns of the data are the inputs."""
        return {"n_columns": self.n_columns, "input_id": self.input_id.tolist()}

    def _usual_state(self) -> dict[str, Any]:
        """Say that all columns are, in order."""
        return {"n_columns": self.width_in[0], "input_id": list(range(self.width_in[0]))}

    def set_extra_state(self, state: Any) -> None:
        """Restore what `get_extra_state` returned."""
        state = unpack(state)
        if len(state["input_id"]) != self.width_in[0]:
            raise ArgumentError(
                f"the state is of a model with {len(state['input_id'])} inputs, not {self.width_in[0]}."
            )
        self.n_columns = int(state["n_columns"])
        self.input_id = torch.tensor(state["input_id"], dtype=torch.long, device=self.device)
