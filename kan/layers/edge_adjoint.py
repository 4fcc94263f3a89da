"""The numerical edges of one layer for training: sums and gradients by hand, into memory that is reused.

The formulas are those of `kan.layers.edge_sum`, with what a fit of a small network spends its time on taken out: no
autograd, no fresh memory, nothing computed twice. Two forms of the same arithmetic, by the number O of outputs:

* many outputs: one matrix product for the sums, and variances from the covariance of the features;
* fewer outputs than features: the values of the edges themselves, (I, O, N) and thus no larger than the features,
  give sums and variances, and the derivative of the edges takes the place of the gradients of the features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kan.layers.base_functions import value_and_slope
from kan.layers.edge_sum import Features
from kan.layers.kan_layer import KANLayer
from kan.spline.basis import is_dense, local_basis_with_slopes
from kan.spline.fused import FusedBasis, has_kernels, repeated_basis
from kan.spline.repeated import RepeatedBasis, differences


class _ChangingFeatures:
    """The features of inputs that change, and what derivatives need of them; `Features` are those of others.

    Attributes
    ----------
    values : Tensor (I, B + 1, N)
    slopes : Tensor (I, J, N)
        What the derivatives of edges with weights (I, B + 1, O) are made of: ``(lowering @ weights)' @ slopes``.
    lowering : Tensor (I, J, B + 1)
    centred : Tensor (I, B + 1, N)
        The values around their means, when `covariance` was read last.
    """

    centred: Tensor | None = None

    def __init__(self, layer: KANLayer, *, samples: int) -> None:
        self._layer = layer
        grid = layer.grid.detach()
        inputs, count = grid.shape[0], layer.coef.shape[2]
        self.values = grid.new_empty(inputs, count + 1, samples)
        self._recursion: RepeatedBasis | FusedBasis | None = None
        dense = has_kernels(grid, degree=layer.k) or is_dense(self.values[:, 0], grid)
        spline = differences(count, degree=layer.k, like=grid) if dense else torch.eye(count).to(grid)
        # The last row, here and of the values, is the base function.
        lowering = torch.block_diag(spline, spline.new_ones(1, 1)).T
        self.lowering = lowering.expand(inputs, -1, -1)
        self.slopes = grid.new_empty(inputs, len(lowering), samples)
        self._base, self._base_slope = self.values[:, -1], self.slopes[:, -1]
        if dense:
            bases, lower = self.values[:, :-1], self.slopes[:, :-1]
            self._recursion = repeated_basis(grid, degree=layer.k, values=bases, lower=lower)

    def evaluate(self, x: Tensor) -> None:
        """Compute values and slopes at inputs x (I, N)."""
        layer = self._layer
        if self._recursion is not None:
            self._recursion.evaluate(x)
        else:
            values, slopes, rows = local_basis_with_slopes(x, layer.grid, degree=layer.k)
            # Bases that do not exist go to the last row, where the base function is written over them.
            self.values.zero_().scatter_(1, rows, values)
            self.slopes.zero_().scatter_(1, rows, slopes)
        value_and_slope(layer.base_fun, x, into=(self._base, self._base_slope))

    @property
    def covariance(self) -> Tensor:
        """The covariance (I, B + 1, B + 1) of the features of every input."""
        centred = torch.sub(self.values, self.values.mean(dim=2, keepdim=True), out=self.centred)
        self.centred = centred
        return torch.bmm(centred, centred.mT).div_(max(centred.shape[2] - 1, 1))


class EdgeAdjoint:
    """The numerical edges of a layer on N samples, as long as its grid stays.

    Parameters
    ----------
    layer : KANLayer
        Of degree 2 or above; its parameters are read at every evaluation.
    samples : int
        N.
    with_variances : bool
        Whether the variance of every edge is wanted too.
    features : Features, optional
        The features of inputs that never change.
    """

    def __init__(
        self, layer: KANLayer, *, samples: int, with_variances: bool, features: Features | None = None
    ) -> None:
        self.layer, self.with_variances = layer, with_variances
        self.coef, self.scale_base, self.scale_spline = layer.coef, layer.scale_base, layer.scale_sp
        self.mask = layer.mask
        inputs, outputs, count = self.coef.shape
        self._changing: _ChangingFeatures | None = None
        self._features: Features | _ChangingFeatures
        if features is None:
            self._features = self._changing = _ChangingFeatures(layer, samples=samples)
        else:
            self._features = features
        # Values of edges are worth making where they are not more than features, unless these are at hand.
        self._by_edges = features is None and outputs <= count
        # The products run along what is last in memory: the features of an edge, or the outputs of a feature.
        by_edge, by_feature = (inputs, outputs, count + 1), (inputs, count + 1, outputs)
        like = self.coef.detach()
        self._weights = like.new_empty(by_edge).mT if self._by_edges else like.new_empty(by_feature)
        self._spline_weights, self._base_weights = self._weights[:, :-1].mT, self._weights[:, -1]
        self._grad_weights = torch.empty_like(self._weights)
        # Of the last evaluation: the edges (I, O, N), centred; or their covariances with the features (I, B + 1, O).
        self._edges: Tensor | None = None
        self._covariances = torch.empty_like(self._weights) if with_variances and not self._by_edges else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the sums (O, N) and, if wanted, the variances (I, O) of the edges at inputs x (I, N)."""
        if self._changing is not None:
            self._changing.evaluate(x)
        features, weights = self._features.values, self._weights
        self._fold()
        variances: Tensor | None = None
        if self._by_edges:
            edges = torch.bmm(weights.mT, features)  # (I, O, N)
            sums = edges.sum(dim=0)
            if self.with_variances:
                self._edges = edges.sub_(edges.mean(dim=2, keepdim=True))
                variances = edges.square().sum(dim=2).div_(max(features.shape[2] - 1, 1))
            return sums, variances
        sums = weights.flatten(0, 1).T @ features.flatten(0, 1)
        if self.with_variances:
            covariances = torch.bmm(self.covariance(), weights, out=self._covariances)
            variances = torch.mul(covariances, weights, out=self._grad_weights).sum(dim=1)
        return sums, variances

    def pull_back(
        self, grad_sums: Tensor, grad_variances: Tensor | None, *, for_inputs: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return the gradients of the weights (I, B + 1, O) and, `for_inputs`, of the inputs (I, N).

        Those of the weights lie in memory that `gradients` and the next evaluation use.
        """
        features, weights, grad_weights = self._features.values, self._weights, self._grad_weights
        inputs, rows, samples = features.shape
        freedom = max(samples - 1, 1)
        if self._by_edges:
            grad_edges = grad_sums.expand(inputs, -1, -1)
            if grad_variances is not None:
                assert self._edges is not None
                grad_edges = torch.addcmul(grad_edges, self._edges, grad_variances[:, :, None], value=2 / freedom)
            torch.bmm(grad_edges, features.mT, out=grad_weights.mT)
            if not for_inputs:
                return grad_weights, None
            slopes = self.slopes().mul_(grad_edges)
            return grad_weights, slopes[:, 0] if slopes.shape[1] == 1 else slopes.sum(dim=1)
        torch.mm(features.flatten(0, 1), grad_sums.T, out=grad_weights.view(inputs * rows, -1))
        if grad_variances is not None:
            assert self._covariances is not None
            grad_weights.addcmul_(self._covariances, grad_variances[:, None], value=2)
        if not for_inputs:
            return grad_weights, None
        assert self._changing is not None
        lowered = torch.bmm(self._changing.lowering, weights)  # (I, J, O)
        along = (lowered.flatten(0, 1) @ grad_sums).view(self._changing.slopes.shape)
        if grad_variances is not None:
            outer = torch.bmm(lowered, (grad_variances[:, None] * weights).mT)  # (I, J, B + 1)
            assert self._changing.centred is not None
            along = along.baddbmm_(outer, self._changing.centred, alpha=2 / freedom)
        return grad_weights, along.mul_(self._changing.slopes).sum(dim=1)

    def slopes(self) -> Tensor:
        """Return the derivatives of the edges (I, O, N) at the inputs of the last `forward`, which are not constant."""
        assert self._changing is not None
        return torch.bmm(torch.bmm(self._changing.lowering, self._weights).mT, self._changing.slopes)

    def features(self) -> Tensor:
        """Return what the sums of the last `forward` are linear in (I, B + 1, N)."""
        return self._features.values

    def covariance(self) -> Tensor:
        """Return the covariance (I, B + 1, B + 1) of the features of every input."""
        return self._features.covariance

    def gradients(self, grad_weights: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the parameters with their gradients, from that of the weights (I, B + 1, O), which is used up."""
        grad_spline, grad_base = grad_weights[:, :-1].mT, grad_weights[:, -1]
        grad_coef = torch.mul(grad_spline, self._strength[:, :, None], out=torch.empty_like(self.coef))
        along = grad_spline.mul_(self.coef).sum(dim=2)  # with respect to scale_spline * mask
        return [
            (self.coef, grad_coef),
            (self.scale_base, grad_base * self.mask),
            (self.scale_spline, along * self.mask),
        ]

    def _fold(self) -> None:
        """Fold the scales and the mask into one weight for every feature of every edge."""
        self._strength = self.scale_spline * self.mask
        torch.mul(self.coef, self._strength[:, :, None], out=self._spline_weights)
        torch.mul(self.scale_base, self.mask, out=self._base_weights)
