"""The problems of ``accuracy.py``: functions, where they are sampled, shapes, and the best published errors.

Published are root mean square errors on test data, from

- "tutorials": the executed notebooks that came with pykan 0.0.5 (`Example_1`, `Example_3`, `Example_8`, `Example_5`);
- "table 1", "table 2": Liu et al. 2024, arXiv 2404.19756: special functions, and Feynman's equations without units.

The paper does not say where the functions of its tables were sampled, nor how often. Here every variable is uniform in
the range given below, and there are 3000 training samples, as in pykan's notebooks with the best figures. Ranges show
the shape of a function and keep away from its singularities. In Feynman's equations, as in the data that the paper
refers to (AI Feynman), amounts and ratios are positive: several of the published shapes multiply in a single node, by
sums of logarithms, which cannot be done across zero. Angles go once around. Legendre functions of a degree that is not
whole are infinite at -1: their arguments are not negative. (First they began at -0.9, Bessel's function of the first
kind at 0.5 and the number of slits in I.30.3 at 0; the narrower ranges came after first results.)

The paper gives several shapes for a function. The one with the smallest error is taken; for jv, the spherical
harmonics (1, 2) and (2, 2) and I.30.3 the one with the fewest layers: in first results, deeper ones rarely found a
good start. The error to beat is the smallest of any KAN in its row, whatever its shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

Array = np.ndarray
Range = tuple[float, float]
Function = Callable[..., Array]

PI = math.pi


@dataclass(frozen=True)
class Problem:
    """A function to fit.

    Attributes
    ----------
    group, name : str
    function : callable
        Of as many arrays (N,) as there are ranges.
    ranges : tuple of pairs
        Where each variable is sampled.
    width : list of int
    published : float or None
        The best published test RMSE of a KAN.
    train : int
        Training samples.
    aim : float or None
        The test RMSE that we aim at, where it is not the published one.
    """

    group: str
    name: str
    function: Function
    ranges: tuple[Range, ...]
    width: list[int]
    published: float | None = None
    train: int = 3000
    aim: float | None = None


def cube(variables: int, low: float = -1.0, high: float = 1.0) -> tuple[Range, ...]:
    """Return the same range for every variable."""
    return ((low, high),) * variables


def exp_sine(x: Array, y: Array) -> Array:
    return np.exp(np.sin(PI * x) + y**2)


def deep(a: Array, b: Array, c: Array, d: Array) -> Array:
    return np.exp((np.sin(PI * (a**2 + b**2)) + np.sin(PI * (c**2 + d**2))) / 2)


def many(*x: Array) -> Array:
    return np.exp(np.mean(np.sin(PI * np.stack(x) / 2) ** 2, axis=0))


def bessel(x: Array, y: Array) -> Array:
    return np.exp(special.j0(20 * x) + y**2)


TUTORIALS = (
    *(
        Problem("tutorials", f"exp(sin πx + y²), {points} points", exp_sine, cube(2), [2, 1, 1], best, points)
        for points, best in ((100, 3.07e-4), (300, 5.00e-6), (1000, 6.47e-6))
    ),
    Problem("tutorials", "exp(sin πx + y²), 3000 points", exp_sine, cube(2), [2, 1, 1], 3.27e-8, aim=3e-8),
    Problem("tutorials", "deep formula", deep, cube(4), [4, 2, 1, 1], 5.07e-7, aim=2e-8),
    Problem("tutorials", "deep formula, shallow", deep, cube(4), [4, 9, 1], 2.95e-3),
    Problem("tutorials", "exp(J₀(20x) + y²)", bessel, cube(2), [2, 1, 1], 8.51e-4, 1000),
)

TOYS = (
    Problem("toys", "J₀(20x)", lambda x: special.j0(20 * x), cube(1), [1, 1]),
    Problem("toys", "exp(sin πx + y²)", exp_sine, cube(2), [2, 1, 1]),
    Problem("toys", "xy", lambda x, y: x * y, cube(2), [2, 2, 1]),
    Problem("toys", "exp(mean of sin²(πx/2)), 100 variables", many, cube(100), [100, 1, 1]),
    Problem("toys", "deep formula, wide", deep, cube(4), [4, 4, 2, 1]),
)


def harmonic(order: int, degree: int) -> Function:
    """Return the real part of a spherical harmonic, as a function of azimuth and polar angle."""
    ratio = math.factorial(degree - order) / math.factorial(degree + order)
    scale = math.sqrt((2 * degree + 1) / (4 * PI) * ratio)
    return lambda azimuth, polar: scale * special.lpmv(order, degree, np.cos(polar)) * np.cos(order * azimuth)


_ANGLES = ((0.0, 2 * PI), (0.0, PI))
_ELLIPTIC = ((0.0, PI / 2), (0.0, 0.9))
_LEGENDRE = ((0.0, 3.0), (0.0, 0.9))

SPECIAL = tuple(
    Problem("table 1", *row)
    for row in (
        ("ellipj", lambda u, m: special.ellipj(u, m)[0], ((-2.0, 2.0), (0.0, 0.9)), [2, 3, 2, 1, 1], 1.33e-4),
        ("ellipkinc", special.ellipkinc, _ELLIPTIC, [2, 2, 1, 1, 1], 1.24e-4),
        ("ellipeinc", special.ellipeinc, _ELLIPTIC, [2, 2, 1, 1], 8.26e-5),
        ("jv", special.jv, ((0.0, 2.0), (1.0, 10.0)), [2, 2, 1], 1.64e-3),
        ("yv", special.yv, ((0.0, 2.0), (1.0, 10.0)), [2, 2, 2, 1], 1.49e-5),
        ("kv", special.kv, ((0.0, 2.0), (0.5, 5.0)), [2, 2, 1], 2.52e-5),
        ("iv", special.iv, ((0.0, 2.0), (0.5, 5.0)), [2, 4, 3, 2, 1, 1], 9.28e-3),
        ("lpmv, m=0", lambda v, x: special.lpmv(0, v, x), _LEGENDRE, [2, 2, 1], 5.25e-5),
        ("lpmv, m=1", lambda v, x: special.lpmv(1, v, x), _LEGENDRE, [2, 4, 1], 6.90e-4),
        ("lpmv, m=2", lambda v, x: special.lpmv(2, v, x), _LEGENDRE, [2, 3, 2, 1], 2.26e-4),
        ("sph_harm (0, 1)", harmonic(0, 1), _ANGLES, [2, 1, 1], 2.21e-7),
        ("sph_harm (1, 1)", harmonic(1, 1), _ANGLES, [2, 3, 2, 1], 1.22e-4),
        ("sph_harm (0, 2)", harmonic(0, 2), _ANGLES, [2, 1, 1], 1.95e-7),
        ("sph_harm (1, 2)", harmonic(1, 2), _ANGLES, [2, 2, 1], 1.50e-5),
        ("sph_harm (2, 2)", harmonic(2, 2), _ANGLES, [2, 2, 1], 9.45e-5),
    )
)


def gauss(x: Array, s: Array) -> Array:
    return np.exp(-(x**2) / (2 * s**2)) / np.sqrt(2 * PI * s**2)


_CIRCLE = (0.0, 2 * PI)
_POSITIVE = (0.5, 2.0)
_LENGTH = (1.0, 3.0)

FEYNMAN = tuple(
    Problem("table 2", *row)
    for row in (
        ("I.6.2", gauss, (_LENGTH, _LENGTH), [2, 2, 1, 1], 2.86e-5),
        ("I.6.2b", lambda x, m, s: gauss(x - m, s), (_LENGTH,) * 3, [3, 2, 2, 1, 1], 4.45e-4),
        (
            "I.9.18",
            lambda a, b, c, d, e, f: a / ((b - 1) ** 2 + (c - d) ** 2 + (e - f) ** 2),
            (_POSITIVE, (0.25, 0.65), (0.75, 1.3), (0.25, 0.65), (0.75, 1.3), (0.25, 0.65)),
            [6, 4, 2, 1, 1],
            1.48e-3,
        ),
        ("I.12.11", lambda a, t: 1 + a * np.sin(t), (_POSITIVE, _CIRCLE), [2, 2, 1], 9.13e-4),
        ("I.13.12", lambda a, b: a * (1 / b - 1), (_POSITIVE, _POSITIVE), [2, 2, 1], 2.72e-3),
        ("I.15.3x", lambda a, b: (1 - a) / np.sqrt(1 - b**2), cube(2, 0.1, 0.9), [2, 2, 1, 1, 1], 1.14e-3),
        ("I.16.6", lambda a, b: (a + b) / (1 + a * b), cube(2, 0.1, 0.9), [2, 2, 2, 2, 2, 1], 1.06e-3),
        ("I.18.4", lambda a, b: (1 + a * b) / (1 + a), (_POSITIVE, _POSITIVE), [2, 2, 1], 1.50e-4),
        ("I.26.2", lambda n, t: np.arcsin(n * np.sin(t)), ((0.1, 0.9), _CIRCLE), [2, 2, 2, 1, 1], 1.22e-4),
        ("I.27.6", lambda a, b: 1 / (1 + a * b), (_POSITIVE, _POSITIVE), [2, 1, 1], 1.94e-4),
        (
            "I.29.16",
            lambda a, s, t: np.sqrt(1 + a**2 - 2 * a * np.cos(s - t)),
            ((0.1, 0.9), _CIRCLE, _CIRCLE),
            [3, 2, 3, 1],
            3.20e-3,
        ),
        (
            "I.30.3",
            lambda n, t: np.sin(n * t / 2) ** 2 / np.sin(t / 2) ** 2,
            (_LENGTH, (0.4 * PI, 1.6 * PI)),
            [2, 4, 3, 1],
            1.03e-3,
        ),
        ("I.30.5", lambda a, n: np.arcsin(a / n), ((0.1, 1.0), (1.1, 2.0)), [2, 1, 1, 1, 1, 1], 3.49e-5),
        ("I.37.4", lambda a, d: 1 + a + 2 * np.sqrt(a) * np.cos(d), (_POSITIVE, _CIRCLE), [2, 2, 1], 4.91e-6),
        ("I.40.1", lambda n, a: n * np.exp(-a), (_POSITIVE, _POSITIVE), [2, 2, 1, 1, 1, 2, 1], 3.12e-4),
        ("I.44.4", lambda n, a: n * np.log(a), (_POSITIVE, _POSITIVE), [2, 2, 1], 2.30e-5),
        ("I.50.26", lambda a, b: np.cos(a) + b * np.cos(a) ** 2, (_CIRCLE, _POSITIVE), [2, 2, 3, 1], 1.52e-4),
        ("II.2.42", lambda a, b: (a - 1) * b, (_POSITIVE, _POSITIVE), [2, 2, 2, 1], 7.22e-4),
        (
            "II.6.15a",
            lambda a, b, c: c * np.sqrt(a**2 + b**2) / (4 * PI),
            (_POSITIVE,) * 3,
            [3, 2, 2, 2, 1],
            1.35e-3,
        ),
        (
            "II.11.7",
            lambda n, a, t: n * (1 + a * np.cos(t)),
            (_POSITIVE, _POSITIVE, _CIRCLE),
            [3, 3, 3, 2, 2, 1],
            5.03e-3,
        ),
        ("II.11.27", lambda n, a: n * a / (1 - n * a / 3), cube(2, 0.1, 1.0), [2, 2, 1, 2, 1], 1.43e-5),
        ("II.35.18", lambda n, a: n / (np.exp(a) + np.exp(-a)), (_POSITIVE, _POSITIVE), [2, 1, 1, 1], 7.71e-5),
        ("II.36.38", lambda a, b, c: a + b * c, (_POSITIVE,) * 3, [3, 2, 1], 1.15e-3),
        ("II.38.3", lambda a, b: a / b, (_POSITIVE, _POSITIVE), [2, 2, 1, 1, 1], 8.78e-5),
        (
            "III.9.52",
            lambda a, b, c: a * np.sinc((b - c) / (2 * PI)) ** 2,
            (_POSITIVE, (1.0, 5.0), (1.0, 5.0)),
            [3, 3, 2, 1, 1, 1],
            3.90e-3,
        ),
        ("III.10.19", lambda a, b: np.sqrt(1 + a**2 + b**2), (_POSITIVE, _POSITIVE), [2, 1, 2, 1], 8.16e-4),
        (
            "III.17.37",
            lambda b, a, t: b * (1 + a * np.cos(t)),
            (_POSITIVE, _POSITIVE, _CIRCLE),
            [3, 3, 1],
            4.12e-4,
        ),
    )
)

PROBLEMS = (*TUTORIALS, *TOYS, *SPECIAL, *FEYNMAN)
