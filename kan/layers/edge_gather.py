"""The numerical edges of a layer with many intervals: only the weights of bases that are not zero are touched.

With G intervals, k + 1 of the G + k bases of an input are not zero at a sample. So instead of a product with features
that are mostly zero, the rows of the weights that count are gathered and added up, with the values of the bases as
factors: `torch.nn.functional.embedding_bag` does both at once, and the cost does not grow with G. The gradient of the
weights is the same operation the other way round: samples sorted by interval, and for every interval the sum of the
signals of its samples.

Weights are laid out with k + 1 rows of zeros before and behind those of every input: there end up the bases that do not
exist, and samples outside of the knots. Between forward and backward the k + 1 values and the interval of every sample
are kept, (I, N, k + 2).

Whatever needs a number per edge and sample (variances where the covariance of the features is not known, the gradient
of the inputs) goes input by input, in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from kan.layers.edge_kernel import TORCH, fold
from kan.layers.edge_tensors import EdgeTensors, new_gradients, write_gradients
from kan.spline.pieces import bases_at, locate, make_pieces, slopes_at, weighted_rows

# Numbers per edge and sample that are made at once.
_BLOCK = 2**18


class LocalBases(NamedTuple):
    """The bases that are not zero.

    Attributes
    ----------
    interval : Tensor (I, N) of int
        The interval of every sample, as in `kan.spline.pieces.Located`.
    values : Tensor (I, N, k + 1)
    """

    interval: Tensor
    values: Tensor


class EdgeGather:
    """The edges of a layer at some inputs.

    Parameters
    ----------
    tensors : EdgeTensors
    degree : int
    local : LocalBases, optional
        What an evaluation at these inputs has computed before.
    covariance : Tensor (I, B + 1, B + 1), optional
        That of the features of every input over the samples, where it is known: variances are made of it.
    """

    def __init__(
        self,
        tensors: EdgeTensors,
        *,
        degree: int,
        local: LocalBases | None = None,
        covariance: Tensor | None = None,
    ) -> None:
        x, knots = tensors.x, tensors.knots
        self.tensors, self.degree = tensors, degree
        self.inputs, self.outputs = tensors.mask.shape
        self.samples, self.intervals = x.shape[1], knots.shape[1] + 1
        if local is None:
            pieces = make_pieces(knots, degree=degree)
            located = locate(x, knots, pieces, degree=degree)
            local = LocalBases(located.interval, bases_at(located, pieces))
        self.local = local
        # The weights of bases and base function, scales and mask folded in; zeros before and behind.
        self._base_weights = tensors.scale_base * tensors.mask  # (I, O)
        self._weights = x.new_zeros(self.inputs, self.intervals + degree, self.outputs)
        strength = (tensors.scale_spline * tensors.mask)[:, None, :]
        torch.mul(tensors.coefficients.mT, strength, out=self._weights[:, degree + 1 : -degree - 1])
        self._covariance = covariance

    def forward(self, *, with_variances: bool) -> tuple[Tensor, Tensor | None]:
        """Return the sums (O, N) and, if wanted, the variances (I, O) of the edges."""
        base = self.tensors.base
        if not with_variances or self._covariance is not None:
            rows, values = (
                numbers.transpose(0, 1).reshape(self.samples, self.inputs * (self.degree + 1))
                for numbers in (self._rows(slice(None)), self.local.values)
            )
            splines = weighted_rows(rows, values, self._weights.flatten(0, 1))  # (N, O)
            sums = torch.addmm(splines.T, self._base_weights.T, base)
            if not with_variances:
                return sums, None
            weights, covariances = self._with_covariances()
            return sums, covariances.mul_(weights).sum(dim=2)
        sums, variances = base.new_zeros(self.outputs, self.samples), torch.empty_like(self._base_weights)
        for block in self._blocks(per_edge=True):
            edges = self._edges(block)
            sums += edges.sum(dim=0).T
            edges -= edges.mean(dim=1, keepdim=True)
            variances[block] = edges.square_().sum(dim=1).div_(max(self.samples - 1, 1))
        return sums, variances

    def backward(
        self, grad_sums: Tensor, grad_variances: Tensor | None, *, wanted: tuple[bool, ...]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, base, coefficients, scale_base, scale_spline and mask, those that are wanted."""
        gradients = new_gradients(self.tensors, wanted)
        grad_x, grad_base, *of_parameters = gradients
        slopes = self._slopes() if grad_x is not None else None
        signals = grad_sums.T.contiguous()  # (N, O)
        of_variances = None
        if grad_variances is not None and self._covariance is not None:
            _, covariances = self._with_covariances()
            of_variances = covariances.mul_(2 * grad_variances[:, :, None]).mT  # (I, B + 1, O)
            grad_variances = None
        for block in self._blocks(per_edge=grad_x is not None or grad_variances is not None):
            of_edges = signals
            if grad_variances is not None:
                edges = self._edges(block)
                edges -= edges.mean(dim=1, keepdim=True)
                edges *= grad_variances[block, None, :] * (2 / max(self.samples - 1, 1))
                of_edges = edges.add_(signals)  # (I, N, O)
            grad_constant = (self.tensors.base[block, None, :] @ of_edges)[:, 0]
            grad_spline = self._of_weights(of_edges, block)
            if of_variances is not None:
                grad_spline, grad_constant = (
                    grad_spline + of_variances[block, :-1],
                    grad_constant + of_variances[block, -1],
                )
            write_gradients(self.tensors, block, grad_spline, grad_constant, of_parameters)
            if grad_base is not None:
                grad_base[block] = (of_edges @ self._base_weights[block, :, None])[..., 0]
            if grad_x is not None and slopes is not None:
                edge_slopes = self._combine(slopes, block)
                grad_x[block] = edge_slopes.mul_(of_edges).sum(dim=2)
        return gradients

    def _blocks(self, *, per_edge: bool) -> Iterator[slice]:
        """Return the inputs of every block; without numbers per edge and sample one will do."""
        at_once = max(1, _BLOCK // max(self.samples * self.outputs, 1)) if per_edge else max(self.inputs, 1)
        for first in range(0, self.inputs, at_once):
            yield slice(first, min(first + at_once, self.inputs))

    def _with_covariances(self) -> tuple[Tensor, Tensor]:
        """Return the weights of all features, and the covariances of edges and features, (I, O, B + 1)."""
        _, _, coefficients, scale_base, scale_spline, mask, _ = self.tensors
        weights = fold(TORCH, coefficients, scale_base, scale_spline, mask)
        return weights, weights @ self._covariance

    def _rows(self, block: slice) -> Tensor:
        """Return the rows of the weights that count, (I, N, k + 1): interval q of an input needs its q to q + k."""
        interval = self.local.interval[block]
        numbers = torch.arange(self.inputs, dtype=interval.dtype, device=interval.device)[block]
        basis = torch.arange(self.degree + 1, dtype=interval.dtype, device=interval.device)
        # Every input has k more rows than intervals.
        return (interval + (self.degree * numbers)[:, None])[..., None] + basis

    def _edges(self, block: slice) -> Tensor:
        """Return the values of the edges of some inputs (I, N, O)."""
        splines = self._combine(self.local.values, block)
        return splines.baddbmm_(self.tensors.base[block, :, None], self._base_weights[block, None, :])

    def _combine(self, factors: Tensor, block: slice) -> Tensor:
        """Add up the weights that count for every edge of some inputs (I, N, O), times factors (I, N, k + 1)."""
        rows = self._rows(block).flatten(0, 1)
        sums = weighted_rows(rows, factors[block].flatten(0, 1), self._weights.flatten(0, 1))
        return sums.view(len(factors[block]), self.samples, self.outputs)

    def _slopes(self) -> Tensor:
        """Return the derivatives of the k + 1 bases (I, N, k + 1)."""
        x, knots = self.tensors.x, self.tensors.knots
        pieces = make_pieces(knots, degree=self.degree)
        return slopes_at(locate(x, knots, pieces, degree=self.degree), pieces)

    def _of_weights(self, signals: Tensor, block: slice) -> Tensor:
        """Return the gradient of the weights of some inputs (I, B, O), from signals (N, O) or (I, N, O)."""
        inputs, count = len(self.local.interval[block]), self.degree + 1
        interval = self.local.interval[block].flatten() - block.start * self.intervals
        _, order = interval.sort()
        ends = torch.bincount(interval, minlength=inputs * self.intervals).cumsum(0)
        begins = torch.cat([ends.new_zeros(1), ends[:-1]])
        shifts = len(order) * torch.arange(count, device=order.device)[:, None]
        factors = self.local.values[block].view(-1, count).index_select(0, order).T.reshape(-1)
        # One bag for each basis of each interval; the signals are the rows.
        sums = embedding_bag(
            (order if signals.ndim == 3 else order % self.samples).repeat(count),
            signals.view(-1, self.outputs),
            (begins + shifts).flatten(),
            mode="sum",
            per_sample_weights=factors,
        ).view(count, inputs, self.intervals, self.outputs)
        result = sums.new_zeros(inputs, self.intervals + self.degree, self.outputs)
        for basis in range(count):
            result[:, basis : basis + self.intervals] += sums[basis]
        return result[:, count:-count]
