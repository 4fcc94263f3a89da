"""The bases of `kan.spline.basis` on a GPU, by one Triton kernel instead of a dozen operations.

On a GPU the recursion is bound by memory: every operation of it reads and writes arrays as large as the features. Here
each sample finds its interval by counting the knots below it, runs de Boor's triangular scheme over the k + 1 bases
that are not zero there in registers, and writes every basis once. Triton comes with PyTorch's builds for CUDA, and
compiles the kernel at its first use. It is then compared with the recursion on a few samples; where Triton is absent or
fails, `RepeatedBasis` does the work.

Source: de Boor, *A Practical Guide to Splines*, ch. X (the algorithm BSPLVB).
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import torch
from torch import Tensor

from kan.spline.basis import NO_WIDTH
from kan.spline.knots import extend_knots, uniform_knots
from kan.spline.repeated import RepeatedBasis

# Samples of one program (a warp has 32 threads, of which each computes some).
_BLOCK = 256
_CHECKED_SAMPLES = 64


class FusedBasis:
    """`RepeatedBasis` by one kernel: the same arguments and results."""

    def __init__(self, knots: Tensor, *, degree: int, values: Tensor, lower: Tensor | None = None) -> None:
        self.degree, self._knots = degree, knots.contiguous()
        self._bases, self._lower = values, lower

    def evaluate(self, x: Tensor, *, first: int = 0) -> None:
        """Compute the bases at x (I, N), of the inputs from number `first` on, and those of the degree below."""
        inputs, samples = x.shape
        if inputs == 0 or samples == 0:
            return
        lower = self._bases if self._lower is None else self._lower
        _kernel()[-(-samples // _BLOCK), inputs](
            x,
            self._knots[first:],
            self._bases,
            lower,
            samples,
            *(x.stride(0), x.stride(1)),
            *(self._bases.stride(0), self._bases.stride(1)),
            *(lower.stride(0), lower.stride(1)),
            NO_WIDTH=NO_WIDTH,
            COUNT=self._knots.shape[1],
            DEGREE=self.degree,
            WITH_LOWER=self._lower is not None,
            BLOCK=_BLOCK,
        )


def repeated_basis(
    knots: Tensor, *, degree: int, values: Tensor, lower: Tensor | None = None
) -> RepeatedBasis | FusedBasis:
    """Return the faster evaluation of the two for where the knots live; see `RepeatedBasis`."""
    fused = knots.is_cuda and values.stride(2) == 1 and _is_right(knots.device, knots.dtype, degree)
    return (FusedBasis if fused else RepeatedBasis)(knots, degree=degree, values=values, lower=lower)


@cache
def _is_right(device: torch.device, dtype: torch.dtype, degree: int) -> bool:
    """Whether the kernel compiles for a device, and computes there what the recursion does."""
    try:
        found = [_example(kind, device, dtype, degree) for kind in (FusedBasis, RepeatedBasis)]
    except ImportError:
        return False
    except Exception as error:  # noqa: BLE001 - compilers fail in many ways; all of them leave the other way
        warnings.warn(f"Triton cannot be used for splines on {device}, which makes them slower: {error}", stacklevel=2)
        return False
    tolerance = 100 * torch.finfo(dtype).eps
    return all(torch.allclose(one, other, atol=tolerance, rtol=tolerance) for one, other in zip(*found))


def _example(kind: Any, device: torch.device, dtype: torch.dtype, degree: int) -> tuple[Tensor, Tensor]:
    """Return bases and scaled lower bases of a uniform grid, inside and outside of it."""
    knots = extend_knots(uniform_knots(-1.0, 1.0, inputs=2, intervals=3), degree=degree).to(device, dtype)
    count = knots.shape[1] - 1 - degree
    x = torch.linspace(-3, 3, 2 * _CHECKED_SAMPLES, device=device, dtype=dtype).view(_CHECKED_SAMPLES, 2).T
    values, lower = x.new_empty(2, count, _CHECKED_SAMPLES), x.new_empty(2, count + 1, _CHECKED_SAMPLES)
    kind(knots, degree=degree, values=values, lower=lower).evaluate(x)
    return values, lower


@cache
def _kernel() -> Any:
    """Return the kernel; Triton is only imported when it is used."""
    import triton
    import triton.language as tl

    @triton.jit
    def write_bases(
        x_pointer,
        knots_pointer,
        values_pointer,
        lower_pointer,
        samples,
        x_row,
        x_column,
        values_input,
        values_row,
        lower_input,
        lower_row,
        NO_WIDTH: tl.constexpr,
        COUNT: tl.constexpr,
        DEGREE: tl.constexpr,
        WITH_LOWER: tl.constexpr,
        BLOCK: tl.constexpr,
    ):
        """Write values (B, N) and lower (B + 1, N) of one input, program axis 1, at a block of samples, axis 0."""
        # Arrays may have more elements than 32 bits count.
        which = tl.program_id(1).to(tl.int64)
        sample = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        exists = sample < samples
        knots = knots_pointer + which * COUNT
        x = tl.load(x_pointer + which * x_row + sample * x_column, mask=exists, other=0.0)

        # The number of knots that are not above x, less one: from -1 below the grid to COUNT - 1 above it.
        interval = tl.zeros((BLOCK,), tl.int32) - 1
        for number in range(COUNT):
            interval += (x >= tl.load(knots + number)).to(tl.int32)
        if DEGREE == 0:
            # Steps would lose the largest sample.
            interval = tl.where(x == tl.load(knots + COUNT - 1), COUNT - 2, interval)
        inside = (interval >= 0) & (interval < COUNT - 1)

        # The triangular scheme: basis number `interval - level + entry` of degree `level` is entry `entry` of a tuple.
        values = (x * 0 + 1,)
        scaled = values
        for level in tl.static_range(1, DEGREE + 1):
            raised = ()
            scaled = ()
            carried = x * 0
            for entry in tl.static_range(level):
                # Knots beyond the ends only enter bases that do not exist.
                end = tl.minimum(tl.maximum(interval + 1 + entry, 0), COUNT - 1)
                begin = tl.minimum(tl.maximum(interval + 1 + entry - level, 0), COUNT - 1)
                right = tl.load(knots + end)
                left = tl.load(knots + begin)
                share = values[entry] / (right - left + NO_WIDTH)
                raised = raised + (carried + (right - x) * share,)
                carried = (x - left) * share
                scaled = scaled + (share,)
            values = raised + (carried,)

        out = values_pointer + which * values_input + sample
        for row in range(COUNT - 1 - DEGREE):
            value = x * 0
            for entry in tl.static_range(DEGREE + 1):
                value = tl.where(inside & (row == interval - DEGREE + entry), values[entry], value)
            tl.store(out + row * values_row, value, mask=exists)
        if WITH_LOWER:
            out = lower_pointer + which * lower_input + sample
            for row in range(COUNT - DEGREE):
                value = x * 0
                for entry in tl.static_range(DEGREE):
                    value = tl.where(inside & (row == interval - DEGREE + 1 + entry), scaled[entry], value)
                tl.store(out + row * lower_row, value, mask=exists)

    return write_bases
