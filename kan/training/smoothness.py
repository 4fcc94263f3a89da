"""A term of negligible weight for coefficients that the data leave undetermined, for Levenberg-Marquardt.

On a fine grid some bases hold no sample, or one at their very end. Their coefficients are free, or take any size for a
gain in the last digit, and spoil the curve at the next sample that falls there: of a fit to 1e-8 on 100 intervals, a
few of 3000 test points were off by 0.1. So a sum of squares is added that says how a spline should go on where nothing
else does: as the same polynomial. It is the jumps of the k-th derivative at the knots, which vanish for polynomials of
degree k, as in P-splines with differences of order k + 1 (Eilers & Marx 1996), for knots at any distances.

The weight is a share of the edge's own mean curvature, so that it means the same whatever the units. It was chosen by
trials with plain differences and weights of 1e-8 and 1e-6, in units in which the one here is 1.4e-7: on the deep
formula, [4, 2, 1, 1], 3000 samples, 100 intervals, the test error of two data sets was 3.8e-6 and 2.9e-2 without the
term, and 3e-8 and 9e-8 to 1.4e-7 with it. Samples beyond the grid it cannot help: of exp(sin(pi x) + y^2) with 300
samples, one data set went from 1.8e-5 to 7e-7 or less, another stayed at 0.09.

Source: Eilers & Marx, *Flexible smoothing with B-splines and penalties*, Statistical Science 11 (1996); de Boor, *A
Practical Guide to Splines*, ch. X (derivatives).
"""

from __future__ import annotations

import torch
from torch import Tensor

from kan.layers import KANLayer
from kan.network import Jacobian
from kan.training.quadratic import own_blocks

# The weight of a jump, relative to the mean curvature of the objective in a coefficient of the edge.
_WEIGHT = 1e-5


def jumps(knots: Tensor, *, degree: int) -> Tensor:
    """Return what coefficients make of the k-th derivative's jumps at the inner knots, every row of length one.

    Parameters
    ----------
    knots : Tensor (I, G + 2k + 1)
    degree : int

    Returns
    -------
    Tensor (I, G - 1, B)
    """
    inputs, count = knots.shape[0], knots.shape[1] - 1 - degree
    rows = torch.eye(count, dtype=knots.dtype, device=knots.device).expand(inputs, -1, -1)
    for order in range(1, degree + 1):
        span = degree + 1 - order
        widths = knots[:, order + span : count + span] - knots[:, order:count]
        rows = rows.diff(dim=1) / widths[:, :, None]
    rows = rows.diff(dim=1)
    # By its length, a jump between narrow intervals would count for more than the samples there.
    return rows / rows.norm(dim=2, keepdim=True)


class Smoothness:
    """The term for all numerical edges of a network, until grids move.

    Parameters
    ----------
    layers : sequence of KANLayer
        Those of the network.
    jacobian : Jacobian
        Where their numbers are.
    """

    def __init__(self, layers: list[KANLayer], jacobian: Jacobian) -> None:
        self._edges = [
            (layers[index], where, jumps(layers[index].grid.detach(), degree=layers[index].k))
            for index, where in jacobian.edges()
            if layers[index].coef.requires_grad
        ]
        self._weights: list[Tensor] = []

    def weigh(self, curvature: Tensor) -> None:
        """Choose the weights, which hold until the next call, from half of the Hessian (P, P) of the objective."""
        self._weights = [
            _WEIGHT * curvature.diagonal()[where].view(*layer.coef.shape[:2], -1)[:, :, :-1].mean(dim=2)
            for layer, where, _ in self._edges
        ]

    def value(self) -> float:
        """Return the term."""
        total = 0.0
        for (layer, _, rows), weights in zip(self._edges, self._weights):
            total += float((torch.bmm(layer.coef, rows.mT).square().sum(dim=2) * weights).sum())
        return total

    def add_to(self, gradient: Tensor, curvature: Tensor) -> None:
        """Add half of its gradient (P,) and of its Hessian (P, P)."""
        for (layer, where, rows), weights in zip(self._edges, self._weights):
            inputs, outputs, count = layer.coef.shape
            squares = torch.bmm(rows.mT, rows)  # (I, B, B)
            along = weights[:, :, None] * torch.bmm(layer.coef, squares)
            gradient[where].view(inputs, outputs, count + 1)[:, :, :-1] += along
            blocks = own_blocks(curvature[where, where], inputs * outputs).unflatten(0, (inputs, outputs))
            blocks[:, :, :-1, :-1] += weights[:, :, None, None] * squares[:, None]
