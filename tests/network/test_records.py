"""Recorded values stay while the model does, take what is put in, and follow every change."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.MLP import MLP

NAMES = (
    *("acts", "acts_premult", "spline_preacts", "spline_postacts", "spline_postsplines", "acts_scale"),
    *("acts_scale_spline", "edge_actscale", "subnode_actscale", "node_scores", "edge_scores", "subnode_scores"),
    "node_attribute_scores",
)


def made() -> KAN:
    model = KAN(width=[2, 3, 1], seed=0, auto_save=False)
    model(torch.linspace(-1, 1, steps=40).reshape(20, 2))
    return model


def step(model: KAN) -> None:
    with torch.no_grad():
        model.act_fun[0].coef.add_(0.1)


def symbolic(model: KAN) -> None:
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)


CHANGES: dict[str, Any] = {
    "a pass": lambda model: model(torch.rand(20, 2)),
    "a step": step,
    "a mask": lambda model: model.remove_edge(0, 0, 0),
    "other memory": lambda model: setattr(model.act_fun[0].coef, "data", 2 * model.act_fun[0].coef.data),
    "a function": symbolic,
    "data": lambda model: model.cache_data.mul_(0.5),
    "an assigned input": lambda model: setattr(model, "cache_data", torch.rand(20, 2)),
    "chosen data": lambda model: model.get_act(torch.rand(20, 2)),
    "a base function": lambda model: setattr(model.act_fun[0], "base_fun", torch.nn.Tanh()),
    "a fit": lambda model: model.fit(
        {"train_input": torch.rand(9, 2), "train_label": torch.rand(9, 1)}, steps=1, progress=False
    ),
}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "spline_preacts"])  # views of the nodes
def test_the_same_objects_come_back_with_what_was_written_into_them(name: str) -> None:
    model = made()
    first = getattr(model, name)
    first[0].data[:] = 7
    assert getattr(model, name) is first
    assert bool((getattr(model, name)[0] == 7).all())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["acts", "spline_postacts", "edge_actscale", "edge_scores"])
def test_every_change_is_followed(name: str, change: str) -> None:
    model = made()
    before = getattr(model, name)
    CHANGES[change](model)
    after = getattr(model, name)
    assert after is not before
    fresh = copy.deepcopy(model)
    for value, expected in zip(after, getattr(fresh, name)):
        torch.testing.assert_close(value, expected)


def test_grids_that_move_twice_are_followed() -> None:
    model, x = made(), torch.rand(20, 2)
    before = model.spline_postsplines
    for _ in range(2):
        model.act_fun[0].grid.data = model.act_fun[0].grid.data + 0.3
    assert not torch.equal(model.spline_postsplines[0], before[0])
    assert model(x).shape == (20, 1)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_put_in_stays_until_the_next_pass(name: str) -> None:
    model = made()
    held = getattr(model, name)
    setattr(model, name, None)
    assert getattr(model, name) is None
    setattr(model, name, held)
    assert getattr(model, name) is held
    model(torch.rand(20, 2))
    assert getattr(model, name) is not held


def test_a_forward_of_a_users_own_may_collect_activations() -> None:
    class Own(KAN):
        def forward(self, x: Any, *_: Any) -> Tensor:
            self.cache_data, self.acts = x, []
            self.acts.append(x)
            return 2 * x

    model = Own(width=[2, 1], auto_save=False)
    for _ in range(2):
        model(torch.rand(5, 2))
        assert len(model.acts) == 1


def test_a_pass_drops_what_was_kept() -> None:
    model = made()
    assert model.spline_postacts[0].shape == (20, 3, 2)
    model(torch.rand(20, 2))
    assert not model._recorded._values
    assert not model._recorded._seen


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), KAN.copy])
def test_copies_are_empty(copied: Any) -> None:
    model = made()
    model.acts = model.acts_scale = []
    twin = copied(model)
    assert len(twin.acts) == 3
    assert len(twin.acts_scale) == 2


@pytest.mark.parametrize("name", ["edge_actscale", "acts_scale_spline", "edge_scores", "node_attribute_scores"])
def test_penalties_of_a_users_own_have_a_gradient(name: str) -> None:
    model = made()
    with torch.no_grad():
        assert not getattr(model, name)[0].requires_grad
    sum(scale.sum() for scale in getattr(model, name)).backward()
    assert float(model.act_fun[0].coef.grad.abs().max()) > 0
    assert not model.acts_scale[0].requires_grad


def test_scores_asked_for_again_can_be_differentiated_again() -> None:
    model, gradients = made(), []
    for _ in range(2):
        model.attribute()
        gradients.append(torch.autograd.grad(model.node_scores[0].sum(), model.act_fun[0].coef)[0])
    assert torch.equal(*gradients)


def test_what_was_read_in_inference_mode_does_not_spoil_later_gradients() -> None:
    model = made()
    with torch.inference_mode():
        model(torch.rand(20, 2))
        assert model.acts[1].is_inference()
    assert not model.acts[1].is_inference()


def test_perceptrons_keep_theirs_too() -> None:
    model = MLP(width=[2, 3, 1], seed=0)
    model(torch.rand(10, 2))
    first = model.acts
    assert model.acts is first
    model.linears[0].weight.data = 2 * model.linears[0].weight.data
    assert model.acts is not first
    model.node_scores = None
    assert model.node_scores is None
