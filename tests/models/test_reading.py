"""What users read from a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.common.errors import ArgumentError, StateError

ATTRIBUTES = (
    *("acts", "acts_premult", "spline_preacts", "spline_postacts", "spline_postsplines", "acts_scale"),
    *("acts_scale_spline", "edge_actscale", "subnode_actscale", "edge_scores", "node_scores", "subnode_scores"),
    *("feature_score", "node_attribute_scores"),
)


@pytest.mark.parametrize("name", ["sum_only", "partly_symbolic"])
def test_scales_and_scores_are_those_of_pykan(pykan_data: Path, name: str) -> None:
    expected = torch.load(pykan_data / "pykan_penalties.pt", weights_only=True)[name]
    model = KAN.loadckpt(str(pykan_data / name))
    model.get_act(expected["x"])
    for attribute in ATTRIBUTES[5:]:
        ours, theirs = getattr(model, attribute), expected[attribute]
        ours, theirs = ([ours], [theirs]) if isinstance(ours, Tensor) else (ours, theirs)
        assert len(ours) == len(theirs), attribute
        for mine, reference in zip(ours, theirs):
            torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["sum_only", "partly_symbolic"])
def test_gradients_of_scores_are_those_of_pykan(pykan_data: Path, name: str) -> None:
    expected = torch.load(pykan_data / "pykan_penalties.pt", weights_only=True)[name]
    model = KAN.loadckpt(str(pykan_data / name))
    for attribute, gradients in expected["gradients"].items():
        model.get_act(expected["x"])
        values = getattr(model, attribute)
        total = sum(entry.square().sum() for entry in ([values] if isinstance(values, Tensor) else values))
        ours = torch.autograd.grad(total, [layer.coef for layer in model.act_fun])
        for mine, reference in zip(ours, gradients):
            torch.testing.assert_close(mine, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attribute", ATTRIBUTES[:9])
def test_before_any_data_there_are_no_activations(attribute: str) -> None:
    assert getattr(KAN(width=[2, 1]), attribute) is None


@pytest.mark.parametrize("attribute", ATTRIBUTES[9:])
def test_scores_need_data(attribute: str) -> None:
    with pytest.raises(StateError, match="has not seen any data"):
        getattr(KAN(width=[2, 1]), attribute)


def test_shapes_with_products(x: Tensor) -> None:
    model = KAN(width=[2, [2, 1], 1], mult_arity=3, seed=0)
    model(x)
    assert [tuple(entry.shape) for entry in model.acts] == [(50, 2), (50, 3), (50, 1)]
    assert [tuple(entry.shape) for entry in model.acts_premult] == [(50, 5), (50, 1)]
    for attribute in ("spline_preacts", "spline_postacts", "spline_postsplines"):
        assert [tuple(entry.shape) for entry in getattr(model, attribute)] == [(50, 5, 2), (50, 1, 3)]
    for attribute in ("acts_scale", "acts_scale_spline", "edge_actscale", "edge_scores"):
        assert [tuple(entry.shape) for entry in getattr(model, attribute)] == [(5, 2), (1, 3)]
    assert [tuple(entry.shape) for entry in model.subnode_scores] == [(5,), (1,)]
    assert [tuple(entry.shape) for entry in model.node_scores] == [(2,), (3,), (1,)]


def test_sums_of_edges_are_nodes(make: Any, x: Tensor) -> None:
    model = make((2, 3, 1))
    assert torch.allclose(model.spline_postacts[0].sum(dim=2), model.acts[1], atol=1e-5)
    assert torch.allclose(model.acts[-1], model(x), atol=1e-5)


def test_activations_and_scores_are_of_the_last_input_and_pruning_of_the_chosen_data(make: Any, x: Tensor) -> None:
    model = make()
    chosen, scores = model.reference_data(), model.edge_scores
    model(x[:3] * 0.1)
    assert model.acts[0].shape == (3, 2)
    assert not any(torch.equal(one, other) for one, other in zip(model.edge_scores[:-1], scores))
    assert not torch.equal(model.feature_score, make().feature_score)
    assert torch.equal(model.reference_data(), chosen)
    model.get_act()
    assert torch.equal(model.reference_data(), x[:3] * 0.1)


def test_what_is_drawn_has_no_graph(make: Any) -> None:
    model = make()
    for attribute in (*ATTRIBUTES[:6], "subnode_actscale"):
        assert not any(entry.requires_grad for entry in getattr(model, attribute))


def test_a_penalty_on_the_scores_of_inputs_makes_them_small(make: Any, x: Tensor) -> None:
    models = [make((2, 3, 1)) for _ in range(2)]
    for model, weight in zip(models, (0.0, 0.1)):
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(30):
            optimiser.zero_grad()
            loss = (model(x) - x[:, :1]).square().mean() + weight * model.feature_score[1]
            loss.backward()
            optimiser.step()
    assert models[1].feature_score[1].item() < 0.5 * models[0].feature_score[1].item()


def test_attribute_gives_the_scores_of_the_inputs_for_nodes(make: Any) -> None:
    model = make()
    assert model.attribute() is None
    assert model.attribute(1).shape == (3, 2)
    assert torch.equal(model.attribute(1), model.node_attribute()[0])
    assert torch.equal(model.attribute(1, 2, plot=False), model.attribute(1)[2])
    assert plt.get_fignums() == []
    ones = torch.ones(3)
    assert torch.allclose(model.attribute(1, out_score=2 * ones), 2 * model.attribute(1, out_score=ones))


def test_attribute_of_one_node_draws_bars(make: Any) -> None:
    model = make()
    scores = model.attribute(1, 0)
    heights = [bar.get_height() for bar in plt.gcf().axes[0].patches]
    plt.close("all")
    assert heights == pytest.approx(scores.tolist())


def test_the_range_of_an_edge(make: Any, x: Tensor, capsys: Any) -> None:
    model = make()
    capsys.readouterr()
    bounds = model.get_range(0, 1, 2)
    values = model.spline_postacts[0][:, 2, 1]
    expected = [x[:, 1].min(), x[:, 1].max(), values.min(), values.max()]
    assert [float(entry) for entry in bounds] == pytest.approx([float(entry) for entry in expected], abs=1e-6)
    assert capsys.readouterr().out.splitlines() == [
        f"x range: [{bounds[0]:.2f}, {bounds[1]:.2f}]",
        f"y range: [{bounds[2]:.2f}, {bounds[3]:.2f}]",
    ]
    model.get_range(0, 1, 2, verbose=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("edge", [(2, 0, 0), (0, 2, 0), (0, 0, 3)])
def test_an_edge_that_is_not_there_is_refused(make: Any, edge: tuple[int, int, int]) -> None:
    with pytest.raises(ArgumentError, match=r"must be one of 0 … \d"):
        make().get_range(*edge, verbose=False)


def test_interactions_are_counted_by_the_scores_of_a_layer(make: Any) -> None:
    model = make()
    model.remove_edge(0, 0, 1)
    model.remove_edge(0, 1, 2)
    assert model.feature_interaction(1) == {(0, 1): 1, (1,): 1, (0,): 1}
    assert model.feature_interaction(-1, neuron_th=1e9) == {}
    assert sorted(model.feature_interaction(1, feature_th=0.99)) == [(0,), (1,)]


@pytest.mark.parametrize(
    "call", [lambda m: m.feature_interaction(3), lambda m: m.attribute(3), lambda m: m.attribute(1, 3)]
)
def test_layers_and_nodes_that_are_not_there(make: Any, call: Any) -> None:
    with pytest.raises(ArgumentError, match=r"must be one of 0 … 2"):
        call(make())


NAMES_OF_SCORES = [f"{kind}_scores{which}" for kind in ("node", "subnode", "edge") for which in ("", "_all")]


def test_scores_of_each_output_average_to_the_scores(x: Tensor) -> None:
    model = KAN(width=[2, [2, 1], 3], seed=0, auto_save=False)
    model(x)
    shapes = [tuple(entry.shape) for entry in model.edge_scores_all]
    assert shapes == [(3, 4, 2), (3, 3, 3)]
    for name in NAMES_OF_SCORES[::2]:
        for score, of_each in zip(getattr(model, name), getattr(model, f"{name}_all")):
            torch.testing.assert_close(score, of_each.mean(dim=0))


@pytest.mark.parametrize("name", NAMES_OF_SCORES)
def test_outputs_can_be_weighted(x: Tensor, name: str) -> None:
    model = KAN(width=[2, 2, 2], seed=0, auto_save=False)
    model(x)
    plain, of_each = getattr(model, name), getattr(model, name.removesuffix("_all") + "_all")
    model.attribute(out_score=torch.tensor([3.0, 0.0]))
    for weighted, every in zip(getattr(model, name), of_each):
        expected = every * torch.tensor([3.0, 0.0]).view(-1, *[1] * (every.ndim - 1))
        torch.testing.assert_close(weighted, expected if name.endswith("_all") else expected.mean(dim=0))
    model.attribute(out_score=[0.5, 0.5])  # numbers of any kind
    with pytest.raises(ArgumentError, match="one weight for each of 2 nodes"):
        model.attribute(out_score=torch.ones(3))
    for halved, before in zip(getattr(model, name), plain):
        torch.testing.assert_close(halved, 0.5 * before)
    model.attribute()
    for again, before in zip(getattr(model, name), plain):
        torch.testing.assert_close(again, before)
