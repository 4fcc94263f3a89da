from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kan.plotting.diagram import draw_diagram
from kan.plotting.network_picture import REMOVED_OPACITY, picture_of


class _Network:
    """A network of 2 inputs, one sum and one product of two, and one output; every edge is (i + j + 1) * sin."""

    depth = 2
    width = ([2, 0], [1, 1], [1, 0])
    width_in = (2, 2, 1)
    width_out = (2, 3, 1)

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        shapes = [(2, 3), (2, 1)]
        self.dtype = dtype
        self.act_fun = [SimpleNamespace(mask=torch.ones(shape)) for shape in shapes]
        self.symbolic_fun = [SimpleNamespace(mask=torch.zeros(shape[::-1])) for shape in shapes]
        self.scores = [torch.ones(shape[::-1]) for shape in shapes]
        self.rows_seen = 0

    def arities(self, row: int) -> list[int]:
        return [[], [2], []][row]

    def trace(self, x: torch.Tensor) -> SimpleNamespace:
        self.rows_seen = len(x)
        layers = []
        for n_sub in (3, 1):
            factors = torch.arange(n_sub)[:, None] + torch.arange(2) + 1.0
            postacts = (factors * torch.sin(x)[:, None, :]).to(self.dtype)  # (N, O, I)
            values = {"postacts": postacts, "unmasked": -postacts}
            layers.append(
                SimpleNamespace(
                    preacts=x.to(self.dtype), **{name: lambda kept=kept: kept for name, kept in values.items()}
                )
            )
        return SimpleNamespace(layers=layers)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(5000, 2, generator=torch.Generator().manual_seed(0)) * 6 - 3


def test_the_curves_are_the_edges_functions_sorted_by_x(x):
    network = _Network()
    picture = picture_of(network, x, beta=3.0, scores=network.scores)
    for layer in picture.layers:
        for i, j, edge in layer.drawn_edges():
            assert (np.diff(edge.x) >= 0).all()
            assert edge.y == pytest.approx((i + j + 1) * np.sin(edge.x), abs=1e-5)


def test_the_shape_is_the_networks(x):
    network = _Network()
    first, last = picture_of(network, x, beta=3.0, scores=network.scores).layers
    assert (first.n_in, first.n_sum, list(first.arities), first.n_sub) == (2, 1, [2], 3)
    assert (last.n_in, last.n_sum, list(last.arities)) == (2, 1, [])


def test_opacity_is_tanh_of_beta_times_the_score(x):
    network = _Network()
    network.scores[0][2, 1] = 0.1
    network.scores[0][0, 0] = float("nan")
    first = picture_of(network, x, beta=3.0, scores=network.scores).layers[0]
    assert first.edge(1, 2).alpha == pytest.approx(np.tanh(0.3))
    assert first.edge(0, 1).alpha == pytest.approx(np.tanh(3.0))
    assert first.edge(0, 0).alpha == 0.0


def test_masks_decide_the_kind(x):
    network = _Network()
    spline, symbolic = network.act_fun[0].mask, network.symbolic_fun[0].mask
    spline[0, 1] = 0.0
    symbolic[1, 0] = 1.0
    symbolic[2, 0] = 1.0
    spline[1, 0] = 0.0
    first = picture_of(network, x, beta=3.0, scores=network.scores).layers[0]
    assert [first.edge(0, j).kind for j in range(3)] == ["spline", "symbolic", "both"]
    assert first.edge(1, 0).kind == "none"


def test_removed_edges_are_drawn_faintly_on_request(x):
    network = _Network()
    network.act_fun[0].mask[1, 0] = 0.0
    network.scores[0][0, 1] = 0.0
    shown = picture_of(network, x, beta=3.0, scores=network.scores, hide_removed=False).layers[0]
    removed, other = shown.edge(1, 0), shown.edge(0, 0)
    assert (removed.kind, removed.alpha) == ("spline", REMOVED_OPACITY)
    assert removed.y == pytest.approx(-2 * np.sin(removed.x), abs=1e-5)
    assert other.y == pytest.approx(np.sin(other.x), abs=1e-5)


def test_many_samples_are_thinned_but_their_range_is_kept(x):
    network = _Network()
    edge = picture_of(network, x, beta=3.0, scores=network.scores).layers[0].edge(0, 0)
    assert network.rows_seen <= 1004
    assert 100 <= len(edge.x) <= 200
    assert edge.x[[0, -1]] == pytest.approx([x[:, 0].min().item(), x[:, 0].max().item()])
    # Dense enough for the eye: no gap of more than a fiftieth of the box.
    assert np.diff(edge.x).max() < np.ptp(edge.x) / 50


def test_marked_samples_are_kept(x):
    network = _Network()
    edge = picture_of(network, x[:700], beta=3.0, scores=network.scores, sample=True).layers[0].edge(0, 0)
    assert len(edge.x) == 700


def test_one_sample_and_half_precision_are_drawn(x):
    network = _Network(torch.bfloat16)
    picture = picture_of(network, x[:1], beta=3.0, scores=network.scores)
    assert draw_diagram(picture, show_in_pyplot=False).axes


def test_the_networks_tensors_stay_as_they_were(x):
    network, before = _Network(), x.clone()
    picture_of(network, x, beta=3.0, scores=network.scores)
    assert torch.equal(x, before)
    assert all(bool((score == 1).all()) for score in network.scores)
