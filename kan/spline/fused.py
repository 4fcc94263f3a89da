"""The bases of `kan.spline.basis` on a GPU, by the kernels of `kan.spline.kernels` instead of a dozen operations.

On a GPU the recursion is bound by memory: every operation of it reads and writes arrays as large as the features. The
kernels read samples and write bases, or read the gradients of bases and write those of samples, each number once.
Triton comes with PyTorch's builds for CUDA, and compiles them at their first use. They are then compared with the
recursion on a few samples; where Triton is absent or fails, `RepeatedBasis` does the work.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import torch
from torch import Tensor

from kan.spline.basis import no_width
from kan.spline.knots import extend_knots, uniform_knots
from kan.spline.repeated import RepeatedBasis

# Samples of one program (a warp has 32 threads, of which each computes some).
_BLOCK = 256
_CHECKED_SAMPLES = 64


class FusedBasis:
    """`RepeatedBasis` by two kernels: the same arguments and results."""

    _at: tuple[Tensor, int]  # the samples of the last evaluation, and the number of their first input

    def __init__(self, knots: Tensor, *, degree: int, values: Tensor, lower: Tensor | None = None) -> None:
        self.degree, self._knots = degree, knots.contiguous()
        self._bases, self._lower = values, lower

    def evaluate(self, x: Tensor, *, first: int = 0) -> None:
        """Compute the bases at x (I, N), of the inputs from number `first` on, and those of the degree below."""
        self._at = (x, first)
        lower = self._bases if self._lower is None else self._lower
        self._launch(_kernels().write_bases, self._bases, lower, WITH_LOWER=self._lower is not None)

    def pull_back(self, gradients: Tensor, *, into: Tensor) -> None:
        """Write the gradients (I, N) of the last samples from those of their bases (I, B, N)."""
        self._launch(_kernels().pull_back, gradients, into)

    def _launch(self, kernel: Any, *arrays: Tensor, **options: Any) -> None:
        """Run a kernel on the last samples, with arrays whose strides all enter."""
        x, first = self._at
        inputs, samples = x.shape
        if inputs == 0 or samples == 0:
            return
        strides = [stride for array in arrays for stride in array.stride()]
        # Neighbours among the programs share samples: where these are the rows of x, they lie side by side.
        programs = -(-samples // _BLOCK) * inputs
        with torch.cuda.device_of(x):  # Triton's own choice is the current device
            kernel[(programs,)](
                x,
                self._knots[first:],
                *arrays,
                inputs,
                samples,
                *x.stride(),
                *strides,
                NO_WIDTH=no_width(x),
                COUNT=self._knots.shape[1],
                DEGREE=self.degree,
                BLOCK=_BLOCK,
                **options,
            )


def repeated_basis(
    knots: Tensor, *, degree: int, values: Tensor, lower: Tensor | None = None, pulls_back: bool = False
) -> RepeatedBasis | FusedBasis:
    """Return the faster evaluation of the two for where the knots live; see `RepeatedBasis`.

    With `pulls_back` its `pull_back` will be called, for which the recursion needs `lower`, be it in memory of its own.
    """
    if has_kernels(knots, degree=degree):
        return FusedBasis(knots, degree=degree, values=values, lower=lower)
    if pulls_back and lower is None:
        lower = values.new_empty(values.shape[0], values.shape[1] + 1, values.shape[2])
    return RepeatedBasis(knots, degree=degree, values=values, lower=lower)


def has_kernels(knots: Tensor, *, degree: int) -> bool:
    """Whether the kernels run where the knots live."""
    return knots.is_cuda and _is_right(knots.device, knots.dtype, degree)


@cache
def _is_right(device: torch.device, dtype: torch.dtype, degree: int) -> bool:
    """Whether the kernels compile for a device, and compute there what the recursion does."""
    try:
        found = [_example(kind, device, dtype, degree) for kind in (FusedBasis, RepeatedBasis)]
    except ImportError:
        return False
    except Exception as error:  # noqa: BLE001 - compilers fail in many ways; all of them leave the other way
        trouble = str(error)
    else:
        tolerance = 100 * torch.finfo(dtype).eps
        if all(torch.allclose(one, other, atol=tolerance, rtol=tolerance) for one, other in zip(*found)):
            return True
        trouble = f"its results for degree {degree} and {dtype} are wrong"
    warnings.warn(f"Triton cannot be used for splines on {device}, which makes them slower: {trouble}", stacklevel=2)
    return False


def _example(kind: Any, device: torch.device, dtype: torch.dtype, degree: int) -> tuple[Tensor, ...]:
    """Return bases, scaled lower bases and gradients on a uniform grid, inside of all its knots and outside."""
    knots = extend_knots(uniform_knots(-1.0, 1.0, inputs=2, intervals=3), degree=degree).to(device, dtype)
    count, end = knots.shape[1] - 1 - degree, float(knots.max()) + 1
    x = torch.linspace(-end, end, 2 * _CHECKED_SAMPLES, device=device, dtype=dtype).view(_CHECKED_SAMPLES, 2).T
    values, lower = x.new_empty(2, count, _CHECKED_SAMPLES), x.new_empty(2, count + 1, _CHECKED_SAMPLES)
    recursion = kind(knots, degree=degree, values=values, lower=lower)
    recursion.evaluate(x)
    gradients = torch.empty_like(x)
    recursion.pull_back(values.flip(1), into=gradients)
    return values, lower, gradients


def _kernels() -> Any:
    """Return the module of the kernels; Triton is only imported when they are used."""
    from kan.spline import kernels

    return kernels
