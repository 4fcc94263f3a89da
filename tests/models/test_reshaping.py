"""The public methods that expand, perturb and reorder a model; `tests/surgery` tests what they do."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch
from torch import Tensor

from kan import KAN, augment_input, create_dataset
from kan.attribution import connection_cost
from kan.common.errors import StateError
from kan.compiler import kanpiler


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
    fresh = make((2, 4, [2, 2], 2))
    fresh.auto_swap()
    assert fresh.connection_cost < costs[0]


def test_a_swap_exchanges_two_nodes(make: Any) -> None:
    model = make()
    before = model.acts[1]
    model.swap(1, 0, 2)
    assert torch.equal(model.acts[1], before[:, [2, 1, 0]])


def test_a_module_stands_alone(make: Any) -> None:
    model = make((2, 2, 1))
    model.module(0, "[0]->[0]")
    assert model.act_fun[0].mask.int().tolist() == [[1, 0], [0, 1]]


def test_a_compiled_law_is_perturbed_widened_and_corrected() -> None:
    """The steps of pykan's notebook on constitutive laws: from a linear guess to a law with an auxiliary variable."""
    variables = sympy.symbols("u v")
    dataset = create_dataset(lambda x: x[:, [0]] ** 2 + x[:, [0]] * x[:, [1]], n_var=2, train_num=100, test_num=10)
    model = kanpiler(variables, 2 * variables[0] + 1).to(torch.float32)
    model.get_act(dataset)
    guess = model(dataset["train_input"])
    model.perturb()
    assert torch.allclose(model(dataset["train_input"]), guess, atol=1e-6)
    first = model.fit(dataset, steps=10, progress=False)["test_loss"][-1]
    dataset = augment_input(variables, [variables[0] * variables[1]], dataset)
    model.expand_width(0, 1, perturb=True)
    second = model.fit(dataset, steps=20, progress=False)["test_loss"][-1]
    assert second < 0.1 * first
    assert model.width == [[3, 0], [1, 0]]
