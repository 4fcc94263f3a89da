from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kan.plotting
from kan.common.errors import ArgumentError
from kan.plotting.picture import DiagramPicture, EdgePicture, LayerPicture

X = np.linspace(-1, 1, 5)


def test_subnodes_of_products_belong_to_the_nodes_after_the_sums():
    layer = LayerPicture({}, n_in=2, n_sum=1, arities=[2, 3])
    assert (layer.n_sub, layer.n_out, layer.owners()) == (6, 3, [0, 1, 1, 2, 2, 2])


def test_edges_that_are_removed_or_missing_are_not_drawn():
    edge, removed = EdgePicture(X, X), EdgePicture(X, X, 0.0, "none")
    assert list(LayerPicture({(0, 0): removed, (0, 1): edge}, n_in=1, n_sum=2).drawn_edges()) == [(0, 1, edge)]
    assert list(LayerPicture({(0, 1): edge}, n_in=1, n_sum=2).drawn_edges()) == [(0, 1, edge)]


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match=r"n_in=3.*got 2"):
        DiagramPicture([LayerPicture({}, n_in=1, n_sum=3), LayerPicture({}, n_in=2, n_sum=1)])


@pytest.mark.parametrize(
    "arguments",
    [(X, X, 1.5), (X, X, float("nan")), (X, X, 1.0, "spline?"), (X, X[:3]), (X[None], X[None])],
)
def test_impossible_edges_are_refused(arguments):
    with pytest.raises(ArgumentError):
        EdgePicture(*arguments)


def test_impossible_layers_are_refused():
    with pytest.raises(ArgumentError, match="at least 1"):
        LayerPicture({}, n_in=1, n_sum=1, arities=[0])
    with pytest.raises(ArgumentError, match="at least one layer"):
        DiagramPicture([])


def test_importing_does_not_load_matplotlib():
    root = Path(kan.plotting.__file__).parent
    # `notebook` is a subclass of matplotlib's Figure, and is imported when a diagram is drawn.
    names = [file.stem for file in root.glob("[a-z]*.py") if file.stem != "notebook"]
    modules = ["kan.plotting", *(f"kan.plotting.{name}" for name in names)]
    code = f"import sys, {', '.join(modules)}; assert not {{'matplotlib', 'sklearn'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root.parents[1])
