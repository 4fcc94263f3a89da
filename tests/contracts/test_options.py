"""Options of public methods arrive where they count: values unlike the defaults, seen one level below."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
import torch

from kan import KAN
from kan.experiment import runner1
from kan.MLP import MLP


@pytest.fixture
def dataset() -> dict[str, torch.Tensor]:
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = x[:, [0]] ** 2 + x[:, [1]]
    return {"train_input": x, "train_label": y, "test_input": x[:20], "test_label": y[:20]}


def test_options_of_pictures_reach_what_draws_them(dataset: Any) -> None:
    model = KAN(width=[2, 1], auto_save=False)
    model.get_act(dataset)
    seen = {"beta": 0.7, "sample": True}
    drawn = {"scale": 0.9, "tick": True, "varscale": 0.4, "out_vars_offset": 0.2, "title": "title", "sample": True}
    above, below = "kan.plotting.network_picture.picture_of", "kan.plotting.diagram.draw_diagram"
    with patch(above) as picture_of, patch(below) as draw_diagram:
        model.plot(**{**seen, **drawn})
    assert {name: picture_of.call_args.kwargs[name] for name in seen} == seen
    assert {name: draw_diagram.call_args.kwargs[name] for name in drawn} == drawn


@pytest.mark.parametrize(("metric", "measured"), [("w", "w"), ("act", "wa_forward"), ("fa", "wa_backward")])
def test_the_picture_of_a_perceptron_shows_what_was_asked_for(metric: str, measured: str) -> None:
    model = MLP(width=[2, 3, 1], seed=0)
    model(torch.rand(20, 2))
    with patch("kan.plotting.weights.draw_weights") as draw_weights:
        model.plot(metric=metric, beta=0.5, scale=0.8)
    (weights,), options = draw_weights.call_args
    assert options == {"beta": 0.5, "scale": 0.8}
    for drawn, wanted in zip(weights, getattr(model, measured)):
        torch.testing.assert_close(torch.tensor(drawn), wanted.detach().double())


@pytest.mark.parametrize("name", ["lamb_l1", "lamb_entropy"])
def test_each_penalty_of_a_perceptron_has_its_weight(dataset: Any, name: str) -> None:
    without = {"lamb_l1": 0.0, "lamb_entropy": 0.0}

    def reg(**weights: float) -> float:
        options = {**without, **weights}
        return float(
            MLP(width=[2, 3, 1], seed=0).fit(dataset, steps=1, lamb=1e-9, progress=False, **options)["reg"][-1]
        )

    assert reg() == 0
    assert reg(**{name: 2.0}) == pytest.approx(2 * reg(**{name: 1.0}), rel=1e-3)
    assert reg(**{name: 1.0}) > 0


def test_the_mask_of_an_edge_can_be_any_number() -> None:
    model = KAN(width=[2, 1], auto_save=False)
    model.set_mode(0, 1, 0, "sn", 0.25)
    assert model.act_fun[0].mask[:, 0].tolist() == [1.0, 0.25]


def test_thresholds_of_a_whole_run_are_those_of_pruning(dataset: Any) -> None:
    options = {"grids": [3], "steps": 1, "prune_round": 1, "refine_round": 0, "progress": False}
    with patch.object(KAN, "prune", autospec=True, side_effect=KAN.prune) as prune:
        runner1([2, 2, 1], dataset, edge_th=1e-6, node_th=1e-7, **options)
    assert prune.call_args.kwargs == {"edge_th": 1e-6, "node_th": 1e-7}
