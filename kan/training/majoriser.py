"""Quadratic models of the penalties, which are not sums of squares, for Levenberg-Marquardt.

Where a penalty is concave in a size it lies below its tangent, and sizes lie below parabolas:

    |c| <= |c0| / 2 + c^2 / (2 |c0|),        sqrt(v) <= sqrt(v0) / 2 + v / (2 sqrt(v0)).

So size and entropy of the edges are linear in the variances ``w' C w`` of the edges to first order, and where they grow
with a variance, C times that rate is their curvature in the weights of the edge; where they fall (the entropy of a
large edge) they are concave in the weights and the tangent is all. Coefficients and their differences follow the first
inequality. Gradients are exact. What is left out is the curvature in the parameters of the layers before; the damping
makes up for it, since a step is judged by the exact penalty.

Source: Hunter & Lange 2004, *A tutorial on MM algorithms*, The American Statistician 58 (majorisation); Daubechies,
DeVore, Fornasier & Güntürk 2010, *Iteratively reweighted least squares* (the parabolas for sparsity).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kan.network import Jacobian
from kan.training.quadratic import own_blocks

if TYPE_CHECKING:
    from kan.training.objective import AdjointPoint

# Sizes below this share of the largest count as this: the parabola of a size of zero would hold it there for ever.
_SMALLEST = 1e-8


def add_penalty(point: AdjointPoint, jacobian: Jacobian, gradient: Tensor, curvature: Tensor) -> None:
    """Add half of the gradient and of the Hessian of the penalty, times its weight, at a point.

    Parameters
    ----------
    point : AdjointPoint
        After a forward pass.
    jacobian : Jacobian
    gradient : Tensor (P,)
    curvature : Tensor (P, P)
    """
    _, of_layers = point.sparsity(with_gradients=True)
    nothing = torch.zeros_like(point.adjoint.layers[-1].products)
    gradient += jacobian.gather(point.adjoint.backward(nothing, of_layers)) / 2
    factors = jacobian.factors()
    for layer, where in jacobian.edges():
        edges = point.adjoint.layers[layer].edges
        assert edges is not None
        inputs, outputs, count = edges.coef.shape
        pairs = inputs * outputs
        scale = factors[where].view(pairs, count + 1)
        blocks = of_layers[layer][0].clamp(min=0)[:, :, None, None] * edges.covariance()[:, None]
        blocks = blocks.view(pairs, count + 1, count + 1) * scale[:, :, None] * scale[:, None]
        if any(point.coefficients.values()) and edges.coef.requires_grad:
            slope, curved = _of_coefficients(edges.coef.view(pairs, count), **point.coefficients)
            gradient[where].view(pairs, count + 1)[:, :-1] += slope / (2 * outputs)
            blocks[:, :-1, :-1] += curved / (2 * outputs)
        own_blocks(curvature[where, where], pairs).add_(blocks)


def _of_coefficients(coefficients: Tensor, *, lamb_coef: float, lamb_coefdiff: float) -> tuple[Tensor, Tensor]:
    """Return gradient (E, B) and curvature (E, B, B) of the sums of sizes and of differences of the coefficients."""
    steps = torch.eye(coefficients.shape[1], dtype=coefficients.dtype, device=coefficients.device)
    slope, curved = torch.zeros_like(coefficients), torch.zeros_like(coefficients)[:, :, None] * steps
    for weight, matrix in ((lamb_coef, steps), (lamb_coefdiff, steps.diff(dim=0))):
        if weight:
            terms = coefficients @ matrix.T
            size = terms.abs()
            slope += weight * terms.sign() @ matrix
            curved += weight * (matrix.T / size.clamp(min=_SMALLEST * float(size.max()) or 1.0)[:, None]) @ matrix
    return slope, curved
