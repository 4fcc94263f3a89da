"""Fitting ``c*f(a*x + b) + d`` to edges, for all functions of the library and all edges together.

A coarse search evaluates many (a, b) on a small sample of the data (see `candidates`); c and d have closed forms. The
best points of several regions are refined on the sample, the best of these on all data (see `refinement`). The search
is deterministic, computes in float64, and its memory does not grow with N beyond a few vectors.

Deviations from pykan's three zooms into a 101 x 101 grid: r2 is the coefficient of determination of the returned
parameters (pykan adds 1e-4 to a denominator, which makes good fits of small y look bad), and it is meant to be at or
above pykan's; of equivalent parameters the simplest are returned (see `canonical`); a constant y is fitted exactly by
any function, with c=0 and r2=1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from kan.common.arrays import as_tensor, check_finite
from kan.common.console import say
from kan.common.errors import ArgumentError, check_range, check_whole
from kan.common.precision import to_device, to_double
from kan.common.random import on_cpu
from kan.symbolic.box import Box, clamp
from kan.symbolic.canonical import canonical, shift_by_periods
from kan.symbolic.finish import Data, finish, is_constant, prefer_positive
from kan.symbolic.library import TorchFunction, lookup
from kan.symbolic.region import Limits
from kan.symbolic.samples import Samples
from kan.symbolic.search import search
from kan.symbolic.shapes import Kind, Shape, shape_of

_GOOD_R2 = 0.9
# Values of edges that are fitted in one go.
_VALUES = 1 << 15


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
    grid_number: int | None = None
    rounds: int = 3


def fit_affine(
    x: Any,
    y: Any,
    functions: Sequence[str],
    *,
    a_range: tuple[float, float] = (-10, 10),
    b_range: tuple[float, float] = (-10, 10),
) -> AffineFit:
    """Fit ``c*f(a*x + b) + d`` for each of several functions of the library.

    Parameters
    ----------
    x, y : Tensor (N,) or (E, N)
        Pre- and post-activations of one edge, or of E edges.
    functions : sequence of F names
        Keys of `SYMBOLIC_LIB`.
    a_range, b_range : pair of float
        Limits of a and b. The default limits are widened for x that vary by less than one to either side of their
        centre, to reach what they reach for x that vary by one; other limits are taken as they are.

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
    settings = _Settings(check_range("a_range", a_range), check_range("b_range", b_range))
    names = [functions] if isinstance(functions, str) else list(functions)
    callables = [lookup(name).torch_fun for name in names]
    x, y = _read_data(x, y)
    shapes = [_shape_by_name(name, function, like=x) for name, function in zip(names, callables)]
    shape = (*x.shape[:-1], len(names))
    params, r2 = _fit(x.view(-1, x.shape[-1]), y.view(-1, y.shape[-1]), callables, shapes, settings)
    return AffineFit(tuple(names), params.view(*shape, 4), r2.view(shape))


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
        Limits of a and b. The default limits are widened for x that vary by less than one to either side of their
        centre, to reach what they reach for x that vary by one; other limits are taken as they are.
    grid_number : int
        Points along each axis of a lattice over these limits, which the coarse search adds to its own points.
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
    settings = _Settings(
        check_range("a_range", a_range),
        check_range("b_range", b_range),
        grid_number=check_whole("grid_number", grid_number, 2),
        rounds=check_whole("iteration", iteration, 1),
    )
    if not callable(fun):
        raise ArgumentError(f"`fun` must be a function of a tensor; got {fun!r}. Names go to fit_affine.")
    x, y = _read_data(x, y, device=device)
    if x.dim() != 1:
        raise ArgumentError(f"`x` and `y` must have shape (N,); got {tuple(x.shape)}.")
    params, r2 = _fit(x[None], y[None], [fun], [_shape(fun, like=x)], settings)
    if verbose:
        say(f"r2 is {r2.item():.4f}")
        if r2.item() < _GOOD_R2:
            say("r2 is low: another function may fit better, or wider a_range and b_range are needed.")
    return params[0, 0], r2[0, 0]


def _read_data(x: Any, y: Any, device: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = as_tensor(x).detach(), as_tensor(y).detach()
    if x.shape != y.shape or x.dim() not in (1, 2) or x.numel() == 0:
        raise ArgumentError(
            f"`x` and `y` must both have shape (N,) or (E, N) and not be empty; "
            f"got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    check_finite("x", x)
    check_finite("y", y)
    x = to_device(x, device) if device is not None else x
    return x, to_device(y, x.device)


def _shape_by_name(name: str, function: TorchFunction, *, like: torch.Tensor) -> Shape:
    """Return what is known about a function of the library, or say which one it is that cannot be used."""
    try:
        return _shape(function, like=like)
    except Exception as error:  # functions of the user's own may raise anything
        raise ArgumentError(
            f"the function {name!r} of SYMBOLIC_LIB cannot be fitted: {str(error).rstrip('.')}. Replace it with "
            "`add_symbolic`, or leave it out of `lib`."
        ) from error


@on_cpu
@torch.no_grad()
def _shape(function: TorchFunction, *, like: torch.Tensor) -> Shape:
    """Return what is known about a function, where the fit computes."""
    return shape_of(function, like=to_double(like[..., :0]))


@on_cpu
@torch.no_grad()
def _fit(
    x: torch.Tensor,
    y: torch.Tensor,
    functions: Sequence[TorchFunction],
    shapes: Sequence[Shape],
    settings: _Settings,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fit all functions to E edges: parameters (E, F, 4) and r2 (E, F)."""
    together = max(1, _VALUES // x.shape[1])
    parts = [_fit_together(*pair, functions, shapes, settings) for pair in zip(x.split(together), y.split(together))]
    numbers = torch.cat(parts).to(device=x.device, dtype=x.dtype)
    return numbers[..., :4], numbers[..., 4]


def _fit_together(
    x: torch.Tensor,
    y: torch.Tensor,
    functions: Sequence[TorchFunction],
    shapes: Sequence[Shape],
    settings: _Settings,
) -> torch.Tensor:
    """Fit all functions to E edges in one go: a, b, c, d and r2, (E, F, 5)."""
    wide_x, wide_y = to_double(x), to_double(y)
    low, high = wide_x.aminmax(dim=1)
    precision = torch.finfo(x.dtype).eps
    boxes = [
        Box.around(*ends, a_range=settings.a_range, b_range=settings.b_range, precision=precision)
        for ends in zip(low.tolist(), high.tolist())
    ]
    points = _best_points(wide_x, wide_y, shapes=shapes, boxes=boxes, settings=settings, dtype=x.dtype)
    data = Data(x.to(wide_x.device), wide_x, wide_y)
    fits = []
    for function, shape in zip(functions, shapes):
        fit = finish(function=function, points=points[shape], boxes=boxes, data=data)
        if shape.period:
            fit = prefer_positive(fit, function=function, period=shape.period, boxes=boxes, data=data)
        fits.append(fit)
    return torch.stack(fits, 1)


def _best_points(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    shapes: Sequence[Shape],
    boxes: Sequence[Box],
    settings: _Settings,
    dtype: torch.dtype,
) -> dict[Shape, torch.Tensor]:
    """Return (a, b), (E, 2), for each shape; each distinct shape is searched once."""
    neutral = [clamp(number, limits) for number, limits in zip((1.0, 0.0), boxes[0].limits)]
    found = {shape: x.new_tensor(neutral).repeat(len(x), 1) for shape in shapes}
    wanted = [shape for shape in found if shape.kind not in (Kind.CONSTANT, Kind.LINEAR)]
    edges = (~is_constant(x, dtype) & ~is_constant(y, dtype)).nonzero().flatten().tolist()
    if not wanted or not edges:
        return found
    boxes = [boxes[edge] for edge in edges]
    order = torch.argsort(x[edges], dim=1, stable=True)
    centre, half_width = x.new_tensor([(box.centre, box.half_width) for box in boxes]).T[..., None]
    t = (x[edges] - centre) / half_width
    samples = Samples.of(t.gather(1, order), y[edges].gather(1, order))
    best = search(
        shapes=wanted,
        samples=samples,
        boxes=boxes,
        limits=Limits.of(dtype),
        grid_number=settings.grid_number,
        rounds=settings.rounds,
    )
    for edge, box, points in zip(edges, boxes, best):
        plain = box.to_plain(points)
        for shape, (a, b), (_, free) in zip(wanted, box.clamp_plain(plain).tolist(), plain.tolist()):
            if math.isnan(a):
                continue
            if shape.period is not None and box.b_range[1] - box.b_range[0] >= shape.period:
                b = shift_by_periods(free, period=shape.period, limits=box.b_range)
            found[shape][edge] = x.new_tensor(canonical(shape=shape, a=a, b=b, box=box))
    return found
