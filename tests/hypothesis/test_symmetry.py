"""Groups of inputs that act through one number: found where they are, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan.common.errors import ArgumentError
from kan.hypothesis import batch_grad_normgrad, get_dependence, test_symmetry
from kan.hypothesis.influences import influences
from kan.hypothesis.symmetry import dependence, pair_dependence


def product_of_sums(x: Tensor) -> Tensor:
    return (x[:, [0]] + x[:, [1]]) * (x[:, [2]] + x[:, [3]]) * (x[:, [4]] + x[:, [5]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_of_the_published_example(samples: Any, dtype: torch.dtype) -> None:
    x = samples(6, dtype=dtype)
    assert test_symmetry(product_of_sums, x, [0, 1]) is True
    assert test_symmetry(product_of_sums, x, [0, 2]) is False
    assert test_symmetry(product_of_sums, x, [2, 3]) is True


@pytest.mark.parametrize("group", [[], [1], [0, 1, 2], [2, 0, 1]])
def test_none_one_or_all_inputs_always_are_a_symmetry(samples: Any, network: Any, group: list[int]) -> None:
    assert test_symmetry(network(3), samples(3), group)


def test_nothing_is_found_in_a_random_network(samples: Any, network: Any) -> None:
    for group in ([0, 1], [1, 3], [0, 1, 2], [1, 2, 3]):
        assert not test_symmetry(network(4), samples(4), group, dependence_th=0.05)


@pytest.mark.parametrize("factor", [1e-30, 1e-9, 1e9])
def test_units_of_the_function_do_not_matter(samples: Any, factor: float) -> None:
    f = lambda x: factor * (x[:, 0] * x[:, 2] + x[:, 1] ** 2)  # noqa: E731
    assert not test_symmetry(f, samples(3), [0, 1])
    assert test_symmetry(lambda x: factor * product_of_sums(x), samples(6), [4, 5])


def test_units_of_the_inputs_do_not_matter(samples: Any) -> None:
    units = torch.tensor([1e-8, 1e8, 1.0, 1e4], dtype=torch.float64)
    f = lambda x: (x[:, 0] * x[:, 1] + x[:, 2]) ** 2 * x[:, 3] + x[:, 0]  # noqa: E731
    x = samples(4, dtype=torch.float64)
    torch.testing.assert_close(
        get_dependence(lambda x: f(x / units), x * units, [0, 1, 2]), get_dependence(f, x, [0, 1, 2])
    )


def test_an_input_with_little_influence_counts_as_much_as_others(samples: Any) -> None:
    assert not test_symmetry(lambda x: 1e4 * x[:, 0] + x[:, 1] * x[:, 2], samples(3), [0, 1])


def test_a_dependence_at_few_samples_is_not_overlooked(samples: Any) -> None:
    f = lambda x: (x[:, 0] + x[:, 1]) * (2 + x[:, 2]) + x[:, 1] * torch.relu(x[:, 2] - 0.6) ** 3  # noqa: E731
    assert not test_symmetry(f, samples(3), [0, 1])


def test_the_statistic_is_what_the_documentation_says(samples: Any) -> None:
    x = samples(3, dtype=torch.float64)
    s = x.std(dim=0, correction=0)
    a, b, c = x.T
    # f = a b c + b^2
    g = torch.stack([b * c * s[0], (a * c + 2 * b) * s[1]])
    h = torch.stack([b * s[0] * s[2], a * s[1] * s[2]])
    r = (g * h).sum(dim=0) / g.square().sum(dim=0)
    floors = torch.maximum(g.abs(), g.abs().median(dim=1, keepdim=True).values)
    expected = ((h - r * g).abs() / (h.abs() + (r * g).abs() + floors)).mean(dim=1, keepdim=True)
    measured = get_dependence(lambda x: x[:, 0] * x[:, 1] * x[:, 2] + x[:, 1] ** 2, x, [0, 1])
    torch.testing.assert_close(measured, expected)


def test_rows_follow_the_group_and_columns_ascend(samples: Any) -> None:
    f = lambda x: x[:, 0] * x[:, 3] + x[:, 2]  # noqa: E731
    measured = get_dependence(f, samples(4), [2, 0])
    assert measured.shape == (2, 2)
    assert measured[:, 0].tolist() == [0, 0]  # on input 1, which has no influence
    assert measured[:, 1].min() > 0.1


def test_inputs_without_influence_have_no_dependence(samples: Any, capsys: Any) -> None:
    f = lambda x: x[:, 0] * x[:, 2]  # noqa: E731
    assert get_dependence(f, samples(3), [0, 1]).tolist() == [[0.0], [0.0]]
    assert test_symmetry(f, samples(3), [0, 1])
    assert "input 1 has no influence" in capsys.readouterr().out


def test_samples_without_a_direction_are_left_out() -> None:
    x = torch.cartesian_prod(*[torch.linspace(-1, 1, 5)] * 3)  # the influences of 0 and 1 are 0 where x2 is
    assert test_symmetry(lambda x: (x[:, 0] + x[:, 1]) * x[:, 2], x, [0, 1])


def test_pairs_of_some_samples_give_a_lower_bound(samples: Any) -> None:
    measured = influences(lambda x: x[:, 0] * x[:, 3] + torch.sin(x[:, 1] + x[:, 2] * x[:, 3]), samples(4))
    for every in (1, 3):
        pairs = pair_dependence(measured, 0, [1, 2], every=every)  # (2, 2, 4)
        for place, (partner, outside) in enumerate([(1, [2, 3]), (2, [1, 3])]):
            bound, full = pairs[:, place, outside], dependence(measured, [0, partner])
            assert bool((bound <= full * (1 + 1e-9)).all())
            assert every > 1 or torch.allclose(bound, full)


def test_the_derivative_of_a_direction() -> None:
    x = torch.tensor([[1.0, 1.0, 2.0], [3.0, 4.0, 0.5]], dtype=torch.float64)
    # f = a + b c, whose gradient's direction with respect to a and b is (1, c) / sqrt(1 + c^2)
    c = x[:, 2]
    expected = torch.stack([-c, torch.ones_like(c)], dim=1) / (1 + c**2)[:, None] ** 1.5
    x.requires_grad_()
    measured = batch_grad_normgrad(lambda x: x[:, 0] + x[:, 1] * x[:, 2], x, [0, 1], create_graph=True)
    torch.testing.assert_close(measured, expected[:, :, None])
    (again,) = torch.autograd.grad(measured[:, 0].sum(), x)
    torch.testing.assert_close(again[:, 2], ((2 * c**2 - 1) / (1 + c**2) ** 2.5))


def test_where_there_is_no_direction_it_does_not_change() -> None:
    measured = batch_grad_normgrad(lambda x: x[:, 0] ** 2 * x[:, 1], torch.zeros(1, 2), [0])
    assert measured.tolist() == [[[0.0]]]


def test_the_summary_tells_the_measured_value_and_can_be_switched_off(samples: Any, capsys: Any) -> None:
    test_symmetry(product_of_sums, samples(6), [0, 2])
    assert capsys.readouterr().out.startswith("symmetry of [0, 2]: no, dependence 0.")
    test_symmetry(product_of_sums, samples(6), [0, 2], quiet=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("function", [test_symmetry, get_dependence, batch_grad_normgrad])
def test_an_impossible_group_is_refused(samples: Any, function: Any) -> None:
    with pytest.raises(ArgumentError, match="between 0 and 5"):
        function(product_of_sums, samples(6), [0, 6])
