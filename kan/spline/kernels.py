"""Two kernels in Triton's language: bases from samples, and gradients of samples from those of their bases.

Each sample finds its interval by counting the knots below it, and runs de Boor's triangular scheme over the k + 1 bases
that are not zero there in registers. `kan.spline.fused` launches the kernels; this module can only be imported where
Triton is.

Source: de Boor, *A Practical Guide to Splines*, ch. X (the algorithm BSPLVB).
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def locate(x, knots, COUNT: tl.constexpr, DEGREE: tl.constexpr):
    """Return the number of the knots that are not above x, less one: from -1 below the grid to COUNT - 1 above."""
    interval = tl.zeros(x.shape, tl.int32) - 1
    for number in range(COUNT):
        interval += (x >= tl.load(knots + number)).to(tl.int32)
    if DEGREE == 0:
        # Steps would lose the largest sample.
        interval = tl.where(x == tl.load(knots + COUNT - 1), COUNT - 2, interval)
    return interval


@triton.jit
def climb(x, interval, knots, NO_WIDTH: tl.constexpr, COUNT: tl.constexpr, DEGREE: tl.constexpr):
    """Run the triangular scheme: the k + 1 bases that are not zero, and the k of the degree below, scaled.

    Basis number ``interval - level + entry`` of degree ``level`` is entry ``entry`` of a tuple.
    """
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
    return values, scaled


@triton.jit
def begin(
    x_pointer,
    knots_pointer,
    inputs,
    samples,
    x_row,
    x_column,
    NO_WIDTH: tl.constexpr,
    COUNT: tl.constexpr,
    DEGREE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Take the samples of this program through the scheme.

    Returns the number of their input, their own numbers, which of them exist, a zero for each (NaN where the sample
    is), their intervals, which of them are within the knots, and what `climb` returns.
    """
    # Arrays may have more elements than 32 bits count.
    program = tl.program_id(0).to(tl.int64)
    which = program % inputs
    sample = (program // inputs) * BLOCK + tl.arange(0, BLOCK)
    exists = sample < samples
    knots = knots_pointer + which * COUNT
    x = tl.load(x_pointer + which * x_row + sample * x_column, mask=exists, other=0.0)
    interval = locate(x, knots, COUNT, DEGREE)
    inside = exists & (interval >= 0) & (interval < COUNT - 1)
    values, scaled = climb(x, interval, knots, NO_WIDTH, COUNT, DEGREE)
    return which, sample, exists, x * 0, interval, inside, values, scaled


@triton.jit
def write_bases(
    x_pointer,
    knots_pointer,
    values_pointer,
    lower_pointer,
    inputs,
    samples,
    x_row,
    x_column,
    values_input,
    values_row,
    values_column,
    lower_input,
    lower_row,
    lower_column,
    NO_WIDTH: tl.constexpr,
    COUNT: tl.constexpr,
    DEGREE: tl.constexpr,
    WITH_LOWER: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Write values (B, N) and lower (B + 1, N) of one input at a block of samples."""
    which, sample, exists, zero, interval, inside, values, scaled = begin(
        x_pointer, knots_pointer, inputs, samples, x_row, x_column, NO_WIDTH, COUNT, DEGREE, BLOCK
    )
    out = values_pointer + which * values_input + sample * values_column
    for row in range(COUNT - 1 - DEGREE):
        value = zero
        for entry in tl.static_range(DEGREE + 1):
            value = tl.where(inside & (row == interval - DEGREE + entry), values[entry], value)
        tl.store(out, value, mask=exists)
        out += values_row
    if WITH_LOWER:
        out = lower_pointer + which * lower_input + sample * lower_column
        for row in range(COUNT - DEGREE):
            value = zero
            for entry in tl.static_range(DEGREE):
                value = tl.where(inside & (row == interval - DEGREE + 1 + entry), scaled[entry], value)
            tl.store(out, value, mask=exists)
            out += lower_row


@triton.jit
def pull_back(
    x_pointer,
    knots_pointer,
    gradients_pointer,
    result_pointer,
    inputs,
    samples,
    x_row,
    x_column,
    gradients_input,
    gradients_row,
    gradients_column,
    result_row,
    result_column,
    NO_WIDTH: tl.constexpr,
    COUNT: tl.constexpr,
    DEGREE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Add up gradients (B, N) times slopes of one input at a block of samples."""
    which, sample, exists, zero, interval, inside, _, scaled = begin(
        x_pointer, knots_pointer, inputs, samples, x_row, x_column, NO_WIDTH, COUNT, DEGREE, BLOCK
    )
    gradients = gradients_pointer + which * gradients_input + sample * gradients_column
    total = zero
    if DEGREE > 0:
        below = zero
        for entry in tl.static_range(DEGREE + 1):
            above = zero
            if entry < DEGREE:
                above = scaled[entry]
            row = interval - DEGREE + entry
            there = inside & (row >= 0) & (row < COUNT - 1 - DEGREE)
            gradient = tl.load(gradients + row.to(tl.int64) * gradients_row, mask=there, other=0.0)
            # Outside the grid the scheme's numbers are infinite, and mean nothing.
            total += tl.where(there, (below - above) * gradient, 0.0)
            below = above
    tl.store(result_pointer + which * result_row + sample * result_column, total * DEGREE, mask=exists)
