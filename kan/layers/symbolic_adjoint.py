"""The symbolic edges of one layer for training: values and gradients by hand, function by function."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kan.layers.base_functions import value_and_slope
from kan.layers.symbolic_layer import EdgeGroup, Symbolic_KANLayer


class _Values(NamedTuple):
    """The edges of one function at some inputs: E edges, N samples."""

    group: EdgeGroup
    x: Tensor  # (E, N)
    value: Tensor  # (E, N), f(a x + b)
    slope: Tensor  # (E, N), f'(a x + b)
    affine: Tensor  # (E, 4)
    mask: Tensor  # (E, 1)


class SymbolicAdjoint:
    """The symbolic edges ``mask * (c * f(a x + b) + d)`` of a layer.

    Parameters
    ----------
    layer : Symbolic_KANLayer
    singularity_avoiding, y_th
        As in `Symbolic_KANLayer.forward`.
    """

    def __init__(self, layer: Symbolic_KANLayer, *, singularity_avoiding: bool = False, y_th: float = 10.0) -> None:
        self.layer = layer
        self._threshold = y_th if singularity_avoiding else None

    def add_to(self, sums: Tensor, x: Tensor) -> None:
        """Add the edges at inputs x (I, N) to the sums (O, N)."""
        self._last: list[_Values] = []
        for group in self.layer.edge_groups():
            affine = self.layer.affine[group.outputs, group.inputs]
            mask = self.layer.mask[group.outputs, group.inputs][:, None]
            a, b, c, d = affine[:, :, None].unbind(dim=1)
            inputs = x[group.inputs]
            value, slope = value_and_slope(group.bound(self._threshold), torch.addcmul(b, a, inputs))
            self._last.append(_Values(group, inputs, value, slope, affine, mask))
            sums.index_add_(0, group.outputs, mask * torch.addcmul(d, c, value))

    def pull_back(self, grad_sums: Tensor, grad_inputs: Tensor | None) -> Tensor | None:
        """Return the gradient of the affine parameters (O, I, 4), None without edges; add that of the inputs."""
        if not self._last:
            return None
        result = torch.zeros_like(self.layer.affine)
        for values in self._last:
            columns, of_inputs = _differentiate(values, grad_sums)
            result[values.group.outputs, values.group.inputs] = torch.stack([c.sum(dim=1) for c in columns], dim=1)
            if grad_inputs is not None:
                grad_inputs.index_add_(0, values.group.inputs, of_inputs)
        return result

    def edges(self) -> tuple[Tensor, Tensor]:
        """Return outputs and inputs (E,) of the edges, at least one, in the order of `rows`."""
        groups = self.layer.edge_groups()
        return torch.cat([group.outputs for group in groups]), torch.cat([group.inputs for group in groups])

    def rows(self, grad_sums: Tensor) -> Tensor:
        """Return what the gradient of the affine parameters is the sum of, sample by sample: (E, 4, N)."""
        return torch.cat([torch.stack(_differentiate(values, grad_sums)[0], dim=1) for values in self._last])

    def add_to_gradient(self, grad_sums: Tensor, grad_inputs: Tensor) -> None:
        """Add the gradient of the inputs (I, N)."""
        for values in self._last:
            grad_inputs.index_add_(0, values.group.inputs, _differentiate(values, grad_sums)[1])


def _differentiate(values: _Values, grad_sums: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return the gradients of a, b, c, d, sample by sample, and that of the inputs, all (E, N)."""
    group, x, value, slope, affine, mask = values
    a, _, c, _ = affine[:, :, None].unbind(dim=1)
    outer = mask * grad_sums[group.outputs]  # with respect to c * f + d
    inner = outer * c * slope  # with respect to a * x + b
    return [inner * x, inner, outer * value, outer], a * inner
