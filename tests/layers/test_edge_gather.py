"""Layers of many intervals, whose weights are gathered: the same numbers, at a cost that does not grow with G."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kan.layers import KANLayer, edge_gather
from kan.layers.edge_blocks import EdgeBlocks
from kan.layers.edge_gather import EdgeGather
from kan.layers.edge_sum import is_gathered, make_features
from kan.layers.edge_tensors import EdgeTensors
from kan.spline import adaptive_knots, extend_knots, uniform_knots

INPUTS, OUTPUTS, SAMPLES = 3, 4, 50


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(degree: int, *, intervals: int = 30) -> EdgeTensors:
    """Return a layer on knots that follow samples, and samples in and outside of the grid."""
    interior = uniform_knots(-1, 1, inputs=INPUTS, intervals=intervals).double()
    knots = extend_knots(
        adaptive_knots(random(500, INPUTS, seed=0), interior, intervals=intervals, eps=0.1), degree=degree
    )
    parameters = (random(INPUTS, OUTPUTS, seed=seed) for seed in (1, 2, 3))
    x = 2 * random(INPUTS, SAMPLES, seed=4)
    return EdgeTensors(x, x.sin(), random(INPUTS, OUTPUTS, intervals + degree, seed=5), *parameters, knots)


@pytest.mark.parametrize("block", [1, 2**20])
@pytest.mark.parametrize("with_variances", [False, True])
@pytest.mark.parametrize("degree", range(6))
def test_gathered_weights_give_what_products_with_all_bases_give(
    degree: int, with_variances: bool, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_gather, "_BLOCK", block)
    tensors = make(degree)
    of_sums = random(OUTPUTS, SAMPLES, seed=6)
    of_variances = random(INPUTS, OUTPUTS, seed=7) if with_variances else None
    gathered, blocks = (kind(tensors, degree=degree) for kind in (EdgeGather, EdgeBlocks))
    torch.testing.assert_close(*(edges.forward(with_variances=with_variances) for edges in (gathered, blocks)))
    for wanted in ((True,) * 6, (False, False, True, True, True, False)):
        found, expected = (edges.backward(of_sums, of_variances, wanted=wanted) for edges in (gathered, blocks))
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("degree", [1, 3])
def test_variances_of_a_known_covariance_are_those_of_the_edges(degree: int) -> None:
    tensors = make(degree)
    features = make_features(tensors.x, tensors.base, tensors.knots, degree=degree)
    kinds = EdgeGather(tensors, degree=degree, covariance=features.covariance), EdgeGather(tensors, degree=degree)
    torch.testing.assert_close(*(edges.forward(with_variances=True) for edges in kinds))
    signals = random(OUTPUTS, SAMPLES, seed=6), random(INPUTS, OUTPUTS, seed=7)
    wanted = (False, False, True, True, True, True)
    torch.testing.assert_close(*(edges.backward(*signals, wanted=wanted) for edges in kinds))


@pytest.mark.parametrize(("intervals", "samples", "is_used"), [(100, 2000, True), (300, 2000, False)])
def test_a_known_covariance_is_used_where_it_is_the_cheaper_way(
    intervals: int, samples: int, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, x = KANLayer(2, 3, num=intervals), random(2, samples, seed=0).float()
    features, seen = layer.features(x), []
    made = EdgeGather.__init__
    monkeypatch.setattr(
        EdgeGather, "__init__", lambda *a, **k: (seen.append(k["covariance"] is not None), made(*a, **k))[1]
    )
    found = layer.edge_sums(x, with_variances=True, features=features)
    assert seen == [is_used]
    monkeypatch.undo()
    expected = layer.edge_sums(x, with_variances=True)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_many_intervals_are_gathered_where_there_is_much_to_do() -> None:
    few, many = (extend_knots(uniform_knots(-1, 1, inputs=2, intervals=count), degree=3) for count in (5, 200))
    assert not is_gathered(torch.zeros(2, 10**6), few)
    assert is_gathered(torch.zeros(2, 10**4), many)
    assert not is_gathered(torch.zeros(2, 10), many)
    assert not is_gathered(torch.zeros(2, 10**4, device="meta"), many.to("meta"))  # only a processor gathers


def test_fewer_intervals_are_many_in_single_precision_and_more_where_features_are_known() -> None:
    def smallest(dtype: torch.dtype, **known: bool) -> int:
        x = torch.zeros(2, 10**6, dtype=dtype)
        return next(count for count in range(1, 200) if is_gathered(x, torch.zeros(2, count), **known))

    single, double = smallest(torch.float32), smallest(torch.float64)
    with_features = smallest(torch.float32, with_features=True)
    assert single < double == with_features
    assert with_features < smallest(torch.float32, with_features=True, with_variances=True)
