"""The picture of a function's tree; `tests/plotting/test_tree.py` tests how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest
import sympy
import torch
from matplotlib.figure import Figure
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.hypothesis import plot_tree


@pytest.fixture(autouse=True)
def no_windows_left() -> Iterator[None]:
    yield
    plt.close("all")


def f(x: Tensor) -> Tensor:
    return torch.sin(x[:, [0]] * x[:, [3]]) * (2 + x[:, [1]])


def names(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_gid() == "in_var"]


def part(figure: Figure, gid: str) -> Any:
    return next(artist for artist in figure.axes[0].get_children() if artist.get_gid() == gid)


def test_names_stand_under_the_leaves(samples: Any) -> None:
    assert names(plot_tree(f, samples(4))) == ["$x_{1}$", "$x_{4}$", "$x_{2}$", "$x_{3}$"]
    given = ["alpha", sympy.Symbol("beta"), r"$\gamma$", "delta"]
    assert names(plot_tree(f, samples(4), in_var=given)) == ["alpha", "delta", r"$\beta$", r"$\gamma$"]


def test_nodes_are_drawn_as_what_they_do(samples: Any) -> None:
    figure = plot_tree(f, samples(4))
    counts = {gid: len(part(figure, gid).get_offsets()) for gid in ("dots", "Add", "Mul")}
    assert counts == {"dots": 1, "Add": 0, "Mul": 1}


def test_inputs_without_influence_are_pale(samples: Any) -> None:
    figure = plot_tree(f, samples(4))
    colours = [text.get_color() for text in figure.axes[0].texts if text.get_gid() == "in_var"]
    assert colours[:3] == ["black"] * 3
    assert colours[3] != "black"


def test_tests_of_the_nodes_can_be_skipped(samples: Any) -> None:
    figure = plot_tree(f, samples(4), skip_sep_test=True)
    boxes = [patch for patch in figure.axes[0].patches if patch.get_gid() == "box"]
    assert len(boxes) == 2


def test_thresholds_are_passed_on(samples: Any) -> None:
    assert len(part(plot_tree(f, samples(4), sym_th=1.0), "dots").get_offsets()) == 0  # all inputs in one node
    noisy = lambda x: f(x) + 0.1 * x[:, [0]]  # noqa: E731
    loose = plot_tree(noisy, samples(4), sym_th=0.1, sep_th=0.5)
    assert len(part(loose, "Mul").get_offsets()) + len(part(loose, "Add").get_offsets()) == 1
    strict = plot_tree(noisy, samples(4), sym_th=0.1, sep_th=1e-6)
    assert len(part(strict, "Mul").get_offsets()) + len(part(strict, "Add").get_offsets()) == 0


def test_nothing_is_printed_unless_asked_for(samples: Any, capsys: Any) -> None:
    plot_tree(f, samples(4))
    assert capsys.readouterr().out == ""
    plot_tree(f, samples(4), verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "level 0: [0] | [3] | [1] | [2]",
        "level 1: [0, 3] | [1] | [2]",
        "level 2: [0, 3, 1, 2]",
        "(input 2 has no influence)",
        "nodes, from the first level up: GS Id Id / Mul",
    ]


@pytest.mark.parametrize("options", [{"style": "graph"}, {"in_var": ["a"]}])
def test_impossible_arguments_are_refused(samples: Any, options: Any) -> None:
    with pytest.raises(ArgumentError):
        plot_tree(f, samples(4), **options)
