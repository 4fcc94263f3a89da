"""The last step of a fit: a and b are rounded to the network's dtype, then c, d and r2 are those on all data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from kan.symbolic.box import Box, clamp
from kan.symbolic.canonical import finite_at, finite_near
from kan.symbolic.library import TorchFunction

# A function that varies less than this, relative to its size, is constant in float64.
_ROUNDING = 1e-14
_TIE = 1e-5


@dataclass(frozen=True)
class Data:
    """Data of E edges, (E, N): x in the network's dtype, x and y in float64."""

    x: torch.Tensor
    wide_x: torch.Tensor
    wide_y: torch.Tensor

    def take(self, edges: torch.Tensor) -> Data:
        """Return the data of the chosen edges."""
        return Data(self.x[edges], self.wide_x[edges], self.wide_y[edges])

    @cached_property
    def mean(self) -> torch.Tensor:
        """Mean of y; (E,)."""
        return self.wide_y.mean(1)

    @cached_property
    def deviation(self) -> torch.Tensor:
        """Return y minus its mean; (E, N)."""
        return self.wide_y - self.mean[:, None]

    @cached_property
    def total(self) -> torch.Tensor:
        """Sum of squares of y minus its mean; (E,)."""
        return torch.linalg.vecdot(self.deviation, self.deviation)

    @cached_property
    def is_flat(self) -> torch.Tensor:
        """Tell for which edges y is constant; (E,)."""
        return is_constant(self.wide_y, self.x.dtype)


def is_constant(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Tell which rows of values (E, N) vary by no more than rounding in `dtype`; (E,)."""
    return values.std(1, unbiased=False) <= 4 * torch.finfo(dtype).eps * values.abs().amax(1)


def finish(*, function: TorchFunction, points: torch.Tensor, boxes: Sequence[Box], data: Data) -> torch.Tensor:
    """Complete the fits of one function to E edges.

    Parameters
    ----------
    function : callable
    points : Tensor (E, 2)
        a and b.
    boxes : sequence of E boxes
        Limits of a and b.
    data : Data

    Returns
    -------
    Tensor (E, 5)
        a, b, c, d, all of them numbers of the network's dtype, and r2.
    """
    x, wide = data.x, data.wide_x
    points = _finite_points(function=function, points=points.to(x.dtype), boxes=boxes, x=x)
    # Values and their residuals are computed as a network does it, so that r2 is what it gets.
    own = function(torch.addcmul(points[:, 1:], points[:, :1], x))
    values = own.to(wide)
    average = values.mean(1, keepdim=True)
    centred = values - average
    spread = torch.linalg.vecdot(centred, centred)
    varies = (spread > (_ROUNDING * values.abs().amax(1)) ** 2 * values.shape[1]) & spread.isfinite() & ~data.is_flat
    c = _rounded(torch.linalg.vecdot(centred, data.deviation) / spread, x)
    d = _rounded(data.mean - c * average[:, 0], x)
    residual = data.wide_y - torch.addcmul(d[:, None].to(x), c[:, None].to(x), own).to(wide)
    r2 = 1 - torch.linalg.vecdot(residual, residual) / data.total
    # Worse than a constant only if c and d do not survive rounding: then a constant is the honest answer.
    flat = torch.stack([torch.zeros_like(d), _rounded(data.mean, x), data.is_flat.to(d)], 1)
    best = torch.where((varies & (r2 > 0))[:, None], torch.stack([c, d, r2], 1), flat)
    return torch.cat([points.to(wide), best], 1)


def _rounded(numbers: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return numbers.to(like.dtype).to(numbers)


def _finite_points(
    *, function: TorchFunction, points: torch.Tensor, boxes: Sequence[Box], x: torch.Tensor
) -> torch.Tensor:
    """Return the points (E, 2), moved where the function is not finite on all data."""
    finite = finite_at(function=function, points=points, x=x)
    if bool(finite.all()):
        return points
    for edge in (~finite).nonzero().flatten().tolist():
        (a, b), box = points[edge].tolist(), boxes[edge]
        moved = finite_near(function=function, a=a, b=b, x=x[edge], box=box)
        points[edge] = points.new_tensor(moved or _flat_point(function=function, box=box, x=x[edge]))
    return points


def _flat_point(*, function: TorchFunction, box: Box, x: torch.Tensor) -> tuple[float, float]:
    """Return an (a, b) at which the function is at least finite, for a function that no (a, b) fits."""
    a = clamp(0.0, box.a_range)
    for wanted in (0.5, -0.5, 0.0, *box.b_range):
        point = finite_near(function=function, a=a, b=wanted, x=x, box=box)
        if point is not None:
            return point
    return a, clamp(0.0, box.b_range)


def prefer_positive(
    fits: torch.Tensor, *, function: TorchFunction, period: float, boxes: Sequence[Box], data: Data
) -> torch.Tensor:
    """Return the fits (E, 5) with c made positive where b is half a turn away from an equally simple shift.

    Of two shifts of equal size the one with positive c reads better: ``cos(x - pi/2)``.
    """
    other = fits[:, :2].clone()
    other[:, 1] -= torch.copysign(torch.full_like(fits[:, 1], period), fits[:, 1])
    tie = (other[:, 1].abs() - fits[:, 1].abs()).abs() < _TIE
    low, high = other.new_tensor([box.b_range for box in boxes]).unbind(1)
    inside = (other[:, 1] >= low) & (other[:, 1] <= high)
    rows = ((fits[:, 2] < 0) & tie & inside).nonzero().flatten()
    if not len(rows):
        return fits
    again = finish(
        function=function, points=other[rows], boxes=[boxes[row] for row in rows.tolist()], data=data.take(rows)
    )
    fits = fits.clone()
    fits[rows] = torch.where(again[:, 2:3] > fits[rows, 2:3], again, fits[rows])
    return fits
