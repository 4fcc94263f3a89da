"""The numerical edges of a large layer: sums and gradients, block by block of inputs and samples.

The features of a whole layer, (I (B + 1), N), are larger than a processor's cache, and every step of their recursion
would go through memory. So inputs are taken in blocks, and the samples of a block in chunks: the features of a block
at a chunk are made, multiplied and dropped, in memory that the next ones use again, and the weights of a block are
folded just before they are used. Nothing but the arguments is kept for the gradients, which make the features once
more: that costs about as much as reading them back.

The formulas are those of `kan.layers.edge_sum`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from kan.layers.edge_tensors import EdgeTensors, new_gradients, write_gradients
from kan.spline.fused import FusedBasis, repeated_basis
from kan.spline.repeated import RepeatedBasis

# Numbers in one step of the recursion over a block, and in its weights: on a processor what stays in the cache of a
# core, on a GPU as much as keeps it busy (both measured).
_BLOCK = 2**18
_BLOCK_OF_GPU = 2**27
# Products of fewer inputs than this at once, or of fewer samples, are slow.
_FEWEST_INPUTS = 16
_FEWEST_SAMPLES = 256


class EdgeBlocks:
    """The edges of a layer at some inputs.

    Parameters
    ----------
    tensors : EdgeTensors
    degree : int
    moments : list of Moments, optional
        What an evaluation at these inputs has found before, block by block.

    Attributes
    ----------
    moments : list of Moments
        Of the features, after a forward pass with variances. Empty where all samples are one chunk, for then they cost
        little, and where they are more numbers than the bases that are not zero.
    """

    def __init__(self, tensors: EdgeTensors, *, degree: int, moments: Sequence[Moments] = ()) -> None:
        self.tensors, self.degree, self.moments = tensors, degree, list(moments)
        x, knots = tensors.x, tensors.knots
        self.inputs, self.outputs, self.count = tensors.coefficients.shape
        self.samples = x.shape[1]
        self._at_once, self._chunk = self._sizes(knots.shape[1], _BLOCK_OF_GPU if x.is_cuda else _BLOCK)
        are_few = (self.count + 1) ** 2 <= (degree + 2) * self.samples
        self._keeps_moments = are_few and self._chunk < self.samples
        self._features = x.new_empty(self._at_once, self.count + 1, self._chunk)
        self._held: tuple[int, int] | None = None  # where the block and the chunk of the features begin
        # With the outputs last, both products read and write rows as they lie in memory.
        self._weights = x.new_empty(self._at_once, self.count + 1, self.outputs)

    def forward(self, *, with_variances: bool) -> tuple[Tensor, Tensor | None]:
        """Return the sums (O, N) and, if wanted, the variances (I, O) of the edges."""
        sums = self.tensors.x.new_zeros(self.outputs, self.samples)
        variances = torch.empty_like(self.tensors.mask) if with_variances else None
        recursion = self._recursion()
        for block in self._blocks():
            weights, moments = self._fold(block), Moments() if with_variances else None
            for chunk in self._chunks():
                features = self._evaluate(block, chunk, recursion)
                sums[:, chunk].addmm_(weights.flatten(0, 1).T, features.flatten(0, 1))
                if moments is not None:
                    moments.add(features)
            if moments is None or variances is None:
                continue
            variances[block] = torch.bmm(moments.covariance(), weights).mul_(weights).sum(dim=1)
            if self._keeps_moments:
                self.moments.append(moments)
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
        recursion = self._recursion(pulls_back=grad_x is not None)
        for number, block in enumerate(self._blocks()):
            weights = self._fold(block) if for_inputs or grad_variances is not None else None
            grad_weights: Tensor | None = None
            pull: _VariancePull | None = None
            if grad_variances is not None:
                assert weights is not None
                moments = self.moments[number] if self.moments else self._find_moments(block, recursion)
                pull = _VariancePull(moments, weights, grad_variances[block])
                grad_weights = pull.grad_weights
            for chunk in self._chunks():
                features, signals = self._evaluate(block, chunk, recursion), grad_sums[:, chunk]
                product = (features.flatten(0, 1) @ signals.T).view(*features.shape[:2], self.outputs)
                grad_weights = product if grad_weights is None else grad_weights.add_(product)
                if weights is None or not for_inputs:
                    continue
                grad_features = (weights.flatten(0, 1) @ signals).view_as(features)
                if pull is not None:
                    pull.add_to(grad_features, features)
                if grad_base is not None:
                    grad_base[block, chunk] = grad_features[:, -1]
                if grad_x is not None:
                    recursion.pull_back(grad_features[:, :-1], into=grad_x[block, chunk])
            assert grad_weights is not None  # there is at least one chunk
            write_gradients(self.tensors, block, grad_weights[:, :-1], grad_weights[:, -1], of_parameters)
        return gradients

    def _sizes(self, n_knots: int, block: int) -> tuple[int, int]:
        """Return the inputs of a block and the samples of a chunk, for so many numbers in a block."""
        most = max(block // max(n_knots * min(self.inputs, _FEWEST_INPUTS), 1), _FEWEST_SAMPLES)
        # Chunks of equal size rather than a small one at the end.
        chunk = math.ceil(self.samples / max(math.ceil(self.samples / most), 1))
        numbers = max(n_knots * chunk, self.outputs * (self.count + 1), 1)
        return max(1, min(self.inputs, block // numbers)), chunk

    def _blocks(self) -> Iterator[slice]:
        """Return the inputs of every block."""
        for first in range(0, self.inputs, self._at_once):
            yield slice(first, min(first + self._at_once, self.inputs))

    def _chunks(self) -> Iterator[slice]:
        """Return the samples of every chunk, of one without samples if there are none."""
        for first in range(0, max(self.samples, 1), max(self._chunk, 1)):
            yield slice(first, min(first + self._chunk, self.samples))

    def _recursion(self, *, pulls_back: bool = False) -> RepeatedBasis | FusedBasis:
        """Return what makes the features and, if it `pulls_back`, gradients of inputs from those of features."""
        values, self._held = self._features[:, :-1], None
        return repeated_basis(self.tensors.knots, degree=self.degree, values=values, pulls_back=pulls_back)

    def _evaluate(self, block: slice, chunk: slice, recursion: RepeatedBasis | FusedBasis) -> Tensor:
        """Return the features (I, B + 1, N) of a block at a chunk."""
        x = self.tensors.x[block, chunk]
        features = self._features[: len(x), :, : x.shape[1]]
        if self._held != (block.start, chunk.start):
            recursion.evaluate(x, first=block.start)
            features[:, -1] = self.tensors.base[block, chunk]
            self._held = block.start, chunk.start
        return features

    def _find_moments(self, block: slice, recursion: RepeatedBasis | FusedBasis) -> Moments:
        """Return the moments of the features of a block."""
        moments = Moments()
        for chunk in self._chunks():
            moments.add(self._evaluate(block, chunk, recursion))
        return moments

    def _fold(self, block: slice) -> Tensor:
        """Return the weights (I, B + 1, O) of a block: scales and mask folded into one number for every feature."""
        _, _, coefficients, scale_base, scale_spline, mask, _ = self.tensors
        used = mask[block]
        weights = self._weights[: len(used)]
        torch.mul(coefficients[block].mT, (scale_spline[block] * used)[:, None], out=weights[:, :-1])
        torch.mul(scale_base[block], used, out=weights[:, -1])
        return weights


class Moments:
    """Mean and covariance of features (I, B + 1, N) that come chunk by chunk.

    Sums are taken of the differences from the mean of the first chunk: where that is near the mean of all, as it is
    unless samples are sorted, no digits cancel.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._origin = self._sum = self._products = torch.zeros(())

    def add(self, features: Tensor) -> None:
        """Take in a chunk."""
        if self.samples == 0:
            self._origin = features.sum(dim=2, keepdim=True) / max(features.shape[2], 1)
            self._sum = torch.zeros_like(self._origin)
            self._products = self._sum @ self._sum.mT
        offsets = features - self._origin
        self._sum += offsets.sum(dim=2, keepdim=True)
        self._products += torch.bmm(offsets, offsets.mT)
        self.samples += features.shape[2]

    def mean(self) -> Tensor:
        """Return the means (I, B + 1, 1)."""
        return self._origin + self._sum / max(self.samples, 1)

    def covariance(self) -> Tensor:
        """Return the covariance (I, B + 1, B + 1), with divisor N - 1."""
        squares = self._products - torch.bmm(self._sum, self._sum.mT) / max(self.samples, 1)
        return squares / max(self.samples - 1, 1)


class _VariancePull:
    """The gradients of variances w' C w: 2 w' C dw + w' dC w, with dC from the centred features."""

    def __init__(self, moments: Moments, weights: Tensor, grad_variances: Tensor) -> None:
        self.grad_weights = 2 * grad_variances[:, None] * torch.bmm(moments.covariance(), weights)
        self._mean, self._scale = moments.mean(), 2 / max(moments.samples - 1, 1)
        self._outer = torch.bmm(weights, (grad_variances[:, None] * weights).mT)  # (I, B + 1, B + 1)

    def add_to(self, grad_features: Tensor, features: Tensor) -> None:
        """Add the gradient of the features at a chunk."""
        grad_features.baddbmm_(self._outer, features - self._mean, alpha=self._scale)
