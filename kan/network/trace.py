"""What happened in one forward pass, layer by layer.

The pass itself only keeps the nodes and the variance of every edge. Values per edge and sample are computed when they
are asked for: plots, pruning and symbolic fitting need them, training does not.

Inside, samples are the last axis; what the properties return has pykan's shapes, samples first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from kan.common.transforms import is_transformed
from kan.layers import KANLayer, Symbolic_KANLayer
from kan.layers.symbolic_layer import EdgeGroup

# Samples whose standard deviation is at most so many units of rounding of their mean do not vary.
ROUNDING = 16

# Keeps the relative spread of an edge finite when its input does not vary; pykan's value.
INPUT_FLOOR = 0.1


def spread(values: Tensor) -> Tensor:
    """Return the standard deviation along the last axis; its gradient is 0 where it is 0.

    It is 0 for a single sample, and where it is rounding: noise over noise would be as large as what varies.
    """
    samples = values.shape[-1]
    if samples < 2:
        return torch.zeros_like(values[..., :1].sum(dim=-1))
    # torch's `var` takes the numbers one by one, ten times as long.
    mean = values.mean(dim=-1, keepdim=True)
    width = root((values - mean).square().sum(dim=-1) / (samples - 1))
    noise = ROUNDING * torch.finfo(values.dtype).eps * mean.detach().squeeze(-1).abs()
    return width.masked_fill(width.detach() <= noise, 0)


def root(variance: Tensor) -> Tensor:
    """Return the square root, 0 where rounding made the variance negative; its gradient is 0 where it is 0."""
    if is_transformed():
        zero = variance <= 0
        return torch.where(zero, 0, torch.where(zero, 1, variance).sqrt())
    return _Root.apply(variance)


class _Root(torch.autograd.Function):
    """`root`, in two operations forward and three backward: it runs for every layer in every evaluation."""

    @staticmethod
    def forward(ctx: Any, variance: Tensor) -> Tensor:
        result = variance.clamp(min=0).sqrt_()
        ctx.save_for_backward(variance, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        variance, result = ctx.saved_tensors
        if torch.is_grad_enabled():
            result = root(variance)
        # Masking the quotient instead would give NaN in the second derivative.
        return gradient / (2 * result.masked_fill(result == 0, math.inf))


@dataclass
class LayerTrace:
    """One edge layer and the nodes it feeds.

    Attributes
    ----------
    inputs : Tensor (I, N)
        The nodes before.
    sums : Tensor (O, N)
        The sub-nodes before their affine map.
    subnodes : Tensor (O, N)
        The sub-nodes, factors of the products.
    nodes : Tensor (nodes, N)
        The nodes after.
    variances : Tensor (I, O)
        The variance over the samples of every numerical edge.
    groups : list of (EdgeGroup, Tensor (E, N))
        The values of the symbolic edges, by function.
    """

    numeric: KANLayer
    symbolic: Symbolic_KANLayer
    inputs: Tensor
    sums: Tensor
    subnodes: Tensor
    nodes: Tensor
    variances: Tensor
    groups: list[tuple[EdgeGroup, Tensor]] = field(default_factory=list)

    @property
    def preacts(self) -> Tensor:
        """The inputs of the layer (N, I)."""
        return self.inputs.T

    def postsplines(self) -> Tensor:
        """Return the bare splines of all edges (N, O, I)."""
        return self.numeric.edge_splines(self.inputs).permute(2, 1, 0)

    def postacts(self) -> Tensor:
        """Return the outputs of all edges (N, O, I)."""
        values = self.numeric(self.inputs.T)[2].permute(1, 2, 0)  # (O, I, N)
        for group, symbolic in self.groups:
            values = values.index_put((group.outputs, group.inputs), symbolic, accumulate=True)
        return values.permute(2, 0, 1)

    def unmasked(self) -> Tensor:
        """Return what the numerical parts of all edges would be without their masks (N, O, I)."""
        layer, base = self.numeric, self.numeric.base_values(self.inputs)[:, None]
        values = layer.scale_base[:, :, None] * base + layer.scale_sp[:, :, None] * layer.edge_splines(self.inputs)
        return values.permute(2, 1, 0)

    def edge_values(self, i: int, j: int) -> Tensor:
        """Return the outputs of one edge (N,)."""
        inputs, outputs = torch.tensor([[i], [j]], device=self.inputs.device)
        value = self._numeric_values(inputs, outputs)[0]
        for group, symbolic in self.groups:
            for row in ((group.outputs == j) & (group.inputs == i)).nonzero().flatten():
                value = value + symbolic[row]
        return value

    def input_spread(self) -> Tensor:
        """Return the standard deviation of every input (I,)."""
        return self._input_spread

    @cached_property
    def _input_spread(self) -> Tensor:
        return spread(self.inputs)

    def subnode_spread(self) -> Tensor:
        """Return the standard deviation of every sub-node before its affine map (O,)."""
        return spread(self.sums)

    def spline_spread(self) -> Tensor:
        """Return the standard deviation of every numerical edge (O, I), 0 where the input does not vary."""
        constant = self.input_spread().detach() == 0
        return root(self.variances.masked_fill(constant[:, None], 0)).T

    def edge_spread(self) -> Tensor:
        """Return the standard deviation of every edge, numerical and symbolic part together (O, I)."""
        result = self.spline_spread()
        for group, symbolic in self.groups:
            total = symbolic
            overlap = self.numeric.mask[group.inputs, group.outputs] != 0
            if bool(overlap.any()):
                total = symbolic + self._numeric_values(group.inputs, group.outputs)
            result = result.index_put((group.outputs, group.inputs), spread(total))
        return result

    def relative_spline_spread(self) -> Tensor:
        """Return the standard deviation of every numerical edge over that of its input (O, I)."""
        return self.spline_spread() / (self.input_spread() + INPUT_FLOOR)

    def relative_edge_spread(self) -> Tensor:
        """Return the standard deviation of every edge over that of its input (O, I)."""
        return self.edge_spread() / (self.input_spread() + INPUT_FLOOR)

    def _numeric_values(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Return the numerical part of some edges: E pairs -> (E, N)."""
        layer, x = self.numeric, self.inputs[inputs]  # (E, N)
        splines = torch.einsum("eb,ebn->en", layer.coef[inputs, outputs], layer.bases(x, inputs))
        scale_sp, scale_base = layer.scale_sp[inputs, outputs], layer.scale_base[inputs, outputs]
        total = scale_sp[:, None] * splines + scale_base[:, None] * layer.base_values(self.inputs)[inputs]
        return layer.mask[inputs, outputs][:, None] * total


@dataclass
class Trace:
    """One forward pass.

    Attributes
    ----------
    layers : list of LayerTrace
        One for every edge layer.
    """

    layers: list[LayerTrace]

    @property
    def output(self) -> Tensor:
        """The output of the network (N, outputs)."""
        return self.layers[-1].nodes.T

    @property
    def nodes(self) -> list[Tensor]:
        """The values of all node layers (N, nodes), inputs first."""
        return [self.layers[0].inputs.T, *(layer.nodes.T for layer in self.layers)]

    def singular_edges(self) -> list[tuple[int, int, int]]:
        """Return the symbolic edges (layer, input, output) not finite at some samples, of the first layer with such.

        What comes after them is not finite for that reason.
        """
        for number, layer in enumerate(self.layers):
            edges = [
                (number, int(group.inputs[row]), int(group.outputs[row]))
                for group, values in layer.groups
                for row in (~values.isfinite()).any(dim=1).nonzero().flatten()
            ]
            if edges:
                return sorted(edges)
        return []
