"""The public methods that change the structure of a model; `tests/surgery` tests what they do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.common.errors import ArgumentError


def test_grids_move_to_the_samples_and_the_function_stays(make: Any, x: Tensor) -> None:
    model = make(grid=10).double()
    x = x.double()
    model.update_grid(x)
    with torch.no_grad():
        before = model(x)
        for method in (model.update_grid_from_samples, model.update_grid):
            method(x)
            assert float((model(x) - before).abs().max()) < 0.01 * float(before.std())
    assert torch.allclose(model.act_fun[0].grid[:, [3, -4]], torch.stack([x.amin(dim=0), x.amax(dim=0)], dim=1))


def test_a_finer_model_takes_over_the_function(make: Any, x: Tensor) -> None:
    coarse, fine = make(grid=3), make(grid=6, seed=1)
    assert fine.initialize_from_another_model(coarse, x) is fine
    assert torch.allclose(fine(x), coarse(x), atol=1e-5)


def test_a_finer_model_takes_over_the_splines(make: Any, x: Tensor) -> None:
    coarse, fine = make((2, 1), grid=3), make((2, 1), grid=6, seed=1)
    fine.initialize_grid_from_another_model(coarse, x)
    one, other = (model.act_fun[0].edge_splines(x.T) for model in (coarse, fine))
    assert torch.allclose(one, other, atol=1e-5)
    assert not torch.equal(fine.act_fun[0].scale_base, coarse.act_fun[0].scale_base)


@pytest.mark.parametrize("call", [lambda m: m.refine(6), lambda m: m.refine(new_grid=6), lambda m: m.refine(grid=6)])
def test_refine_keeps_the_function(make: Any, x: Tensor, call: Any) -> None:
    model = make()
    finer = call(model)
    assert (model.grid, finer.grid) == (3, 6)
    assert torch.allclose(finer(x), model(x), atol=1e-5)


def test_refine_without_a_grid_is_refused(make: Any) -> None:
    with pytest.raises(ArgumentError, match="`new_grid`"):
        make().refine()


def test_edges_and_nodes_are_removed_in_place(make: Any) -> None:
    model = make()
    model.remove_edge(0, 0, 2)
    assert model.n_edge == 8
    model.remove_node(1, 0)
    assert model.n_edge == 5


@pytest.mark.parametrize(("mode", "masks"), [("s", (0, 1)), ("n", (1, 0)), ("sn", (1, 1)), ("off", (0, 0))])
def test_an_edge_is_numerical_symbolic_both_or_nothing(make: Any, mode: str, masks: tuple[int, int]) -> None:
    model = make()
    model.set_mode(0, 1, 2, mode)
    assert (model.act_fun[0].mask[1, 2].item(), model.symbolic_fun[0].mask[2, 1].item()) == masks


def test_edges_are_counted_once(make: Any) -> None:
    model = make()
    assert model.n_edge == 9
    model.set_mode(0, 0, 0, "s")
    model.set_mode(0, 0, 1, "sn")
    assert model.n_edge == 9


def test_prune_edge_works_in_place(make: Any) -> None:
    model = make()
    weakest = min(scores.min().item() for scores in model.edge_scores)
    model.prune_edge(threshold=weakest)
    assert model.n_edge == 8


@pytest.mark.parametrize("prune", [lambda model: model.prune(-1.0, 1e9), lambda model: model.prune_edge(1e9)])
def test_pruning_that_leaves_no_edges_warns_who_asked_for_it(make: Any, prune: Any) -> None:
    with pytest.warns(UserWarning, match="without edges") as caught:
        prune(make())
    assert [warning.filename for warning in caught] == [__file__]


def test_prune_takes_nodes_then_edges(make: Any, x: Tensor) -> None:
    model = make((2, 4, 1))
    scores = sorted(model.node_scores[1].tolist())
    pruned = model.prune(node_th=scores[1], edge_th=0.0)
    assert pruned.width == [[2, 0], [2, 0], [1, 0]]
    assert torch.equal(model.prune(threshold=scores[1], edge_th=0.0)(x), pruned(x))


def test_prune_by_hand_in_the_way_of_pykan_0_0(make: Any, x: Tensor) -> None:
    """Its lists start with the inputs, whose entry has no effect."""
    model = make((2, 4, 1))
    pruned = model.prune(mode="manual", active_neurons_id=[[3], [2]])
    assert pruned.width == [[2, 0], [1, 0], [1, 0]]
    assert torch.equal(pruned.act_fun[0].coef[:, 0], model.act_fun[0].coef[:, 2])
    assert torch.equal(pruned(x), model.prune_node(mode="manual", active_neurons_id=[[2]])(x))


def test_nodes_that_are_named_win_over_the_scores(make: Any) -> None:
    model = make((2, 4, 1))
    for pruned in (model.prune(active_neurons_id=[[1, 3]]), model.prune_node(1e9, active_neurons_id=[[3, 1]])):
        assert pruned.width[1] == [2, 0]


@pytest.mark.parametrize("method", ["prune", "prune_node"])
def test_pruning_modes_are_checked(make: Any, method: str) -> None:
    prune = getattr(make(), method)
    with pytest.raises(ArgumentError, match=r"`mode` must be one of 'auto', 'manual'; got 'hand'"):
        prune(mode="hand", active_neurons_id=[[0]])
    with pytest.raises(ArgumentError, match="needs `active_neurons_id`"):
        prune(mode="manual")


def test_inputs_are_pruned_again_and_again(x: Tensor) -> None:
    wide = torch.rand(30, 4)
    model = KAN(width=[4, 2, 1], seed=0)
    once = model.prune_input(active_inputs=[0, 1, 3])
    twice = once.prune_input(active_inputs=[2, 0])
    assert once.input_id.tolist() == [0, 1, 3]
    assert twice.input_id.tolist() == [3, 0]
    assert twice(wide).shape == (30, 1)
    silent = model.copy()
    for i in (1, 2):
        silent.remove_node(0, i, mode="up")
    assert torch.allclose(twice(wide), silent(wide), atol=1e-6)


def test_nodes_up_to_a_threshold_are_pruned(make: Any, x: Tensor) -> None:
    model = make()
    scores = model.node_scores[1].detach()
    weakest = float(scores.min())
    expected = model.prune_node(active_neurons_id=[(scores > weakest).nonzero().flatten().tolist()])
    for pruned in (model.prune_node(weakest), model.prune(node_th=weakest, edge_th=-1.0)):
        assert pruned.width == [[2, 0], [2, 0], [1, 0]]
        assert torch.equal(pruned(x), expected(x))


def test_inputs_up_to_a_threshold_are_pruned(make: Any) -> None:
    model = make()
    low, high = model.feature_score.sort().values.tolist()
    assert model.prune_input(threshold=(low + high) / 2).input_id.tolist() == [int(model.feature_score.argmax())]
    assert model.prune_input(threshold=low / 2).input_id.tolist() == [0, 1]


def test_pruned_inputs_survive_saving_copying_and_refining(x: Tensor) -> None:
    model = KAN(width=[2, 2, 1], seed=0)
    model.get_act(x)
    pruned = model.prune_input(active_inputs=[1])
    pruned.saveckpt("mark")
    for other in (pruned.copy(), KAN.loadckpt("mark"), pruned.rewind(f"0.{pruned.state_id}"), pruned.refine(3)):
        assert other.input_id.tolist() == [1]
        assert torch.allclose(other(x), pruned(x), atol=1e-5)


def test_children_are_of_the_callers_class(x: Tensor) -> None:
    class Mine(KAN):
        pass

    model = Mine(width=[2, 2, 1], seed=0)
    model.get_act(x)
    children = (model.prune(-1.0, -1.0), model.prune_input(-1.0), model.refine(4), model.copy(), model.rewind("0.0"))
    assert {type(child) for child in children} == {Mine}


@pytest.mark.parametrize("auto_save", [True, False])
def test_children_keep_the_rules_of_saving(make: Any, auto_save: bool) -> None:
    model = make(auto_save=auto_save)
    children = (model.prune(-1.0, -1.0), model.prune_node(-1.0), model.prune_input(-1.0), model.refine(4), model.copy())
    assert {child.auto_save for child in children} == {auto_save}


def test_speed_keeps_the_function_of_symbolic_edges(make: Any, x: Tensor) -> None:
    model = make()
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    before = model(x)
    assert torch.equal(model.speed()(x), before)
    model.symbolic_enabled = False
    assert not model.speed().symbolic_enabled  # what was switched off stays off


def test_speed_leaves_out_what_costs(make: Any, x: Tensor) -> None:
    model = make()
    y = model(x)
    fast = model.speed()
    assert fast is model
    assert [fast.symbolic_enabled, fast.save_act, fast.auto_save] == [False] * 3
    assert torch.equal(fast(x), y)
