"""The numerical edges of a large layer: sums and gradients, block by block of inputs.

The features of a whole layer, (I (B + 1), N), are larger than a processor's cache, and every step of their recursion
would go through memory. So inputs are taken in blocks: the features of a block are made, multiplied and dropped, in
memory that the next block uses again, and the weights of a block are folded just before they are used. Nothing but the
arguments is kept for the gradients, which make the features once more: that costs about as much as reading them back.

The formulas are those of `kan.layers.edge_sum`.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from kan.layers.edge_kernel import centre
from kan.layers.edge_tensors import EdgeTensors, new_gradients, write_gradients
from kan.spline.fused import FusedBasis, repeated_basis
from kan.spline.repeated import RepeatedBasis

# Numbers in one step of the recursion over a block, and in its weights: on a processor what stays in the cache of a
# core (measured), on a GPU as much as keeps it busy.
_BLOCK = 2**18
_BLOCK_OF_GPU = 2**27


class EdgeBlocks:
    """The edges of a layer at some inputs.

    Parameters
    ----------
    tensors : EdgeTensors
    degree : int
    """

    def __init__(self, tensors: EdgeTensors, *, degree: int) -> None:
        self.tensors, self.degree = tensors, degree
        x, knots = tensors.x, tensors.knots
        self.inputs, self.outputs, self.count = tensors.coefficients.shape
        self.samples = x.shape[1]
        numbers = max(knots.shape[1] * self.samples, self.outputs * (self.count + 1), 1)
        block = _BLOCK_OF_GPU if x.is_cuda else _BLOCK
        self._at_once = max(1, min(self.inputs, block // numbers))
        self._features = x.new_empty(self._at_once, self.count + 1, self.samples)
        # With the outputs last, both products read and write rows as they lie in memory.
        self._weights = x.new_empty(self._at_once, self.count + 1, self.outputs)

    def forward(self, *, with_variances: bool) -> tuple[Tensor, Tensor | None]:
        """Return the sums (O, N) and, if wanted, the variances (I, O) of the edges."""
        sums = self.tensors.x.new_zeros(self.outputs, self.samples)
        variances = torch.empty_like(self.tensors.mask) if with_variances else None
        recursion = self._recursion()
        for block in self._blocks():
            features, weights = self._evaluate(block, recursion), self._fold(block)
            sums.addmm_(weights.flatten(0, 1).T, features.flatten(0, 1))
            if variances is not None:
                covariance = self._covariance(centre(features))
                variances[block] = torch.bmm(covariance, weights).mul_(weights).sum(dim=1)
        return sums, variances

    def backward(
        self, grad_sums: Tensor, grad_variances: Tensor | None, *, wanted: tuple[bool, ...]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, base, coefficients, scale_base, scale_spline and mask, those that are wanted."""
        gradients = new_gradients(self.tensors, wanted)
        grad_x, grad_base, *of_parameters = gradients
        # Gradients often come with samples first in memory; in double precision products with those take twice as long.
        grad_sums = grad_sums.contiguous()
        for_inputs = grad_x is not None or grad_base is not None
        lower = None
        if grad_x is not None:
            lower = grad_x.new_empty(self._at_once, self.count + 1, self.samples)
        recursion = self._recursion(lower)
        for block in self._blocks():
            features = self._evaluate(block, recursion)
            weights = self._fold(block) if for_inputs or grad_variances is not None else None
            grad_weights = (features.flatten(0, 1) @ grad_sums.T).view(*features.shape[:2], self.outputs)
            grad_features = None
            if for_inputs:
                assert weights is not None
                grad_features = (weights.flatten(0, 1) @ grad_sums).view_as(features)
            if grad_variances is not None:
                assert weights is not None
                self._add_variances(features, weights, grad_variances[block], grad_weights, grad_features)
            write_gradients(self.tensors, block, grad_weights[:, :-1], grad_weights[:, -1], of_parameters)
            if grad_features is not None:
                if grad_base is not None:
                    grad_base[block] = grad_features[:, -1]
                if grad_x is not None and lower is not None:
                    slopes = lower[: len(features), :-1] - lower[: len(features), 1:]
                    grad_x[block] = slopes.mul_(grad_features[:, :-1]).sum(dim=1).mul_(self.degree)
        return gradients

    def _blocks(self) -> Iterator[slice]:
        """Return the inputs of every block."""
        for first in range(0, self.inputs, self._at_once):
            yield slice(first, min(first + self._at_once, self.inputs))

    def _recursion(self, lower: Tensor | None = None) -> RepeatedBasis | FusedBasis:
        """Return what makes the features, and writes what slopes are made of into `lower`."""
        return repeated_basis(self.tensors.knots, degree=self.degree, values=self._features[:, :-1], lower=lower)

    def _evaluate(self, block: slice, recursion: RepeatedBasis | FusedBasis) -> Tensor:
        """Return the features (I, B + 1, N) of a block."""
        x = self.tensors.x[block]
        features = self._features[: len(x)]
        recursion.evaluate(x, first=block.start)
        features[:, -1] = self.tensors.base[block]
        return features

    def _fold(self, block: slice) -> Tensor:
        """Return the weights (I, B + 1, O) of a block: scales and mask folded into one number for every feature."""
        _, _, coefficients, scale_base, scale_spline, mask, _ = self.tensors
        used = mask[block]
        weights = self._weights[: len(used)]
        torch.mul(coefficients[block].mT, (scale_spline[block] * used)[:, None], out=weights[:, :-1])
        torch.mul(scale_base[block], used, out=weights[:, -1])
        return weights

    def _covariance(self, centred: Tensor) -> Tensor:
        """Return the covariance (I, B + 1, B + 1) of centred features."""
        return torch.bmm(centred, centred.mT).div_(max(self.samples - 1, 1))

    def _add_variances(
        self,
        features: Tensor,
        weights: Tensor,
        grad_variances: Tensor,
        grad_weights: Tensor,
        grad_features: Tensor | None,
    ) -> None:
        """Add what comes through the variances w' C w: 2 w' C dw + w' dC w, with dC from the centred features."""
        centred = centre(features)
        grad_weights.addcmul_(torch.bmm(self._covariance(centred), weights), grad_variances[:, None], value=2)
        if grad_features is not None:
            outer = torch.bmm(weights, (grad_variances[:, None] * weights).mT)  # (I, B + 1, B + 1)
            grad_features.baddbmm_(outer, centred, alpha=2 / max(self.samples - 1, 1))
