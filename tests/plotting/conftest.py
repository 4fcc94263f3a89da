"""What the tests of pictures share: figures that are closed, and pictures to draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from kan.plotting.picture import DiagramPicture, EdgePicture, LayerPicture


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def make_picture() -> Callable[..., DiagramPicture]:
    """Give a function that makes a network's picture, like KAN(width, mult_arity), with random smooth curves."""

    def make(width: list[Any], arity: Any = 2, *, kinds: tuple[str, ...] = ("spline",)) -> DiagramPicture:
        rng = np.random.default_rng(0)
        rows = [(entry, 0) if isinstance(entry, int) else tuple(entry) for entry in width]
        layers = []
        for depth, (lower, upper) in enumerate(zip(rows, rows[1:])):
            arities = [arity] * upper[1] if isinstance(arity, int) else arity[depth + 1]
            n_in, n_sub = sum(lower), upper[0] + sum(arities)
            edges = {}
            for i in range(n_in):
                for j in range(n_sub):
                    x = np.sort(rng.uniform(-1, 1, 30))
                    kind = kinds[(i * n_sub + j) % len(kinds)]
                    edges[i, j] = EdgePicture(x, np.sin(3 * x + rng.uniform(0, 6)), rng.uniform(0.1, 1), kind)
            layers.append(LayerPicture(edges, n_in=n_in, n_sum=upper[0], arities=arities))
        return DiagramPicture(layers)

    return make
