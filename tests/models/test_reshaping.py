"""The public methods that expand, perturb and reorder a model; `tests/surgery` tests what they do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.attribution import connection_cost
from kan.common.errors import StateError


def changes(model: KAN) -> list[str]:
    """Return the methods in the history."""
    return [line.split(" => ")[1] for line in model._history.lines() if line.count(" => ") == 2]


def test_a_model_grows_in_depth_and_width(make: Any, x: Tensor) -> None:
    model = make()
    before = model(x)
    model.expand_depth()
    model.expand_width(1, 2)
    model.expand_width(2, 2, False, [2, 3])
    assert model.width == [[2, 0], [5, 0], [1, 2], [1, 0]]
    assert model.mult_arity == [[], [], [2, 3], []]
    assert torch.allclose(model(x), before, atol=1e-6)


def test_pykans_notebook_on_perturbing(make: Any, x: Tensor) -> None:
    """Every edge is numerical afterwards, and the picture can be drawn."""
    model = make((2, 1))
    model.fix_symbolic(0, 0, 0, "sin", verbose=False)
    model.expand_depth()
    model.expand_width(1, 2)
    model.perturb(mag=0.1, mode="all")
    assert all(bool((layer.mask > 0).all()) for layer in model.act_fun)
    model.plot(metric="forward_n")


def test_auxiliary_variables_become_inputs(make: Any, x: Tensor) -> None:
    """`augment_input` puts new columns before the others."""
    model = make()
    before = model(x)
    model.expand_width(0, 1, perturb=True)
    assert torch.allclose(model(torch.cat([x[:, [0]] * x[:, [1]], x], dim=1)), before, atol=1e-6)
    assert model.cache_data.shape[1] == 3


def test_versions_are_recorded_as_in_pykan(make: Any) -> None:
    model = make()
    model.expand_depth()
    model.expand_width(1, 1)
    model.expand_width(1, 1, perturb=True)
    model.perturb()
    model.module(0, "[0]->[0]")
    model.swap(1, 0, 1)
    model.swap(1, 0, 1, log_history=False)
    model.auto_swap_l(1)
    model.auto_swap()
    assert changes(model) == ["perturb", "perturb", "module", "swap", "auto_swap"]


def test_an_expanded_model_is_copied_saved_and_found_again(make: Any, x: Tensor) -> None:
    model = make((2, [2, 1], 1))
    model.expand_depth()
    model.expand_width(1, 1, sum_bool=False, mult_arity=3)
    model.perturb(mode="all")
    expected = model(x)
    model.saveckpt("grown")
    for other in (model.copy(), KAN.loadckpt("grown"), model.rewind("0.1")):
        assert other.width == model.width
        assert torch.allclose(other(x), expected, atol=1e-6)
    assert model.rewind("0.0").width == [[2, 0], [2, 1], [1, 0]]


def test_an_expanded_model_can_be_trained_pruned_and_refined(make: Any, dataset: Any) -> None:
    model = make()
    model.expand_depth()
    model.expand_width(1, 1, perturb=True)
    first = model.fit(dataset, steps=3, progress=False)["train_loss"]
    assert first[-1] < first[0]
    assert model.prune(node_th=0, edge_th=0).refine(5).grid == 5


def test_connection_cost_is_that_of_the_edge_scores(make: Any) -> None:
    model = make((2, 4, 3, 2))
    assert torch.equal(model.connection_cost, connection_cost(model.edge_scores))
    with pytest.raises(StateError, match="has not seen any data"):
        _ = KAN(width=[2, 1]).connection_cost


def test_swaps_keep_the_function_and_lower_the_cost(make: Any, x: Tensor) -> None:
    model = make((2, 4, [2, 2], 2))
    before, costs = model(x), [model.connection_cost]
    for swap in (lambda: model.auto_swap_l(1), lambda: model.auto_swap_l(2), model.auto_swap):
        swap()
        costs.append(model.connection_cost)
    assert sorted(costs, reverse=True) == costs
    assert costs[-1] < costs[0]
    assert torch.allclose(model(x), before, atol=1e-6)


def test_a_swap_exchanges_two_nodes(make: Any) -> None:
    model = make()
    before = model.acts[1]
    model.swap(1, 0, 2)
    assert torch.equal(model.acts[1], before[:, [2, 1, 0]])


def test_a_module_stands_alone(make: Any) -> None:
    model = make((2, 2, 1))
    model.module(0, "[0]->[0]")
    assert model.act_fun[0].mask.int().tolist() == [[1, 0], [0, 1]]
