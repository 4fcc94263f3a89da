"""What users of pykan ran into most often: each of these works here, or ends in a clear error.

One test a complaint, most frequent first; the details are tested beside the modules that do the work.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from kan import KAN, KANError

Make = Callable[..., KAN]


def make(width: Any = (2, 2, 1), **options: Any) -> KAN:
    return KAN(width=list(width), **{"seed": 0, **options})


def data_of(x: Tensor, y: Tensor) -> dict[str, Tensor]:
    return {"train_input": x, "train_label": y, "test_input": x[:20], "test_label": y[:20]}


@pytest.fixture
def dataset() -> dict[str, Tensor]:
    x = torch.rand(80, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return data_of(x, x[:, [0]] ** 2 + x[:, [1]])


def fit(model: KAN, dataset: Any, **options: Any) -> dict[str, np.ndarray]:
    return model.fit(dataset, **{"steps": 3, "progress": False, **options})


def finite(model: KAN, x: Tensor) -> bool:
    parameters = all(bool(torch.isfinite(entry).all()) for entry in model.parameters())
    return parameters and bool(torch.isfinite(model(x)).all())


def formula_values(model: KAN, x: Tensor) -> Tensor:
    formulas, variables = model.symbolic_formula()
    values = [sympy.lambdify(variables, entry, "numpy")(*x.T.numpy()) for entry in formulas]
    return torch.stack([torch.as_tensor(np.broadcast_to(entry, len(x)).copy()) for entry in values], dim=1)


def test_loss_does_not_become_nan_on_rank_deficient_data() -> None:
    x = torch.stack([torch.full((40,), 0.5), (torch.arange(40) % 2).float()], dim=1)
    model = make(grid=20)
    results = fit(model, data_of(x, x[:, [1]]), steps=3)
    assert np.isfinite(results["train_loss"]).all()
    assert finite(model, x)


def test_training_after_prune_moves_grids_without_nan(dataset: Any) -> None:
    model = make((2, 4, 1))
    fit(model, dataset, lamb=0.01)
    model.remove_node(1, 0)  # a dead node: a constant activation
    results = fit(model.prune(node_th=-1.0), dataset, steps=6, update_grid=True)
    assert np.isfinite(results["train_loss"]).all()


def test_no_least_squares_failure_where_samples_are_fewer_than_bases() -> None:
    x = torch.tensor([[0.1, 0.2], [0.1, 0.2], [0.3, -0.5]])
    model = make(grid=30)
    model.update_grid_from_samples(x)
    model.get_act(x)
    assert finite(model.refine(60), x)


def test_idle_symbolic_edges_cost_nothing(dataset: Any) -> None:
    model, x = make(), dataset["train_input"]
    assert [layer.groups for layer in model.trace(x).layers] == [[], []]
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    assert [len(layer.groups) for layer in model.trace(x).layers] == [1, 0]


def test_everything_moves_with_to_and_double(dataset: Any) -> None:
    model = make((2, [2, 1], 1), affine_trainable=True).double()
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.to("meta")
    assert {entry.device.type for entry in [*model.parameters(), *model.buffers()]} == {"meta"}
    assert model.device.type == "meta"
    assert make().to(torch.float64)(dataset["train_input"]).dtype == torch.float64


def test_training_a_wide_layer_keeps_no_value_per_edge_and_sample() -> None:
    samples, width = 400, 40
    model, sizes = make((width, width, 1), auto_save=False), []
    x = torch.rand(samples, width)
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: sizes.append(kept.numel()) or kept, lambda kept: kept):
        (model(x).mean() + 0.01 * model.reg()).backward()
    assert max(sizes) < samples * width * width


def test_fix_symbolic_needs_bounded_memory() -> None:
    """pykan's table has N x 101 x 101 numbers: here 16 GB."""
    x = torch.linspace(-1, 1, steps=400_000)[:, None]
    model = make((1, 1))
    model.get_act(x)
    model.fix_symbolic(0, 0, 0, "sin", verbose=False)
    assert model.symbolic_fun[0].funs_name == [["sin"]]


def test_the_formula_is_the_network(dataset: Any) -> None:
    model = make((2, [1, 1], 1), mult_arity=[[], [3], []]).double()
    x = dataset["train_input"].double()
    for layer, name in ((0, "sin"), (1, "x^2")):
        for i in range(model.width_in[layer]):
            for j in range(model.width_out[layer + 1]):
                model.fix_symbolic(layer, i, j, name, fit_params_bool=False, random=True)
    model.remove_edge(0, 1, 0)
    assert torch.allclose(formula_values(model, x), model(x), atol=1e-10)


def test_a_formula_that_would_drop_splines_is_an_error(dataset: Any) -> None:
    model = make()
    model(dataset["train_input"])
    with pytest.raises(KANError, match=r"still splines: \(0,0,0\)"):
        model.symbolic_formula()


def test_a_poor_fit_is_never_chosen_because_it_is_short() -> None:
    x = torch.linspace(-1, 1, steps=200)[:, None]
    model = make((1, 1))
    fit(model, data_of(x, torch.sin(6 * x)), steps=4)
    model.auto_symbolic(verbose=0)
    assert model.symbolic_fun[0].funs_name not in ([["0"]], [["x"]])
    assert float((model(x) - torch.sin(6 * x)).detach().std()) < 0.05


def test_the_formula_does_not_depend_on_the_last_batch_seen(dataset: Any) -> None:
    one, other = make((2, 1)), make((2, 1))
    for model in (one, other):
        fit(model, dataset)
    other(torch.full((3, 2), 0.1))
    for model in (one, other):
        model.fix_symbolic(0, 0, 0, "x^2", verbose=False)
    assert torch.equal(one.symbolic_fun[0].affine, other.symbolic_fun[0].affine)


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "torch.save"])
def test_a_trained_model_can_be_copied_and_saved(dataset: Any, way: str) -> None:
    model = make()
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    fit(model, dataset, lamb=0.01)
    model.get_act(dataset["train_input"])
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    twin = {
        "deepcopy": lambda: copy.deepcopy(model),
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "torch.save": lambda: torch.load(buffer, weights_only=False),
    }[way]()
    assert torch.equal(twin(dataset["test_input"]), model(dataset["test_input"]))


def test_refining_does_not_raise_the_loss(dataset: Any) -> None:
    model = make()
    fit(model, dataset, steps=5)
    before = model.evaluate(dataset)["test_loss"]
    assert model.refine(9).evaluate(dataset)["test_loss"] <= before * 1.001 + 1e-6


def test_batches_are_drawn_as_in_pykan_and_a_loader_is_accepted_too(dataset: Any) -> None:
    assert len(fit(make(), dataset, opt="Adam", batch=8, steps=5)["train_loss"]) == 5
    loader = DataLoader(TensorDataset(dataset["train_input"], dataset["train_label"]), batch_size=16)
    assert len(fit(make(), loader, opt="Adam", epochs=2)["train_loss"]) == 2 * 5


def test_double_precision_stays_through_the_life_of_a_model(dataset: Any) -> None:
    torch.set_default_dtype(torch.float64)
    data = {name: entry.double() for name, entry in dataset.items()}
    model = make((2, 3, 1)).double()
    fit(model, data)
    pruned = model.prune(node_th=-1.0)
    fit(pruned, data)
    for child in (pruned, pruned.refine(6), pruned.prune_input(threshold=-1.0), pruned.copy()):
        assert {entry.dtype for entry in child.parameters()} == {torch.float64}
    assert pruned(data["test_input"]).dtype == torch.float64


def test_one_seed_gives_one_result(dataset: Any) -> None:
    one, other = make(), make()
    for model in (one, other):
        torch.rand(3)  # the global generator is in another state
        fit(model, dataset, lamb=0.01)
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters()))


def test_prune_leaves_the_original_as_it_was(dataset: Any) -> None:
    model = make((2, 4, 1))
    fit(model, dataset, lamb=0.02)
    before = {name: entry.clone() for name, entry in model.state_dict().items() if isinstance(entry, Tensor)}
    output = model(dataset["test_input"])
    fit(model.prune(edge_th=0.1), dataset)
    assert torch.equal(model(dataset["test_input"]), output)
    assert all(torch.equal(model.state_dict()[name], entry) for name, entry in before.items())


def test_a_plot_in_a_script_is_a_figure_and_no_file(dataset: Any, tmp_path: Path) -> None:
    model = make()
    model(dataset["train_input"])
    figure = model.plot()
    assert isinstance(figure, Figure)
    assert figure.axes
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", [1, 3])
def test_another_number_of_columns_than_the_width_says_is_an_error(columns: int) -> None:
    with pytest.raises(ValueError, match=rf"\(N, 2\).*\(5, {columns}\)"):
        make()(torch.rand(5, columns))


def test_a_custom_loss_is_shown_as_it_is(dataset: Any) -> None:
    model = make()
    results = fit(model, dataset, loss_fn=nn.L1Loss())
    for part in ("train", "test"):
        with torch.no_grad():
            loss = (model(dataset[f"{part}_input"]) - dataset[f"{part}_label"]).abs().mean()
        assert results[f"{part}_loss"][-1] == pytest.approx(loss.item(), rel=1e-5)


def test_every_optimiser_has_a_rate_that_suits_it(dataset: Any) -> None:
    results = fit(make(), dataset, opt="Adam", steps=60)
    assert results["train_loss"][-1] < 0.6 * results["train_loss"][0]


def test_overfitting_can_be_stopped(dataset: Any) -> None:
    noisy = {**dataset, "train_label": torch.randn(80, 1, generator=torch.Generator().manual_seed(0))}
    model = make((2, 1), grid=20)
    results = fit(model, noisy, steps=40, patience=2, restore_best=True)
    assert len(results["test_loss"]) < 40
    assert model.evaluate(noisy)["test_loss"] == pytest.approx(min(results["test_loss"]), rel=1e-4)


def test_a_model_keeps_its_last_input_without_a_graph() -> None:
    model, x = make((3, 3, 1), auto_save=False), torch.rand(50, 3, requires_grad=True)
    model(x)
    assert model.cache_data.grad_fn is None
    assert not model.cache_data.requires_grad
