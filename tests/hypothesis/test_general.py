"""Groups that enter through a sum of one function each."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.hypothesis import test_general_separability


def product_of_sums(x: Tensor) -> Tensor:
    return (x[:, [0]] + x[:, [1]]) * (x[:, [2]] + x[:, [3]]) * (x[:, [4]] + x[:, [5]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_answer_of_the_published_example(samples: Any, dtype: torch.dtype) -> None:
    f = lambda x: torch.sin(product_of_sums(x))  # noqa: E731
    assert test_general_separability(f, samples(6, dtype=dtype), [[0, 1], [2, 3], [4, 5]]) is True


@pytest.mark.parametrize(
    ("groups", "expected"), [([[0], [1, 2]], True), ([[1], [0, 2]], False), ([[0], [1], [2]], True), ([[1], [2]], True)]
)
def test_two_groups_three_and_some_of_the_inputs(samples: Any, groups: Any, expected: bool) -> None:
    f = lambda x: x[:, 0] ** 2 * (x[:, 1] ** 2 + x[:, 2] ** 2) ** 2  # noqa: E731
    x = samples(3)
    assert test_general_separability(f, x, groups) is (expected and groups != [[0], [1], [2]])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[:, 0] + x[:, 1],
        lambda x: x[:, 0] * x[:, 1],
        lambda x: 1 / (2 + x[:, 0] ** 3 + torch.exp(x[:, 1])),
        lambda x: torch.tanh(x[:, 0] * torch.exp(x[:, 1])) ** 3,
    ],
)
@pytest.mark.parametrize("factor", [1e-20, 1.0, 1e20])
def test_two_inputs_that_are_separable(samples: Any, f: Any, factor: float) -> None:
    assert test_general_separability(lambda x: factor * f(x), samples(2), [[0], [1]], threshold=1e-4)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[:, 0] * x[:, 1] + x[:, 0] + x[:, 1] ** 2,
        lambda x: torch.sin(x[:, 0] + x[:, 1]) + x[:, 0],
        lambda x: torch.exp(x[:, 0] * x[:, 1]) + x[:, 0],
    ],
)
def test_two_inputs_that_are_not(samples: Any, f: Any) -> None:
    assert not test_general_separability(f, samples(2), [[0], [1]], threshold=0.05)


def test_nothing_is_found_in_a_random_network(samples: Any, network: Any) -> None:
    for groups in ([[0], [1, 2]], [[0, 1], [2]], [[0], [1], [2]]):
        assert not test_general_separability(network(3), samples(3), groups, threshold=0.05)


def test_ratios_that_factorise_are_not_enough(samples: Any) -> None:
    # The ratio of any two derivatives of x0 x1 + x2 is a product of functions of single inputs.
    assert not test_general_separability(lambda x: x[:, 0] * x[:, 1] + x[:, 2], samples(3), [[0], [1], [2]])


def test_a_group_must_act_through_one_number(samples: Any) -> None:
    f = lambda x: torch.exp(x[:, 0] + x[:, 1] * x[:, 2])  # noqa: E731
    assert test_general_separability(f, samples(3), [[0], [1, 2]])
    assert not test_general_separability(f, samples(3), [[0, 1], [2]])


def test_the_other_inputs_may_enter_in_any_way(samples: Any) -> None:
    f = lambda x: torch.sin((x[:, 0] ** 2 + x[:, 1]) * x[:, 2]) + x[:, 2] * x[:, 3]  # noqa: E731
    x = samples(4)
    assert test_general_separability(f, x, [[0], [1]])
    assert not test_general_separability(f, x, [[0], [2]])


def test_units_of_the_inputs_do_not_matter(samples: Any) -> None:
    units = torch.tensor([1e-6, 1.0, 1e6], dtype=torch.float64)
    f = lambda x: torch.exp(x[:, 0] * x[:, 1]) * x[:, 2] ** 2  # noqa: E731
    x = samples(3, dtype=torch.float64)
    assert test_general_separability(lambda x: f(x / units), x * units, [[0, 1], [2]], threshold=1e-6)
    assert not test_general_separability(lambda x: f(x / units) + x[:, 0] * 1e6, x * units, [[0, 1], [2]])


def test_the_statistic_of_two_groups_is_what_the_documentation_says(samples: Any, capsys: Any) -> None:
    x = samples(2, dtype=torch.float64)
    s = x.std(dim=0, correction=0)
    a, b = x.T
    # f = a b + a + b^2, in directions that point along the influences
    u, v = torch.sign(b + 1) * s[0], torch.sign(a + 2 * b) * s[1]
    f_u, f_v, f_uv, f_vv = (b + 1) * u, (a + 2 * b) * v, u * v, 2 * v * v
    terms = torch.stack([-f_uv * f_vv * f_u**2])
    typical = [torch.maximum(part.abs(), part.abs().median()) for part in (f_u, f_v)]
    expected = float((terms.abs() / (terms.abs() + (typical[0] * typical[1]) ** 2)).mean())
    test_general_separability(lambda x: x[:, 0] * x[:, 1] + x[:, 0] + x[:, 1] ** 2, x, [[0], [1]])
    assert f"score {expected:.2g} " in capsys.readouterr().out


@pytest.mark.parametrize("groups", [[], [[0, 1]], [[0], [2]], [[2], [0, 1]]])
def test_there_is_nothing_to_separate_without_two_groups_that_matter(samples: Any, groups: Any) -> None:
    assert test_general_separability(lambda x: torch.exp(x[:, 0] * x[:, 1]) + x[:, 0], samples(3), groups)


def test_the_summary_can_be_switched_off(samples: Any, capsys: Any) -> None:
    test_general_separability(product_of_sums, samples(6), [[0, 1], [2, 3]])
    assert capsys.readouterr().out.startswith("general separability of [0, 1] | [2, 3]: yes, score ")
    test_general_separability(product_of_sums, samples(6), [[0, 1], [2, 3]], quiet=True)
    assert capsys.readouterr().out == ""


def test_groups_that_overlap_are_refused(samples: Any) -> None:
    with pytest.raises(ArgumentError, match="in common"):
        test_general_separability(product_of_sums, samples(6), [[0, 1], [1, 2]])
