"""Scores, against pykan's and against a path-by-path computation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kan.attribution import attribute, node_attributes, scores_from_trace
from kan.checkpoints import load_checkpoint
from kan.common.errors import ArgumentError, StateError
from kan.network import Network

DATA = Path(__file__).resolve().parent.parent / "data"
FLOOR = 1e-4


@pytest.fixture(params=["sum_only", "partly_symbolic"])
def pykan_case(request: pytest.FixtureRequest) -> tuple[Network, dict[str, Any]]:
    scores = torch.load(DATA / "pykan_penalties.pt", weights_only=True)
    return load_checkpoint(DATA / request.param, Network), scores[request.param]


@pytest.fixture
def x() -> Tensor:
    return torch.rand(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def make_network(**options: Any) -> Network:
    network = Network(**{"width": [2, [1, 2], 2], "mult_arity": [[], [2, 3], []], **options}).double()
    for i, j, name in ((0, 1, "sin"), (1, 1, "x^2")):
        network.symbolic_fun[0].set_edge(i, j, name)  # type: ignore[operator]
        network.symbolic_fun[0].mask.data[j, i] = 1  # type: ignore[union-attr, index, operator]
        network.symbolic_fun[0].affine.data[j, i] = torch.tensor([1.5, 0.2, 0.7, -0.3])  # type: ignore[union-attr]
    return network


def same(ours: list[Tensor], theirs: list[Tensor], tolerance: float = 1e-5) -> bool:
    return len(ours) == len(theirs) and all(torch.allclose(*pair, rtol=tolerance) for pair in zip(ours, theirs))


def test_scores_are_pykans(pykan_case: tuple[Network, dict[str, Any]]) -> None:
    network, expected = pykan_case
    scores = attribute(network, expected["x"])
    assert same(scores.edge, expected["edge_scores"])
    assert same(scores.node, expected["node_scores"])
    assert same(scores.subnode, expected["subnode_scores"])
    assert torch.allclose(scores.node[0], expected["feature_score"], rtol=1e-5)


def test_spreads_are_pykans(pykan_case: tuple[Network, dict[str, Any]]) -> None:
    network, expected = pykan_case
    with torch.no_grad():
        layers = network.trace(expected["x"]).layers
    assert same([step.edge_spread() for step in layers], expected["edge_actscale"])
    assert same([step.subnode_spread() for step in layers], expected["subnode_actscale"])


def test_node_attributes_are_pykans(pykan_case: tuple[Network, dict[str, Any]]) -> None:
    network, expected = pykan_case
    with torch.no_grad():
        ours = node_attributes(network, network.trace(expected["x"]))
    assert same(ours, expected["node_attribute_scores"])


def test_scores_sum_over_all_paths_products_included(x: Tensor) -> None:
    network = make_network()
    with torch.no_grad():
        scores = attribute(network, x)
    steps = network.trace(x).layers
    values = [step.postacts().detach() for step in steps]

    def share(layer: int, j: int, i: int) -> float:
        return float(values[layer][:, j, i].std() / (values[layer][:, j].sum(dim=1).std() + FLOOR))

    # Sub-nodes of the hidden layer: one sum, two factors of the first product, three of the second.
    node_of = [0, 1, 1, 2, 2, 2]
    for out in range(2):
        paths = torch.zeros(2)
        for subnode, node in enumerate(node_of):
            for i in range(2):
                paths[i] += share(1, out, node) * share(0, subnode, i)
        assert torch.allclose(scores.node_all[0][out].float(), paths, rtol=1e-5)
        for subnode, node in enumerate(node_of):
            assert float(scores.subnode_all[0][out, subnode]) == pytest.approx(share(1, out, node))
            for i in range(2):
                expected = share(1, out, node) * share(0, subnode, i)
                assert float(scores.edge_all[0][out, subnode, i]) == pytest.approx(expected)


def test_shapes(x: Tensor) -> None:
    scores = attribute(make_network(), x)
    assert [tuple(t.shape) for t in scores.node_all] == [(2, 2), (2, 3), (2, 2)]
    assert [tuple(t.shape) for t in scores.subnode_all] == [(2, 6), (2, 2)]
    assert [tuple(t.shape) for t in scores.edge_all] == [(2, 6, 2), (2, 2, 3)]
    assert [tuple(t.shape) for t in scores.edge] == [(6, 2), (2, 3)]
    assert scores.node[0].dtype == torch.float64


def test_weights_of_the_outputs_count(x: Tensor) -> None:
    network = make_network()
    plain = attribute(network, x)
    weighted = attribute(network, x, out_score=torch.tensor([2.0, 0.0]))
    assert torch.allclose(weighted.node_all[0][0], 2 * plain.node_all[0][0])
    assert not weighted.node_all[0][1].any()


@pytest.mark.parametrize("layer", [1, -2])
def test_hidden_nodes_can_be_asked_for(x: Tensor, layer: int) -> None:
    network = make_network()
    scores = attribute(network, x, layer=layer)
    assert [tuple(t.shape) for t in scores.node_all] == [(3, 2), (3, 3)]
    assert torch.equal(scores.node_all[1], torch.eye(3).double())


def test_a_removed_edge_has_no_score_and_gives_none(x: Tensor) -> None:
    network = make_network()
    network.act_fun[1].mask.data[0] = 0  # type: ignore[union-attr, index, operator]
    scores = attribute(network, x)
    assert not scores.edge[1][:, 0].any()
    assert not scores.subnode[0][0].any()


def test_an_input_that_does_not_vary_has_no_score(x: Tensor) -> None:
    x[:, 1] = 0.3
    scores = attribute(make_network(), x)
    assert scores.node[0][1].item() == pytest.approx(0, abs=1e-6)
    assert scores.node[0][0].item() > 0.5


@pytest.mark.parametrize("layer", [0, 1])
def test_edges_that_are_nan_have_nan_scores(x: Tensor, layer: int) -> None:
    network = make_network()
    network.act_fun[layer].coef.data[0, 0] = torch.nan  # type: ignore[union-attr, index, operator]
    scores = attribute(network, x)
    assert bool(scores.edge[layer][0, 0].isnan())
    assert bool(scores.node[0].isnan().any())


def test_one_sample_gives_finite_scores(x: Tensor) -> None:
    assert all(bool(torch.isfinite(tensor).all()) for tensor in attribute(make_network(), x[:1]).edge)


def test_the_reference_data_are_the_default(x: Tensor) -> None:
    network = make_network()
    network.set_reference(x)
    network(x[:3])
    assert same(attribute(network).edge, attribute(network, x).edge)


def test_without_data_the_remedy_is_named() -> None:
    with pytest.raises(StateError, match="has not seen any data"):
        attribute(make_network())


def test_attributing_changes_nothing(x: Tensor) -> None:
    network = make_network()
    network(x[:3])
    attribute(network, x)
    assert network.cache_data is not None
    assert len(network.cache_data) == 3


@pytest.mark.parametrize("weights", [torch.ones(3), torch.ones(2, 1)])
def test_weights_of_another_shape_are_refused(x: Tensor, weights: Tensor) -> None:
    with pytest.raises(ArgumentError, match="one weight for each of 2 nodes"):
        attribute(make_network(), x, out_score=weights)


def test_scores_are_differentiable(x: Tensor) -> None:
    network = make_network()
    total = scores_from_trace(network, network.trace(x)).node[0].sum()
    total.backward()  # type: ignore[no-untyped-call]
    gradient = network.act_fun[0].coef.grad
    assert isinstance(gradient, Tensor)
    assert bool(gradient.any())
    assert bool(torch.isfinite(gradient).all())


def test_node_attributes_have_a_row_for_every_node(x: Tensor) -> None:
    network = make_network()
    ours = node_attributes(network, network.trace(x))
    assert [tuple(t.shape) for t in ours] == [(3, 2), (2, 2)]
    weights = attribute(network, x).node[1]
    rows = attribute(network, x, layer=1).node_all[0] * weights[:, None]
    assert torch.allclose(ours[0], rows)
