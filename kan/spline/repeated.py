"""The recursion of `kan.spline.basis` on knots that stay, into memory that is reused.

Fresh memory for every step of the recursion costs more than its arithmetic: small networks evaluate the same few
splines thousands of times, and large layers go through their inputs block by block. So here everything that only
depends on the knots is computed once, and every result has its place.

Two more savings over the general recursion. The bases of degree 1 come straight from ramps, one for every interval:
``clamp((x - t_j) / (t_{j+1} - t_j), 0, 1)``, of which neighbours are subtracted. And derivatives are left in terms of
the bases of the degree below over their widths: a spline's derivative is ``k`` times the differences of its
coefficients times these (de Boor, *A Practical Guide to Splines*, ch. X), so it is enough to difference the weights.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kan.spline.basis import inverse_widths


class RepeatedBasis:
    """The bases and what their derivatives are made of, at samples that change.

    Parameters
    ----------
    knots : Tensor (I, G + 2k + 1)
    degree : int
    values : Tensor (J, B, N)
        Where the bases are written, of at most J inputs at once.
    lower : Tensor (J, B + 1, N), optional
        Where the scaled bases of degree k - 1 are written: the derivative of basis j is
        ``k * (lower[j] - lower[j + 1])``. For k = 0 there are none, and zeros are written.
    """

    def __init__(self, knots: Tensor, *, degree: int, values: Tensor, lower: Tensor | None = None) -> None:
        self.degree, self._bases, self._lower = degree, values, lower
        inputs, samples, count = len(values), values.shape[2], knots.shape[1]
        self._knots = knots[:, :, None]
        self._inverse = [inverse_widths(knots, span=level) for level in range(1, degree + 1)]
        self._offset = knots.new_empty(inputs, count, samples)
        self._values = knots.new_empty(inputs, count - 1, samples)
        self._scaled = torch.empty_like(self._values)
        self._views: dict[tuple[int, int, int], _Views] = {}

    def evaluate(self, x: Tensor, *, first: int = 0) -> None:
        """Compute the bases, and those of the degree below over their widths.

        Parameters
        ----------
        x : Tensor (I, N)
            The samples of all inputs, or of some that follow each other; fewer than there is memory for will do.
        first : int
            The number of the input that `x` begins with.
        """
        inputs, samples = x.shape
        views = self._views.get((first, inputs, samples))
        if views is None:
            views = self._make_views(slice(first, first + inputs), samples)
            self._views[first, inputs, samples] = views
        self._last = views
        offset = torch.sub(x[:, None, :], views.knots, out=views.offset)
        if self.degree < 2:
            self._evaluate_steps(offset, views)
            return
        torch.mul(views.begins, views.inverse, out=views.ramps).clamp_(0, 1)
        torch.sub(views.ramps[:, :-1], views.ramps[:, 1:], out=views.hats)
        for step in views.steps:
            torch.mul(step.below, step.inverse, out=step.scaled)
            torch.mul(step.left, step.rising, out=step.values).addcmul_(step.right, step.falling, value=-1)

    def pull_back(self, gradients: Tensor, *, into: Tensor) -> None:
        """Write the gradients (I, N) of the last samples from those of their bases (I, B, N); needs `lower`."""
        lower = self._last.lower
        assert lower is not None
        torch.sum((lower[:, :-1] - lower[:, 1:]).mul_(gradients), dim=1, out=into)
        into *= self.degree

    def _make_views(self, chosen: slice, samples: int) -> _Views:
        """Return the pieces of memory that an evaluation goes through; cutting them takes as long as filling them."""
        inputs = chosen.stop - chosen.start

        def cut(memory: Tensor) -> Tensor:
            return memory[:inputs, :, :samples]

        offset, ramps, scratch, bases = map(cut, (self._offset, self._values, self._scaled, self._bases))
        lower = None if self._lower is None else cut(self._lower)
        hats = below = scratch[:, :-1]
        steps = []
        for level in range(2, self.degree + 1):
            count, last = below.shape[1], level == self.degree
            scaled = ramps[:, :count] if lower is None or not last else lower
            values = bases if last else scratch[:, : count - 1]
            left, right = scaled[:, :-1], scaled[:, 1:]
            rising, falling = offset[:, : count - 1], offset[:, level + 1 :]
            steps.append(_Step(below, self._inverse[level - 1][chosen], scaled, left, right, rising, falling, values))
            below = values
        inverse = self._inverse[0][chosen] if self.degree else self._knots
        return _Views(self._knots[chosen], offset, offset[:, :-1], inverse, ramps, hats, bases, lower, steps)

    def _evaluate_steps(self, offset: Tensor, views: _Views) -> None:
        """Compute bases of degree 0 or 1 and their `lower`."""
        reached = (offset >= 0).to(offset.dtype)
        steps = reached[:, :-1] - reached[:, 1:]
        if self.degree == 0:
            views.bases.copy_(steps)
            # As in `kan.spline.basis`: steps would lose the largest sample.
            views.bases[:, -1] += offset[:, -1] == 0
            if views.lower is not None:
                views.lower.zero_()
            return
        if views.lower is not None:
            torch.mul(steps, views.inverse, out=views.lower)
        ramps = torch.mul(views.begins, views.inverse, out=views.ramps).clamp_(0, 1)
        torch.sub(ramps[:, :-1], ramps[:, 1:], out=views.bases)


class _Step(NamedTuple):
    """One level of the recursion: ``scaled = below * inverse``, ``values = left * rising - right * falling``."""

    below: Tensor
    inverse: Tensor
    scaled: Tensor
    left: Tensor
    right: Tensor
    rising: Tensor
    falling: Tensor
    values: Tensor


class _Views(NamedTuple):
    """What an evaluation of some inputs reads and writes."""

    knots: Tensor
    offset: Tensor
    begins: Tensor  # the offsets from where intervals begin
    inverse: Tensor  # of the widths of the intervals
    ramps: Tensor
    hats: Tensor  # the bases of degree 1
    bases: Tensor
    lower: Tensor | None
    steps: list[_Step]


def differences(count: int, *, degree: int, like: Tensor) -> Tensor:
    """Return the matrix (B, B + 1) that turns weights of bases into weights of their `lower`."""
    step = torch.eye(count, count + 1, dtype=like.dtype, device=like.device)
    return degree * (step - step.roll(1, dims=1))
