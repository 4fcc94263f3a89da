"""The recursion of `kan.spline.basis` on knots that stay, into memory that is used again.

A fit evaluates the same few splines thousands of times. Fresh memory for every step of the recursion then costs more
than its arithmetic, so here everything that only depends on the knots is computed once and every result has its place.

Two more savings over the general recursion. The bases of degree 1 come straight from ramps, one for every interval:
``clamp((x - t_j) / (t_{j+1} - t_j), 0, 1)``, of which neighbours are subtracted. And derivatives are left in terms of
the bases of the degree below over their widths: a spline's derivative is ``k`` times the differences of its
coefficients times these (de Boor, *A Practical Guide to Splines*, ch. X), so it is enough to difference the weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kan.spline.basis import inverse_widths


class RepeatedBasis:
    """The bases of degree 2 and above and what their derivatives are made of, at samples that change.

    Parameters
    ----------
    knots : Tensor (I, G + 2k + 1)
    degree : int
        At least 2.
    samples : int
        The number N of samples of every evaluation.
    """

    def __init__(self, knots: Tensor, *, degree: int, samples: int) -> None:
        self.degree = degree
        inputs, count = knots.shape
        self._knots = knots[:, :, None]
        self._inverse = [inverse_widths(knots, span=level) for level in range(1, degree + 1)]
        self._offset = knots.new_empty(inputs, count, samples)
        self._values = knots.new_empty(inputs, count - 1, samples)
        self._scaled = torch.empty_like(self._values)

    def evaluate(self, x: Tensor, *, values: Tensor, lower: Tensor) -> None:
        """Compute the bases, and those of the degree below over their widths.

        Parameters
        ----------
        x : Tensor (I, N)
        values : Tensor (I, B, N)
            Where the bases are written.
        lower : Tensor (I, B + 1, N)
            Where the scaled bases of degree k - 1 are written: the derivative of basis j is
            ``k * (lower[j] - lower[j + 1])``.
        """
        offset = torch.sub(x[:, None, :], self._knots, out=self._offset)
        ramps = torch.mul(offset[:, :-1], self._inverse[0], out=self._values).clamp_(0, 1)
        current = torch.sub(ramps[:, :-1], ramps[:, 1:], out=self._scaled[:, :-1])
        for level in range(2, self.degree + 1):
            count, last = current.shape[1], level == self.degree
            scaled = torch.mul(current, self._inverse[level - 1], out=lower if last else self._values[:, :count])
            current = torch.mul(
                scaled[:, :-1], offset[:, : count - 1], out=values if last else self._scaled[:, : count - 1]
            )
            current.addcmul_(scaled[:, 1:], offset[:, level + 1 :], value=-1)


def differences(count: int, *, degree: int, like: Tensor) -> Tensor:
    """Return the matrix (B, B + 1) that turns weights of bases into weights of their `lower`."""
    step = torch.eye(count, count + 1, dtype=like.dtype, device=like.device)
    return degree * (step - step.roll(1, dims=1))
