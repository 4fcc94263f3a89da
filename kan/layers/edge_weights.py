"""The weights of a layer's numerical edges as one vector, and as one copy for every sample.

The sums of a layer are linear in its weights (one for each basis and one for the base function, on every edge). For
least squares the coefficients and base scales behind them are a vector of I * O * (B + 1) numbers, and the derivatives
of residuals are made with respect to the weights: `EdgeWeights.factors` are the derivatives of these with respect to
the numbers. `scale_sp` scales what the coefficients scale already, and is left as it is.

`SampleWeights` gives every sample a copy of the weights. The gradient of a sum of residuals with respect to the copies
then holds the gradient of every residual by itself, in one backward pass through whatever the residuals are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from kan.layers.edge_kernel import TORCH, fold
from kan.layers.edge_sum import Features
from kan.layers.kan_layer import KANLayer
from kan.spline.basis import basis


class EdgeWeights:
    """Coefficients and base scales of a layer, edge by edge.

    Attributes
    ----------
    shape : tuple of int
        I, O and B + 1.
    size : int
    """

    def __init__(self, layer: KANLayer) -> None:
        self.layer = layer
        inputs, outputs, count = layer.coef.shape
        self.shape = (inputs, outputs, count + 1)
        self.size = inputs * outputs * (count + 1)

    @property
    def is_trained(self) -> bool:
        """Whether anything here is trained."""
        return self.layer.coef.requires_grad or self.layer.scale_base.requires_grad

    def read(self, numbers: Tensor) -> None:
        """Write the numbers into a vector."""
        numbers = numbers.view(self.shape)
        numbers[:, :, :-1], numbers[:, :, -1] = self.layer.coef, self.layer.scale_base

    def write(self, numbers: Tensor) -> None:
        """Set what is trained."""
        numbers = numbers.view(self.shape)
        for parameter, piece in ((self.layer.coef, numbers[:, :, :-1]), (self.layer.scale_base, numbers[:, :, -1])):
            if parameter.requires_grad:
                parameter.copy_(piece)

    def factors(self, numbers: Tensor) -> None:
        """Write the derivatives of the weights into a vector, zero for what is not trained."""
        numbers, layer = numbers.view(self.shape), self.layer
        strength = layer.scale_sp * layer.mask
        numbers[:, :, :-1] = strength[:, :, None] if layer.coef.requires_grad else 0.0
        numbers[:, :, -1] = layer.mask if layer.scale_base.requires_grad else 0.0

    def gather(self, numbers: Tensor, gradients: Mapping[int, Tensor]) -> None:
        """Write the gradients of the parameters, by their ids, into a vector, or those of M values into (size, M)."""
        numbers, layer = numbers.view(*self.shape, *numbers.shape[1:]), self.layer
        for parameter, piece in ((layer.coef, numbers[:, :, :-1]), (layer.scale_base, numbers[:, :, -1])):
            if id(parameter) in gradients:
                piece.copy_(gradients[id(parameter)])


class SampleWeights:
    """Copies of a layer's weights, (I, O, B + 1, N) for every evaluation of the layer while they are in use.

    Attributes
    ----------
    copies : list of Tensor
        In the order of the evaluations; parts of the graph.
    """

    def __init__(self, layer: KANLayer) -> None:
        self._layer = layer
        self.copies: list[Tensor] = []

    def sums(self, x: Tensor, features: Features | None) -> Tensor:
        """Evaluate the layer at inputs x (I, N): the sums (O, N)."""
        layer = self._layer
        weights = fold(TORCH, layer.coef, layer.scale_base, layer.scale_sp, layer.mask)
        copies = weights[:, :, :, None].expand(-1, -1, -1, x.shape[1]).contiguous()
        self.copies.append(copies)
        if features is None:
            values = torch.cat([basis(x, layer.grid, degree=layer.k), layer.base_values(x)[:, None]], dim=1)
        else:
            values = features.values
        return (copies * values[:, None]).sum(dim=(0, 2))


@contextmanager
def sample_weights(layers: list[KANLayer]) -> Iterator[list[SampleWeights]]:
    """Let layers evaluate with a copy of their weights for every sample."""
    found = [SampleWeights(layer) for layer in layers]
    try:
        for layer, copies in zip(layers, found):
            layer.sample_weights = copies
        yield found
    finally:
        for layer in layers:
            layer.sample_weights = None
