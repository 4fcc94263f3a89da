"""Fitting ``c*f(a*x + b) + d`` to one edge, for all functions of the library together, in milliseconds.

A coarse search evaluates many (a, b) on a small sample of the data, taken at quantiles of x; c and d have closed forms.
The best points of several regions are refined on the sample, the best of these on all data (see `refinement`). The
search is deterministic, computes in float64, and its memory does not grow with N beyond a few vectors.

Deviations from pykan's three zooms into a 101 x 101 grid: r2 is the coefficient of determination of the returned
parameters (pykan adds 1e-4 to a denominator, which makes good fits of small y look bad); of equivalent parameters the
simplest are returned (see `canonical`); a constant y is fitted exactly by any function, with c=0 and r2=1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from kan.common.arrays import as_tensor, check_finite
from kan.common.console import say
from kan.common.errors import ArgumentError
from kan.symbolic.box import Box, read_range
from kan.symbolic.canonical import canonical, finite_in
from kan.symbolic.library import TorchFunction, lookup
from kan.symbolic.region import Limits
from kan.symbolic.search import Samples, search
from kan.symbolic.shapes import Kind, Shape, shape_of

_GOOD_R2 = 0.9
_TIE = 1e-5
# A function that varies less than this, relative to its size, is constant in float64.
_ROUNDING = 1e-14


class AffineFit(NamedTuple):
    """Fits of several functions to one edge or to several.

    Attributes
    ----------
    functions : tuple of F names
    params : Tensor (F, 4) or (E, F, 4)
        a, b, c, d of each function.
    r2 : Tensor (F,) or (E, F)
        Coefficient of determination on all data.
    """

    functions: tuple[str, ...]
    params: torch.Tensor
    r2: torch.Tensor


@dataclass(frozen=True)
class _Settings:
    a_range: tuple[float, float]
    b_range: tuple[float, float]
    grid_number: int
    rounds: int


def fit_affine(
    x: Any,
    y: Any,
    functions: Sequence[str],
    *,
    a_range: tuple[float, float] = (-10, 10),
    b_range: tuple[float, float] = (-10, 10),
    grid_number: int = 9,
    iteration: int = 3,
) -> AffineFit:
    """Fit ``c*f(a*x + b) + d`` for each of several functions of the library.

    Parameters
    ----------
    x, y : Tensor (N,) or (E, N)
        Pre- and post-activations of one edge, or of E edges.
    functions : sequence of F names
        Keys of `SYMBOLIC_LIB`.
    a_range, b_range : pair of float
        Limits of a and b.
    grid_number : int
        Points along each axis of the even lattice that the coarse search adds to its own starting points.
    iteration : int
        Rounds of refinement on all data.

    Returns
    -------
    AffineFit
        With the dtype and on the device of `x`.

    Raises
    ------
    ArgumentError
        For unknown names, shapes that differ, empty or non-finite data, or unusable ranges.

    Examples
    --------
    >>> import torch
    >>> x = torch.linspace(-1, 1, 200, dtype=torch.float64)
    >>> fit = fit_affine(x, 2 * torch.sin(3 * x) + 1, ["x^2", "sin"])
    >>> [round(number, 6) + 0.0 for number in fit.params[1].tolist()]
    [3.0, 0.0, 2.0, 1.0]
    """
    settings = _settings(a_range=a_range, b_range=b_range, grid_number=grid_number, rounds=iteration)
    names = [functions] if isinstance(functions, str) else list(functions)
    callables = [lookup(name).torch_fun for name in names]
    x, y = _read_data(x, y)
    if x.dim() == 1:
        params, r2 = _fit_edge(x, y, callables, settings)
    else:
        pairs = [_fit_edge(one_x, one_y, callables, settings) for one_x, one_y in zip(x, y)]
        params = torch.stack([pair[0] for pair in pairs])
        r2 = torch.stack([pair[1] for pair in pairs])
    return AffineFit(tuple(names), params, r2)


def fit_params(
    x: Any,
    y: Any,
    fun: TorchFunction,
    a_range: tuple[float, float] = (-10, 10),
    b_range: tuple[float, float] = (-10, 10),
    grid_number: int = 101,
    iteration: int = 3,
    verbose: bool = True,
    device: Any = "cpu",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fit ``c*fun(a*x + b) + d`` to y.

    Parameters
    ----------
    x, y : Tensor (N,)
    fun : callable
        Elementwise function of a tensor.
    a_range, b_range : pair of float
        Limits of a and b.
    grid_number : int
        Points along each axis of the lattice over the box that the coarse search starts from, besides its own.
    iteration : int
        Rounds of refinement on all data.
    verbose : bool
        Print r2, and a hint when it is low.
    device : str or torch.device
        Where the computation takes place.

    Returns
    -------
    params : Tensor (4,)
        a, b, c, d.
    r2 : Tensor ()
        Coefficient of determination.

    Raises
    ------
    ArgumentError
        For shapes that differ, empty or non-finite data, unusable ranges or numbers, or a `fun` that is no elementwise
        function.

    Examples
    --------
    >>> import torch
    >>> x = torch.linspace(-1, 1, 100)
    >>> params, r2 = fit_params(x, 5.0 * torch.sin(3.0 * x + 1.0) + 0.7, torch.sin)
    r2 is 1.0000
    >>> params
    tensor([3.0000, 1.0000, 5.0000, 0.7000])
    """
    settings = _settings(a_range=a_range, b_range=b_range, grid_number=grid_number, rounds=iteration)
    if not callable(fun):
        raise ArgumentError(f"`fun` must be a function of a tensor; got {fun!r}. Names go to fit_affine.")
    x, y = _read_data(x, y, device=device)
    if x.dim() != 1:
        raise ArgumentError(f"`x` and `y` must have shape (N,); got {tuple(x.shape)}.")
    params, r2 = _fit_edge(x, y, [fun], settings)
    if verbose:
        say(f"r2 is {r2[0].item():.4f}")
        if r2[0] < _GOOD_R2:
            say("r2 is low: another function may fit better, or wider a_range and b_range are needed.")
    return params[0], r2[0]


def _settings(*, a_range: Any, b_range: Any, grid_number: int, rounds: int) -> _Settings:
    for name, number, least in (("grid_number", grid_number, 2), ("iteration", rounds, 1)):
        if isinstance(number, bool) or not hasattr(number, "__index__") or number < least:
            raise ArgumentError(f"`{name}` must be an integer of at least {least}; got {number!r}.")
    limits = read_range("a_range", a_range), read_range("b_range", b_range)
    return _Settings(*limits, grid_number=int(grid_number), rounds=int(rounds))


def _read_data(x: Any, y: Any, device: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = as_tensor(x).detach(), as_tensor(y).detach()
    if x.shape != y.shape or x.dim() not in (1, 2) or x.numel() == 0:
        raise ArgumentError(
            f"`x` and `y` must both have shape (N,) or (E, N) and not be empty; "
            f"got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    check_finite("x", x)
    check_finite("y", y)
    x = x.to(device) if device is not None else x
    return x, y.to(device=x.device)


@torch.no_grad()
def _fit_edge(
    x: torch.Tensor, y: torch.Tensor, functions: Sequence[TorchFunction], settings: _Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fit all functions to one edge: parameters (F, 4) and r2 (F,)."""
    # Apple's devices have no float64.
    place = torch.device("cpu") if x.device.type == "mps" else x.device
    wide_x, wide_y = x.to(place, torch.float64), y.to(place, torch.float64)
    low, high = wide_x.aminmax()
    half_width = float(high - low) / 2
    box = Box(settings.a_range, settings.b_range, centre=float(high + low) / 2, half_width=half_width or 1.0)
    shapes = [shape_of(function, like=wide_x) for function in functions]
    points = _best_points(wide_x, wide_y, shapes=shapes, box=box, settings=settings, dtype=x.dtype)
    target = wide_x.to(x.dtype), wide_x, wide_y
    fits = [_finish(function, point, box, *target) for function, point in zip(functions, points)]
    for row, (function, shape, fit) in enumerate(zip(functions, shapes, fits)):
        # Of two shifts of equal size, half a turn apart, the one with positive c reads better: cos(x - pi/2).
        other = fit[1] - math.copysign(shape.period or 0.0, fit[1])
        if (
            shape.period
            and fit[2] < 0
            and abs(abs(other) - abs(fit[1])) < _TIE
            and box.b_range[0] <= other <= box.b_range[1]
        ):
            fits[row] = max(fit, _finish(function, (fit[0], other), box, *target), key=lambda fit: fit[2])
    numbers = torch.tensor(fits, dtype=torch.float64).to(device=x.device, dtype=x.dtype)
    return numbers[:, :4], numbers[:, 4]


def _best_points(
    x: torch.Tensor, y: torch.Tensor, *, shapes: Sequence[Shape], box: Box, settings: _Settings, dtype: torch.dtype
) -> list[tuple[float, float]]:
    """Return (a, b) for each shape; each distinct shape is searched once."""
    neutral = min(max(1.0, box.a_range[0]), box.a_range[1]), min(max(0.0, box.b_range[0]), box.b_range[1])
    found = dict.fromkeys(shapes, neutral)
    wanted = [shape for shape in found if shape.kind not in (Kind.CONSTANT, Kind.LINEAR)]
    if wanted and not _is_constant(x, dtype) and not _is_constant(y, dtype):
        order = torch.argsort(x, stable=True)
        samples = Samples(((x - box.centre) / box.half_width)[order], (y - y.mean())[order])
        best = search(
            shapes=wanted,
            samples=samples,
            box=box,
            limits=Limits.of(dtype),
            grid_number=settings.grid_number,
            rounds=settings.rounds,
        )
        for shape, (a, b) in zip(wanted, box.clamp_plain(box.to_plain(best)).tolist()):
            found[shape] = canonical(shape=shape, a=a, b=b, box=box)
    return [found[shape] for shape in shapes]


def _is_constant(values: torch.Tensor, dtype: torch.dtype) -> bool:
    """Tell whether values vary by no more than rounding in `dtype`."""
    return bool(values.std(unbiased=False) <= 4 * torch.finfo(dtype).eps * values.abs().amax())


def _finish(
    function: TorchFunction,
    point: tuple[float, float],
    box: Box,
    x: torch.Tensor,
    wide_x: torch.Tensor,
    wide_y: torch.Tensor,
) -> list[float]:
    """Round a and b to the dtype of x, solve for c and d on all data: a, b, c, d and r2."""
    a, mean = _rounded(point[0], x), wide_y.mean()
    b = finite_in(function=function, a=a, b=point[1], x=x, limits=box.b_range)
    if b is None:
        a, b = _flat_point(function=function, box=box, x=x)
    deviation = wide_y - mean
    total = float(deviation @ deviation)
    if _is_constant(wide_y, x.dtype):
        return [a, b, 0.0, float(mean), 1.0]
    values = function(a * wide_x + b).to(wide_x)
    centred = values - values.mean()
    spread = float(centred @ centred)
    varies = math.isfinite(spread) and spread > (_ROUNDING * float(values.abs().amax())) ** 2 * len(values)
    c = _rounded(float(centred @ deviation) / spread, x) if varies else 0.0
    d = _rounded(float(mean - c * values.mean()) if c else float(mean), x)
    residual = wide_y - (c * values + d) if c else deviation
    r2 = 1 - float(residual @ residual) / total
    # Worse than a constant only if c and d do not survive rounding: then a constant is the honest answer.
    return [a, b, c, d, r2] if r2 > 0 else [a, b, 0.0, _rounded(float(mean), x), 0.0]


def _rounded(number: float, like: torch.Tensor) -> float:
    return torch.tensor(number, dtype=like.dtype).item()


def _flat_point(*, function: TorchFunction, box: Box, x: torch.Tensor) -> tuple[float, float]:
    """Return an (a, b) at which the function is at least finite, for a function that no (a, b) fits."""
    a = min(max(0.0, box.a_range[0]), box.a_range[1])
    for wanted in (0.5, -0.5, 0.0, *box.b_range):
        b = finite_in(function=function, a=a, b=wanted, x=x, limits=box.b_range)
        if b is not None:
            return a, b
    return a, min(max(0.0, box.b_range[0]), box.b_range[1])
