"""Pictures of a model; `tests/plotting` tests what is drawn."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy
import torch
from matplotlib.figure import Figure
from torch import Tensor

from kan import KAN
from kan.common.errors import ArgumentError, StateError


@pytest.fixture(autouse=True)
def no_windows_left() -> Any:
    yield
    plt.close("all")


@pytest.mark.parametrize("metric", ["backward", "forward_n", "forward_u"])
def test_every_metric_gives_a_figure(make: Any, metric: str) -> None:
    assert isinstance(make().plot(metric=metric), Figure)


@pytest.mark.parametrize(
    "options",
    [
        {"beta": 100, "sample": True},
        {"tick": True, "scale": 0.7, "varscale": 0.5, "title": "network", "out_vars_offset": 0.1},
        {"in_vars": ["a", sympy.Symbol("alpha")], "out_vars": [r"$\beta$"]},
    ],
)
def test_options_of_published_notebooks(make: Any, options: dict[str, Any]) -> None:
    model = make((2, [2, 1], 1))
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False)
    model.remove_edge(0, 1, 1)
    model.plot(**options).canvas.draw()


def curves(figure: Figure) -> Any:
    return next(artist for artist in figure.axes[0].get_children() if artist.get_gid() == "curves")


def test_removed_edges_are_left_out_unless_asked_for(make: Any) -> None:
    model = make()
    model.remove_edge(0, 1, 1)
    assert len(curves(model.plot()).get_paths()) == 8
    assert len(curves(model.plot(mask=False)).get_paths()) == 9


@pytest.mark.parametrize(
    ("metric", "scores"), [("backward", "edge_scores"), ("forward_u", "edge_actscale"), ("forward_n", "acts_scale")]
)
def test_the_opacity_of_an_edge_is_its_score(make: Any, metric: str, scores: str) -> None:
    model = make()
    found = np.sort(curves(model.plot(beta=2, metric=metric)).get_edgecolor()[:, 3])
    expected = torch.cat([torch.tanh(2 * layer).flatten() for layer in getattr(model, scores)])
    assert found == pytest.approx(np.sort(expected.detach().numpy()), abs=1e-6)


def test_names_and_title_are_written(make: Any) -> None:
    figure = make().plot(in_vars=["first", "second"], out_vars=["result"], title="My network")
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    texts |= {axes.get_title() for axes in figure.axes} | {text.get_text() for text in figure.texts}
    assert {"first", "second", "result", "My network"} <= texts


def test_names_of_all_columns_serve_a_model_of_some(make: Any) -> None:
    whole = make((3, 1))
    whole.get_act(torch.rand(20, 3))
    model = whole.prune_input(active_inputs=[0, 2])
    for names in (["a", "b", "c"], ["a", "c"]):
        figure = model.plot(in_vars=names)
        assert [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "in_var"] == ["a", "c"]
    with pytest.raises(ArgumentError, match=r"`in_vars` must have 2 \(the inputs\) or 3 \(the columns of the data\)"):
        model.plot(in_vars=["a"])


def test_a_plot_is_known_to_pyplot_and_a_drawing_is_not(make: Any) -> None:
    model = make()
    model.draw()
    assert plt.get_fignums() == []
    model.plot()
    assert len(plt.get_fignums()) == 1


def test_a_drawing_has_the_defaults_of_a_plot() -> None:
    plot, draw = (inspect.signature(method).parameters for method in (KAN.plot, KAN.draw))
    shared = set(plot) & set(draw) - {"self"}
    assert {"beta", "metric", "mask", "sample"} <= shared
    assert all(plot[name].default == draw[name].default for name in shared)


def test_files_are_written_only_into_a_folder_that_is_named(make: Any, tmp_path: Path) -> None:
    model = make((2, 1))
    model.plot()
    assert list(tmp_path.iterdir()) == []
    model.plot(folder="figures")
    assert len(list((tmp_path / "figures").iterdir())) == 2


def test_an_unknown_metric_is_refused(make: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`metric` must be one of 'backward', 'forward_n', 'forward_u'"):
        make().plot(metric="act")


def test_a_picture_needs_data() -> None:
    with pytest.raises(StateError, match="call `model"):
        KAN(width=[2, 1]).plot()


def test_drawing_changes_nothing(make: Any, x: Tensor) -> None:
    model = make()
    model(x[:5])
    before = {name: entry.clone() for name, entry in model.named_parameters()}
    model.plot()
    assert all(torch.equal(entry, before[name]) for name, entry in model.named_parameters())
    assert len(model.cache_data) == 5


def test_the_function_of_an_edge_is_returned_in_order(make: Any, x: Tensor) -> None:
    model = make()
    inputs, outputs = model.get_fun(0, 1, 2)
    (line,) = plt.gca().lines
    assert np.array_equal(line.get_xydata(), np.stack([inputs, outputs], axis=1))
    assert np.array_equal(inputs, np.sort(x[:, 1].numpy()))
    order = x[:, 1].argsort()
    assert outputs == pytest.approx(model.spline_postacts[0][order, 2, 1].numpy(), abs=1e-6)


def test_the_function_of_an_edge_in_a_precision_that_numpy_lacks(make: Any, x: Tensor) -> None:
    model = make().to(torch.bfloat16)
    model.get_act(x)
    inputs, outputs = model.get_fun(0, 1, 2)
    assert np.array_equal(inputs, np.sort(x[:, 1].bfloat16().float().numpy()))
    assert model.get_range(0, 1, 2, verbose=False)[2:] == (outputs.min(), outputs.max())


def test_the_function_of_a_symbolic_edge(make: Any) -> None:
    model = make()
    model.fix_symbolic(0, 0, 0, "x^2", fit_params_bool=False)
    inputs, outputs = model.get_fun(0, 0, 0)
    assert outputs == pytest.approx(inputs**2, abs=1e-6)
