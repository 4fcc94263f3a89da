"""The tree of a function: its levels, and what its nodes do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.common.errors import ArgumentError
from kan.hypothesis import get_molecule, get_tree_node, test_symmetry
from kan.hypothesis.tree import arities_of


def pairs_of_pairs(x: Tensor) -> Tensor:
    inner = (x.reshape(len(x), 4, 2) ** 2).sum(dim=2) ** 2
    return (inner.reshape(len(x), 2, 2).sum(dim=2) ** 2).sum(dim=1, keepdim=True)


LEVELS_OF_PAIRS = [
    [[0], [1], [2], [3], [4], [5], [6], [7]],
    [[0, 1], [2, 3], [4, 5], [6, 7]],
    [[0, 1, 2, 3], [4, 5, 6, 7]],
    [[0, 1, 2, 3, 4, 5, 6, 7]],
]


def levels_of(f: Any, x: Tensor, **options: Any) -> Any:
    return get_molecule(f, x, verbose=False, **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_published_example(samples: Any, dtype: torch.dtype) -> None:
    x = samples(8, dtype=dtype)
    assert levels_of(pairs_of_pairs, x) == LEVELS_OF_PAIRS
    arities, properties = get_tree_node(pairs_of_pairs, x, LEVELS_OF_PAIRS, skip_test=False)
    assert arities == [[2, 2, 2, 2], [2, 2], [2]]
    assert properties == [["GS"] * 4, ["GS"] * 2, ["Add"]]


def test_the_published_example_with_a_short_branch(samples: Any) -> None:
    f = lambda x: ((x[:, :2] ** 2).sum(1) ** 2 + (x[:, 2:4] ** 2).sum(1) ** 2) ** 2 + x[:, 4] ** 2  # noqa: E731
    x = samples(5)
    levels = levels_of(f, x)
    assert levels == [[[0], [1], [2], [3], [4]], [[0, 1], [2, 3], [4]], [[0, 1, 2, 3], [4]], [[0, 1, 2, 3, 4]]]
    arities, properties = get_tree_node(f, x, levels, sep_th=0.1, skip_test=False)
    assert arities == [[2, 2, 1], [2, 1], [2]]
    assert properties == [["GS", "GS", "Id"], ["GS", "Id"], ["Add"]]


def test_leaves_come_in_the_order_in_which_they_are_drawn(samples: Any) -> None:
    f = lambda x: torch.sin(x[:, 0] * x[:, 3]) * (2 + (x[:, 1] + x[:, 4] ** 2) ** 3) + x[:, 2]  # noqa: E731
    levels = levels_of(f, samples(5))
    assert levels == [[[0], [3], [1], [4], [2]], [[0, 3], [1, 4], [2]], [[0, 3, 1, 4], [2]], [[0, 3, 1, 4, 2]]]


def test_a_sum_of_many_inputs_is_one_node(samples: Any) -> None:
    f = lambda x: torch.exp(x[:, :12].sum(1) / 4) * (1 + x[:, 12:].square().sum(1))  # noqa: E731
    assert [len(level) for level in levels_of(f, samples(20))] == [20, 2, 1]


def test_three_inputs_that_only_belong_together_as_three(samples: Any) -> None:
    def f(x: Tensor) -> Tensor:
        a, b, c, d = x.T
        return torch.exp(a * b + b * c + a * c) * d + d**2

    levels = levels_of(f, samples(4))
    assert levels[1:] == [[[0, 1, 2], [3]], [[0, 1, 2, 3]]]
    assert get_tree_node(f, samples(4), levels, skip_test=False)[1] == [["", "Id"], [""]]


def test_the_order_of_the_inputs_does_not_matter(samples: Any) -> None:
    x = samples(8)
    order = torch.tensor([5, 2, 7, 0, 3, 6, 1, 4])
    levels = levels_of(lambda x: pairs_of_pairs(x[:, order]), x)
    groups = {frozenset(int(order[i]) for i in group) for level in LEVELS_OF_PAIRS for group in level}
    assert {frozenset(group) for level in levels for group in level} == groups


def test_a_random_network_has_no_tree(samples: Any, network: Any) -> None:
    assert [len(level) for level in levels_of(network(6), samples(6), sym_th=0.02)] == [6, 1]


def test_every_group_passes_the_test_of_symmetry(samples: Any, network: Any) -> None:
    net = network(2)
    f = lambda x: net(torch.stack([x[:, 0] * x[:, 2] + x[:, 1], x[:, 3] * x[:, 4]], 1))  # noqa: E731
    x = samples(5)
    levels = levels_of(f, x)
    assert [len(level) for level in levels] == [5, 3, 2, 1]
    assert all(test_symmetry(f, x, group, quiet=True) for level in levels for group in level)


def test_units_of_function_and_inputs_do_not_matter(samples: Any) -> None:
    units = torch.tensor([1e-6, 1e6, 1.0, 1e3, 1.0, 1e-3, 1e5, 1.0], dtype=torch.float64)
    x = samples(8, dtype=torch.float64)
    assert levels_of(lambda x: 1e-9 * pairs_of_pairs(x / units), x * units) == LEVELS_OF_PAIRS


def test_inputs_without_influence_hang_at_the_root(samples: Any) -> None:
    f = lambda x: torch.exp(x[:, 1] * x[:, 3]) + x[:, 4] ** 2  # noqa: E731
    x = samples(5)
    levels = levels_of(f, x)
    assert levels == [[[1], [3], [4], [0], [2]], [[1, 3], [4], [0], [2]], [[1, 3, 4, 0, 2]]]
    arities, properties = get_tree_node(f, x, levels, skip_test=False)
    assert arities == [[2, 1, 1, 1], [4]]
    assert properties == [["GS", "Id", "Id", "Id"], ["Add"]]


@pytest.mark.parametrize(
    ("f", "levels", "property_of_root"),
    [
        (lambda x: torch.sin(x[:, 0]), [[[0]], [[0]]], "Id"),
        (lambda x: 0 * x[:, 0] + 1, [[[0]], [[0]]], "Id"),
    ],
)
def test_one_input(samples: Any, f: Any, levels: Any, property_of_root: str) -> None:
    assert levels_of(f, samples(1)) == levels
    assert get_tree_node(f, samples(1), levels, skip_test=False) == ([[1]], [[property_of_root]])


def test_a_constant(samples: Any) -> None:
    f = lambda x: 0 * x[:, 0] + 1  # noqa: E731
    levels = levels_of(f, samples(3))
    assert levels == [[[0], [1], [2]], [[0, 1, 2]]]
    assert get_tree_node(f, samples(3), levels, skip_test=False) == ([[3]], [["Id"]])


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x[:, 0] ** 2 + x[:, 1] ** 3, "Add"),
        (lambda x: (2 + x[:, 0]) * torch.exp(x[:, 1]), "Mul"),
        (lambda x: torch.sin(x[:, 0] ** 2 + x[:, 1]), "GS"),
        (lambda x: torch.sin(x[:, 0] ** 2 + x[:, 1]) + x[:, 0], ""),
    ],
)
def test_what_the_root_does(samples: Any, f: Any, expected: str) -> None:
    assert get_tree_node(f, samples(2), [[[0], [1]], [[0, 1]]], skip_test=False)[1] == [[expected]]


@pytest.mark.parametrize("sep_th", [0.01, 0.5, 1.0])
def test_where_sum_and_product_both_pass_the_better_one_counts(samples: Any, sep_th: float) -> None:
    levels = [[[0], [1]], [[0, 1]]]
    f = lambda x: 5 + 0.1 * x[:, 0] + x[:, 1] ** 2 + 1e-3 * x[:, 0] * x[:, 1]  # noqa: E731
    assert get_tree_node(f, samples(2), levels, sep_th=sep_th, skip_test=False)[1] == [["Add"]]
    g = lambda x: torch.exp(0.1 * x[:, 0] + 0.1 * x[:, 1] ** 2 + 1e-4 * x[:, 0] * x[:, 1])  # noqa: E731
    assert get_tree_node(g, samples(2), levels, sep_th=sep_th, skip_test=False)[1] == [["Mul"]]


def test_without_tests_the_function_is_not_looked_at(samples: Any) -> None:
    def f(x: Tensor) -> Tensor:
        raise AssertionError

    assert get_tree_node(f, samples(3), [[[0], [1], [2]], [[0, 1], [2]], [[0, 1, 2]]]) == (
        [[2, 1], [2]],
        [["", "Id"], [""]],
    )


def test_a_network_of_symbolic_edges(samples: Any) -> None:
    """The network is exp of the sum of two squares, plus a sine."""
    model = KAN(width=[3, 2, 1], seed=0, auto_save=False)
    for i in (0, 1):
        model.fix_symbolic(0, i, 0, "x^2", fit_params_bool=False)
        model.remove_edge(0, i, 1)
    model.remove_edge(0, 2, 0)
    model.fix_symbolic(0, 2, 1, "sin", fit_params_bool=False)
    model.fix_symbolic(1, 0, 0, "exp", fit_params_bool=False)
    model.fix_symbolic(1, 1, 0, "x", fit_params_bool=False)
    levels = levels_of(model, samples(3))
    assert levels == [[[0], [1], [2]], [[0, 1], [2]], [[0, 1, 2]]]
    assert get_tree_node(model, samples(3), levels, skip_test=False)[1] == [["GS", "Id"], ["Add"]]


def test_levels_are_told_on_request(samples: Any, capsys: Any) -> None:
    f = lambda x: torch.exp(x[:, 0] * x[:, 2])  # noqa: E731
    get_molecule(f, samples(3))
    assert capsys.readouterr().out.splitlines() == [
        "level 0: [0] | [2] | [1]",
        "level 1: [0, 2, 1]",
        "(input 1 has no influence)",
    ]
    get_molecule(f, samples(3), verbose=False)
    assert capsys.readouterr().out == ""


def test_arities_count_the_groups_of_the_level_below() -> None:
    assert arities_of([[[0], [1], [2]], [[0, 2], [1]], [[0, 1, 2]]]) == [[2, 1], [2]]


@pytest.mark.parametrize(
    "levels",
    [
        [],
        [[[0, 1, 2]]],
        [[[0], [1]], [[0, 1]]],
        [[[0], [1], [2]], [[0, 1], [2]]],
        [[[0, 1], [2]], [[0, 2], [1]], [[0, 1, 2]]],
    ],
)
def test_levels_that_are_no_tree_are_refused(samples: Any, levels: Any) -> None:
    with pytest.raises(ArgumentError, match="levels of a tree"):
        get_tree_node(lambda x: x[:, 0], samples(3), levels)
