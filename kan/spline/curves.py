"""Curves: coefficients to values, values to coefficients, and a curve moved to other knots.

Least squares goes through a QR factorisation and the pseudo-inverse of its small triangular factor, in float64. On
finite samples it never fails, gives the shortest coefficients where some are undetermined, and is the same computation
on CPU and CUDA. pykan's full-rank driver crashes, or returns coefficients of 1e18, on the same data.

Source: Golub & Van Loan, *Matrix Computations*, ch. 5; Eilers & Marx 1996 for splines with penalised samples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kan.common.precision import to_double
from kan.common.transforms import full_precision
from kan.spline.basis import basis, basis_values
from kan.spline.knots import interior_knots

# The weight of the points that pin a moved curve down where there are no samples. Small enough that the samples decide
# wherever there are any; large enough that a curve does not take off between them and an outlier: to a thirtieth of
# the size, of five intervals and an outlier at fifteen times the range, that a tenth of this weight allowed.
_PIN_WEIGHT = 1e-2

# Singular values below this fraction of the largest count as zero in a fit to values: samples that only just reach a
# basis, with values that are not a curve's, would give it a coefficient of 1e11.
_FIT_RESOLUTION = 1e-6

# With pins every coefficient is determined; this is rounding.
_TRANSFER_RESOLUTION = 1e-12


def evaluate_curves(x: Tensor, knots: Tensor, coefficients: Tensor, *, degree: int) -> Tensor:
    """Evaluate every curve of every input: x (I, N), coefficients (I, O, B) -> (I, O, N)."""
    with full_precision(x.device.type):
        return torch.bmm(coefficients, basis(x, knots, degree=degree))


def fit_coefficients(x: Tensor, y: Tensor, knots: Tensor, *, degree: int) -> Tensor:
    """Fit curves to values by least squares.

    Parameters
    ----------
    x : Tensor (I, N)
    y : Tensor (I, O, N)
        The values of O curves at the samples of each input.
    knots : Tensor (I, G + 2k + 1)
    degree : int

    Returns
    -------
    Tensor (I, O, B)
        The coefficients of least norm among the best.
    """
    rows = basis_values(to_double(x), to_double(knots), degree=degree)  # (I, B, N)
    orthogonal, triangular = torch.linalg.qr(rows.mT)
    projected = torch.bmm(to_double(y), orthogonal)  # (I, O, min(N, B))
    return _solve(triangular, projected, resolution=_FIT_RESOLUTION).to(knots)


def transfer_coefficients(
    x: Tensor, knots: Tensor, coefficients: Tensor, new_knots: Tensor, *, degree: int, new_degree: int | None = None
) -> Tensor:
    """Return the coefficients on `new_knots` of the curves that are the same at the samples, as nearly as possible.

    Besides the samples every new interval holds a few points of small weight, so that a curve is also kept where there
    are no samples, and no coefficient is left undetermined.

    Parameters
    ----------
    x : Tensor (I, N)
        Samples; N may be 0.
    knots : Tensor (I, G + 2k + 1)
    coefficients : Tensor (I, O, B)
    new_knots : Tensor (I, G' + 2k' + 1)
    degree, new_degree : int
        Degree of the old and of the new curves; by default the same.

    Returns
    -------
    Tensor (I, O, B')
    """
    new_degree = degree if new_degree is None else new_degree
    old, new = to_double(knots), to_double(new_knots)
    pins = _pin_points(new, degree=new_degree)  # (I, P)
    points = torch.cat([to_double(x), pins], dim=1)
    weights = torch.ones_like(points)
    weights[:, x.shape[1] :] = _PIN_WEIGHT
    new_rows = basis_values(points, new, degree=new_degree) * weights[:, None, :]
    old_rows = basis_values(points, old, degree=degree) * weights[:, None, :]
    orthogonal, triangular = torch.linalg.qr(new_rows.mT)
    # The old values are linear in the old coefficients: projecting the bases first avoids an (I, O, N) tensor.
    projected = torch.bmm(to_double(coefficients), torch.bmm(old_rows, orthogonal))  # (I, O, B')
    return _solve(triangular, projected, resolution=_TRANSFER_RESOLUTION).to(coefficients)


def _solve(triangular: Tensor, projected: Tensor, *, resolution: float) -> Tensor:
    """Solve ``triangular @ c = projected`` for every row of `projected` (I, O, R), least norm where it is singular."""
    return torch.bmm(projected, torch.linalg.pinv(triangular, rtol=resolution).mT)


def _pin_points(knots: Tensor, *, degree: int) -> Tensor:
    """Return k + 1 points inside every interior interval: (I, G' (k + 1))."""
    interior = interior_knots(knots, degree=degree)
    fractions = (torch.arange(degree + 1, dtype=knots.dtype, device=knots.device) + 0.5) / (degree + 1)
    points = interior[:, :-1, None] + interior.diff(dim=1)[:, :, None] * fractions
    return points.flatten(1)
