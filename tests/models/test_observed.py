"""What `KAN` and `MLP` share; `test_mlp` has it for perceptrons."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure

from kan import KAN
from kan.common.errors import StateError


@pytest.fixture(autouse=True)
def no_windows_left() -> Any:
    yield
    plt.close("all")


def test_a_data_set_can_be_given_to_get_act(make: Any, dataset: Any) -> None:
    model = make()
    model.get_act({**dataset, "train_input": dataset["train_input"][:7]})
    assert model.acts[0].shape == (7, 2)


def test_get_act_needs_data() -> None:
    with pytest.raises(StateError, match="has not seen any data"):
        KAN(width=[2, 1]).get_act()


def four_inputs(make: Any) -> KAN:
    """Return the network (x0^2 + x1^2)^2 + x2, which takes a fourth input without using it."""
    model = make((4, 2, 1))
    for i in range(4):
        for j in range(2):
            model.remove_edge(0, i, j)
    model.fix_symbolic(0, 0, 0, "x^2", fit_params_bool=False)
    model.fix_symbolic(0, 1, 0, "x^2", fit_params_bool=False)
    model.fix_symbolic(0, 2, 1, "x", fit_params_bool=False)
    model.fix_symbolic(1, 0, 0, "x^2", fit_params_bool=False)
    model.fix_symbolic(1, 1, 0, "x", fit_params_bool=False)
    return model


def marks(figure: Figure) -> dict[str, int]:
    named = {artist.get_gid(): artist for artist in figure.axes[0].get_children()}
    return {gid: len(named[gid].get_offsets()) for gid in ("dots", "Add", "Mul")}


@pytest.mark.parametrize("as_dataset", [False, True])
def test_a_tree_of_given_samples(make: Any, as_dataset: bool) -> None:
    x = torch.rand(50, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    figure = four_inputs(make).tree({"train_input": x} if as_dataset else x, in_var=["a", "b", "c", "d"])
    assert marks(figure) == {"dots": 1, "Add": 1, "Mul": 0}
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b", "c", "d"]
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tree_of_the_last_input_changes_nothing(make: Any, dtype: torch.dtype) -> None:
    model = four_inputs(make).to(dtype)
    x = torch.rand(50, 4, generator=torch.Generator().manual_seed(0), dtype=dtype) * 2 - 1
    model(x)
    figure = model.tree(style="box")
    assert [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "kind"] == ["GS", "Add"]
    assert torch.equal(model.cache_data, x)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_thresholds_of_a_tree_are_passed_on(make: Any) -> None:
    x = torch.rand(50, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    model = four_inputs(make)
    assert marks(model.tree(x, sym_th=1.0)) == {"dots": 0, "Add": 0, "Mul": 0}  # all inputs in one node
    model.fix_symbolic(0, 0, 1, "x", fit_params_bool=False)
    model.symbolic_fun[0].affine.data[1, 0, 2] = 0.05
    assert marks(model.tree(x, sym_th=0.3, sep_th=0.5)) == {"dots": 0, "Add": 1, "Mul": 0}
    assert marks(model.tree(x, sym_th=0.3, sep_th=0.01)) == {"dots": 0, "Add": 0, "Mul": 0}


def test_a_tree_needs_data() -> None:
    with pytest.raises(StateError, match="call `model"):
        KAN(width=[2, 1]).tree()
