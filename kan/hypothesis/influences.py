"""What a function does at the samples, in units that make all inputs comparable: the raw material of every hypothesis.

An input's unit is its standard deviation s over the samples, so

    influence    g_i  = s_i * df/dx_i               how f changes when x_i moves by one standard deviation,
    interaction  h_ij = s_i * s_j * d2f/dx_i dx_j   how the influence of i changes when x_j does.

Hypotheses say that certain sums of these vanish. Each is measured as a share between 0 and 1 at every sample, what is
left of the sum over what it is made of, and averaged over the samples. Shares do not change when f or an input is
measured in other units. Near points where an influence passes through zero a share would show nothing but noise, so
there its median over the samples takes its place: `floors`.

An input whose influence is within the rounding of f's values at nearly all samples is not active; nothing is concluded
from it.

Derivatives cannot see structure that sits in kinks, as in networks with ReLU or splines of degree below 2, whose second
derivatives vanish almost everywhere: `_check_smooth` compares the second derivatives with how the first ones change a
little way off. Samples where anything is NaN or Inf are left out.

Deviations from pykan: it compares second derivatives in the units of f with a fixed number, so that 1e-6 * f passes as
separable in any groups; it normalises gradients before scaling them, so that the input in the smallest unit hides the
others; its medians do not see what happens at less than half of the samples; and it lets every ReLU network pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from kan.calculus import batch_hessian, batch_jacobian
from kan.common.arrays import as_tensor, check_finite
from kan.common.errors import ArgumentError
from kan.common.precision import to_double

Function = Callable[[Tensor], Tensor]

# An influence of so many units of rounding of f's value is noise; an input that has more at so few samples has none.
_ROUNDING = 4.0
_FEWEST_SAMPLES = 0.01
# Changes of the gradient below this many units of its rounding are not looked at.
_ROUNDING_OF_GRADIENTS = 1e3
# How far to go towards another sample, and how much of the change on the way second derivatives must show. Smooth
# functions have 0.8 and more, also when they oscillate or have poles; networks with ReLU 0; splines of degree 1 between
# 0.1 and 0.5.
_STEP = 0.02
_LEAST_SEEN = 0.6


@dataclass(frozen=True)
class Influences:
    """Values and derivatives of a function at samples, all divided by one `scale`; samples come last.

    Attributes
    ----------
    x : Tensor (N, I)
        The samples at which everything is finite.
    spread : Tensor (I,)
        Standard deviation of every input.
    values : Tensor (N,)
    first : Tensor (I, N)
        Influences g.
    second : Tensor (I, I, N)
        Interactions h.
    active : list of int
        The inputs that have an influence.
    scale : float
        The largest absolute value among the first three, before the division.
    """

    x: Tensor
    spread: Tensor
    values: Tensor
    first: Tensor
    second: Tensor
    active: list[int]
    scale: float

    @property
    def count(self) -> int:
        """Number of inputs."""
        return self.x.shape[1]

    @cached_property
    def floors(self) -> Tensor:
        """Absolute influences (I, N), each at least its median over the samples."""
        return floored(self.first)


def floored(values: Tensor) -> Tensor:
    """Return ``|values|`` (..., N), each at least its median over the samples."""
    absolute = values.abs()
    return torch.maximum(absolute, absolute.median(dim=-1, keepdim=True).values)


def mean_share(part: Tensor, whole: Tensor) -> Tensor:
    """Return the mean over the samples (..., N) of ``|part| / whole``; where there is no whole, there is no share."""
    return torch.where(whole > 0, part.abs() / whole, 0.0).mean(dim=-1)


def checked_samples(x: Any) -> Tensor:
    """Return `x` as a floating tensor (N, I), and raise unless it can tell how inputs vary.

    Raises
    ------
    ArgumentError
        If it has another shape, fewer than two rows, or entries that are not finite.
    """
    x = as_tensor(x).detach()
    if x.ndim != 2 or len(x) < 2 or x.shape[1] < 1:
        raise ArgumentError(f"`x` must have shape (N, I) with at least two samples; got {tuple(x.shape)}.")
    check_finite("x", x)
    return x


def influences(model: Function, x: Any) -> Influences:
    """Measure what the first output of `model` does at the samples `x` (N, I).

    Raises
    ------
    ArgumentError
        If `x` is not fit for it, the function is finite at fewer than two samples, or its derivatives do not tell
        anything.
    """
    x = checked_samples(x)
    values, first, second = wide(first_output(model, x)), wide(batch_jacobian(model, x)), wide(batch_hessian(model, x))
    spread = wide(x).std(dim=0, correction=0)
    first, second = first * spread, second * spread * spread[:, None]
    finite = values.isfinite() & first.isfinite().all(dim=1) & second.flatten(1).isfinite().all(dim=1)
    if int(finite.sum()) < 2:
        raise ArgumentError(
            f"the function and its first two derivatives must be finite at two samples at least; they are at "
            f"{int(finite.sum())} of {len(x)}. Give samples from inside its domain."
        )
    values, first, second = values[finite], first[finite], second[finite]
    noise = _ROUNDING * torch.finfo(x.dtype).eps * floored(values)[:, None]
    matters = wide(first.abs() > noise).mean(dim=0) > _FEWEST_SAMPLES
    active: list[int] = matters.nonzero().flatten().tolist()
    if not active and float(values.max() - values.min()) > float(noise.max()):
        raise ArgumentError(
            "the function varies, but its derivatives say that no input has an influence. Where it is computed outside "
            "of torch (numpy, `detach`) autograd sees a constant: write it with torch, or fit a model to its values. "
            "Nothing can be concluded about steps."
        )
    _check_smooth(model, x=x[finite], spread=spread, first=first, second=second, active=active)
    scale = max(float(part.abs().max()) for part in (values, first, second)) or 1.0
    first, second = first.T.contiguous(), second.permute(1, 2, 0).contiguous()
    return Influences(x[finite], spread, values / scale, first / scale, second / scale, active, scale)


def first_output(model: Function, x: Tensor) -> Tensor:
    """Return the first output of `model` at `x`, shape (N,)."""
    with torch.no_grad():
        values = model(x)
    return values if values.ndim == 1 else values[:, 0]


def wide(values: Tensor) -> Tensor:
    """Return `values` in double precision: ratios of products need its range."""
    return to_double(values.detach())


def _check_smooth(
    model: Function, *, x: Tensor, spread: Tensor, first: Tensor, second: Tensor, active: list[int]
) -> None:
    """Raise if the second derivatives explain nothing of how the gradient varies, warn if so for some inputs."""
    rounding = _ROUNDING_OF_GRADIENTS * torch.finfo(x.dtype).eps * first.abs().mean(dim=0)
    varies = first.amax(dim=0) - first.amin(dim=0) > rounding
    near = x + _STEP * (x.roll(1, 0) - x)
    then = wide(batch_jacobian(model, near)) * spread
    step = wide(near - x) / torch.where(spread > 0, spread, 1.0)
    unseen = varies & _is_unseen(first=first, then=then, predicted=torch.einsum("nij,nj->ni", second, step))
    kinked = [i for i in active if bool(unseen[i])]
    if not kinked:
        return
    if kinked == [i for i in active if bool(varies[i])]:
        raise ArgumentError(
            "the function's gradient varies, but its second derivatives do not show it: it is piecewise linear, or "
            "nearly so. Structure is read from second derivatives; use a smooth activation (SiLU, tanh) or splines of "
            "degree k=3."
        )
    warnings.warn(
        f"the gradient with respect to inputs {kinked} varies in a way that second derivatives do not show (kinks?); "
        "structure that sits there is not seen.",
        stacklevel=4,
    )


def _is_unseen(*, first: Tensor, then: Tensor, predicted: Tensor) -> Tensor:
    """Return for which inputs (I,) the second derivatives predict little of the change from `first` to `then` (N, I).

    A little way towards another sample, the gradient of a smooth function has changed by the second derivatives times
    the step. Absolute changes may all come from samples next to a pole, relative ones from those beside a narrow peak;
    a smooth function is seen in one of them.
    """
    finite = then.isfinite().all(dim=1)
    if not bool(finite.any()):
        return torch.zeros_like(first[0], dtype=torch.bool)
    first, then, predicted = first[finite], then[finite], predicted[finite]
    typical = torch.maximum(then.abs(), floored(first.T).T)
    unseen = torch.ones_like(first[0], dtype=torch.bool)
    for weights in (torch.ones_like(typical), torch.where(typical > 0, 1 / typical, 0.0)):
        change = ((then - first).abs() * weights).sum(dim=0)
        unseen &= (predicted.abs() * weights).sum(dim=0) <= _LEAST_SEEN * change
    return unseen
