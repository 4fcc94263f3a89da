"""B-spline mathematics: knots, bases and curves, tensors in and tensors out.

`B_batch`, `coef2curve`, `curve2coef` and `extend_grid` are pykan's names, with pykan's shapes. A star import gives
torch for scripts to go on with, as there.
"""

import torch

from kan.spline.basis import BasisFunction, basis, local_basis
from kan.spline.compat import B_batch, coef2curve, curve2coef, extend_grid
from kan.spline.curves import evaluate_curves, fit_coefficients, transfer_coefficients
from kan.spline.knots import adaptive_knots, extend_knots, interior_knots, refined_knots, uniform_knots

__all__ = [
    "B_batch",
    "BasisFunction",
    "adaptive_knots",
    "basis",
    "coef2curve",
    "curve2coef",
    "evaluate_curves",
    "extend_grid",
    "extend_knots",
    "fit_coefficients",
    "interior_knots",
    "local_basis",
    "refined_knots",
    "torch",
    "transfer_coefficients",
    "uniform_knots",
]
