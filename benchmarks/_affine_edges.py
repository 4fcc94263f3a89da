"""The edges that affine.py fits: pre-activations x of several distributions, and curves y over them, with noise or not.

Curves are of three kinds: functions of the library with random a, b, c and d; curves of splines, as edges in training
have; functions that are not in the library. Some edges are noise and nothing else. Only numpy's seeded generator is
used, so that the edges are the same wherever they are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np

Array = np.ndarray

NOISE = (0.0, 1e-3, 1e-1)
"""Standard deviations of the noise, relative to that of the curve."""


@dataclass(frozen=True)
class Edge:
    """Samples of one edge, x and y of shape (N,)."""

    name: str
    x: Array
    y: Array
    is_signal: bool = True


def _uniform(generator: np.random.Generator) -> Array:
    return generator.uniform(-1, 1, 600)


def _normal(generator: np.random.Generator) -> Array:
    return generator.normal(0, 1, 150)


def _clustered(generator: np.random.Generator) -> Array:
    """Three narrow clusters and a few samples between them."""
    centres = generator.choice([-1.3, 0.2, 2.1], 130)
    return np.concatenate([centres + 0.05 * generator.normal(size=130), generator.uniform(-2, 2.5, 20)])


def _few(generator: np.random.Generator) -> Array:
    return generator.uniform(-2, 1, 25)


def _shifted(generator: np.random.Generator) -> Array:
    return generator.uniform(0.1, 4, 150)


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator], Array]] = {
    "uniform": _uniform,
    "normal": _normal,
    "clustered": _clustered,
    "few": _few,
    "shifted": _shifted,
}

# Those in (0, inf) are given a and b that keep their argument positive, those in (-1, 1) likewise.
_WHOLE_LINE: dict[str, Callable[[Array], Array]] = {
    "x^2": lambda u: u**2,
    "x^3": lambda u: u**3,
    "x^4": lambda u: u**4,
    "x^5": lambda u: u**5,
    "1/x": lambda u: 1 / u,
    "1/x^2": lambda u: 1 / u**2,
    "1/x^3": lambda u: 1 / u**3,
    "1/x^4": lambda u: 1 / u**4,
    "1/x^5": lambda u: 1 / u**5,
    "exp": np.exp,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "sgn": np.sign,
    "arctan": np.arctan,
    "gaussian": lambda u: np.exp(-(u**2)),
}
_POSITIVE: dict[str, Callable[[Array], Array]] = {
    "sqrt": np.sqrt,
    "x^1.5": lambda u: u**1.5,
    "1/sqrt(x)": lambda u: u**-0.5,
    "log": np.log,
}
_BETWEEN_ONES: dict[str, Callable[[Array], Array]] = {
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctanh": np.arctanh,
}
_OUTSIDE: dict[str, Callable[[Array], Array]] = {
    "silu": lambda x: x / (1 + np.exp(-3 * x)),
    "softplus": lambda x: np.log1p(np.exp(4 * x)),
    "relu": lambda x: np.maximum(x - 0.2, 0),
    "sinc": lambda x: np.sinc(2 * x),
    "x sin": lambda x: x * np.sin(5 * x),
    "chirp": lambda x: np.sin(3 * x**2 + x),
    "fast wave": lambda x: np.cos(2 * x) + 0.2 * np.sin(37 * x + 1),
    "two steps": lambda x: np.tanh(8 * (x - 0.5)) + np.tanh(8 * (x + 0.4)),
    "cubic": lambda x: x**3 - x,
    "peak on a slope": lambda x: np.exp(-20 * (x - 0.3) ** 2) + x,
}


def edges(seed: int = 0) -> Iterator[Edge]:
    """Make all edges; each name says distribution, curve and noise."""
    generator = np.random.default_rng(seed)
    distributions, noise = cycle(DISTRIBUTIONS), cycle(NOISE)
    curves = {**_WHOLE_LINE, **_POSITIVE, **_BETWEEN_ONES}
    for name, curve in curves.items():
        for _ in NOISE:
            place = next(distributions)
            x = DISTRIBUTIONS[place](generator)
            y = generator.uniform(-3, 3) * curve(_argument(name, x, generator)) + generator.normal()
            yield _noisy(f"{place}, {name}", x, y, next(noise), generator)
        next(noise), next(distributions)
    for name, curve in _OUTSIDE.items():
        for _ in range(2):
            place = next(distributions)
            x = DISTRIBUTIONS[place](generator)
            yield _noisy(f"{place}, {name}", x, curve(x), next(noise), generator)
    for intervals in (3, 5, 10, 20):
        for place, draw in DISTRIBUTIONS.items():
            x = draw(generator)
            yield _noisy(f"{place}, spline of {intervals}", x, _spline(x, intervals, generator), 0.0, generator)
    for place, draw in DISTRIBUTIONS.items():
        x = draw(generator)
        yield Edge(f"{place}, noise alone", x, generator.normal(size=x.shape), is_signal=False)


def large_edges(count: int, samples: int, seed: int = 1) -> Iterator[Edge]:
    """Make the edges that are timed: curves of splines over uniform samples in [-1, 1]."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        x = generator.uniform(-1, 1, samples)
        yield Edge("timed", x, _spline(x, 5, generator))


def _argument(name: str, x: Array, generator: np.random.Generator) -> Array:
    """Return a*x + b with random a and b for which the function is defined on all of x."""
    if name in _WHOLE_LINE:
        return generator.uniform(-4, 4) * x + generator.uniform(-3, 3)
    gap = generator.uniform(0.02, 1)
    if name in _POSITIVE:
        sign = generator.choice([-1.0, 1.0])
        return generator.uniform(0.3, 3) * (sign * x - (sign * x).min() + gap)
    return (x - (x.max() + x.min()) / 2) / (x.max() - x.min()) * (2 - gap)


def _noisy(name: str, x: Array, y: Array, level: float, generator: np.random.Generator) -> Edge:
    noise = generator.normal(size=y.shape) * y.std()
    return Edge(f"{name}, noise {level:g}", x, y + level * noise)


def _spline(x: Array, intervals: int, generator: np.random.Generator) -> Array:
    """Return SiLU plus a cubic B-spline with random coefficients on even knots over the range of x."""
    coefficients = generator.normal(size=intervals + 3)
    place = (x - x.min()) / (x.max() - x.min()) * intervals
    columns = [_cubic(place - centre) for centre in range(-1, intervals + 2)]
    return x / (1 + np.exp(-x)) + np.stack(columns, 1) @ coefficients


def _cubic(u: Array) -> Array:
    """Return the cardinal cubic B-spline, which lives on [-2, 2]."""
    size = np.abs(u)
    inner, outer = 2 / 3 - size**2 + size**3 / 2, np.clip(2 - size, 0, None) ** 3 / 6
    return np.where(size < 1, inner, outer)
