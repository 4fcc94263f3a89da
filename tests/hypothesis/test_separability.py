"""Sums and products of functions of groups of inputs: found where they are, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN
from kan.common.errors import ArgumentError
from kan.hypothesis import detect_separability, test_separability

PAIRS = [[0, 1], [2, 3], [4, 5]]


def sum_of_products(x: Tensor) -> Tensor:
    return x[:, [0]] * x[:, [1]] + x[:, [2]] * x[:, [3]] + x[:, [4]] * x[:, [5]]


def product_of_sums(x: Tensor) -> Tensor:
    return (x[:, [0]] + x[:, [1]]) * (x[:, [2]] + x[:, [3]]) * (x[:, [4]] + x[:, [5]])


FUNCTIONS = {"add": sum_of_products, "mul": product_of_sums}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mode", ["add", "mul"])
def test_groups_of_the_published_examples(samples: Any, mode: str, dtype: torch.dtype) -> None:
    results = detect_separability(FUNCTIONS[mode], samples(6, dtype=dtype), mode)
    assert results["n_groups"] == 3
    assert results["groups"] == PAIRS
    assert results["labels"] == [0, 0, 1, 1, 2, 2]
    assert results["hessian"].shape == (6, 6)
    assert results["hessian"].dtype == dtype


def test_answers_of_the_published_examples(samples: Any) -> None:
    x = samples(6)
    assert test_separability(product_of_sums, x, PAIRS, "mul") is True
    assert test_separability(product_of_sums, x, [[0, 1], [2, 4], [3, 5]], "mul") is False
    assert test_separability(lambda x: torch.sin(product_of_sums(x)), x, PAIRS, "mul") is False


@pytest.mark.parametrize("mode", ["add", "mul"])
@pytest.mark.parametrize("factor", [1e-30, 1e-6, 1e6])
def test_units_of_the_function_do_not_matter(samples: Any, mode: str, factor: float) -> None:
    results = detect_separability(lambda x: factor * FUNCTIONS[mode](x), samples(6), mode, quiet=True)
    assert results["groups"] == PAIRS
    assert not test_separability(lambda x: factor * FUNCTIONS[mode](x), samples(6), [[0], [1, 2, 3, 4, 5]], mode)


@pytest.mark.parametrize("mode", ["add", "mul"])
def test_units_of_the_inputs_do_not_matter(samples: Any, mode: str) -> None:
    units = torch.tensor([1e-8, 1.0, 1e4, 1e-2, 1e8, 1.0], dtype=torch.float64)
    x = samples(6, dtype=torch.float64)
    here = detect_separability(FUNCTIONS[mode], x, mode, quiet=True)
    there = detect_separability(lambda x: FUNCTIONS[mode](x / units), x * units, mode, quiet=True)
    assert there["groups"] == PAIRS
    torch.testing.assert_close(there["hessian"], here["hessian"])


@pytest.mark.parametrize("mode", ["add", "mul"])
def test_nothing_is_found_in_a_random_network(samples: Any, network: Any, mode: str) -> None:
    assert detect_separability(network(5), samples(5), mode, quiet=True)["n_groups"] == 1


def test_a_small_interaction_of_small_terms_is_not_overlooked(samples: Any) -> None:
    groups = detect_separability(lambda x: 1e3 * x[:, 0] + x[:, 1] * x[:, 2], samples(3), quiet=True)["groups"]
    assert groups == [[0], [1, 2]]


def test_an_interaction_at_few_samples_is_not_overlooked(samples: Any) -> None:
    def f(x: Tensor) -> Tensor:
        return torch.relu(x[:, 0] - 0.6) ** 3 * x[:, 1] + x[:, 2]  # at a fifth of the samples

    assert detect_separability(f, samples(3), quiet=True)["groups"] == [[0, 1], [2]]


def test_groups_need_not_be_cliques(samples: Any) -> None:
    f = lambda x: x[:, 0] * x[:, 2] + x[:, 2] * x[:, 4] + x[:, 4] * x[:, 1] + x[:, 3] ** 3  # noqa: E731
    assert detect_separability(f, samples(5), quiet=True)["groups"] == [[0, 1, 2, 4], [3]]


def test_many_inputs(samples: Any) -> None:
    x = samples(40)
    results = detect_separability(lambda x: x.reshape(len(x), 20, 2).prod(dim=2).sum(dim=1), x, quiet=True)
    assert results["groups"] == [[i, i + 1] for i in range(0, 40, 2)]


def test_a_linear_function_separates_into_its_inputs(samples: Any) -> None:
    results = detect_separability(lambda x: x[:, 0] - 3 * x[:, 1], samples(2), quiet=True)
    assert results["groups"] == [[0], [1]]
    assert results["residual_ratio"] == 0


def test_rounding_is_not_taken_for_interaction(samples: Any) -> None:
    f = lambda x: torch.log(torch.exp(x[:, 0]) * torch.exp(x[:, 1]))  # noqa: E731
    assert detect_separability(f, samples(2), quiet=True)["groups"] == [[0], [1]]


@pytest.mark.parametrize("mode", ["add", "mul"])
def test_a_constant_is_no_discovery(samples: Any, capsys: Any, mode: str) -> None:
    results = detect_separability(lambda x: 0 * x[:, 0] + 3, samples(2), mode)
    assert results["inactive"] == [0, 1]
    assert capsys.readouterr().out.startswith(f"{mode} separability not detected")


def test_an_input_without_influence_is_a_group_but_no_discovery(samples: Any, capsys: Any) -> None:
    results = detect_separability(lambda x: x[:, 0] * x[:, 2], samples(3))
    assert results["groups"] == [[0, 2], [1]]
    assert results["inactive"] == [1]
    said = capsys.readouterr().out
    assert said.startswith("add separability not detected")
    assert "input 1 has no influence" in said


def test_zeros_of_a_product_do_no_harm() -> None:
    x = torch.cartesian_prod(*[torch.linspace(-1, 1, 5)] * 2)  # half of the samples are zeros
    assert test_separability(lambda x: x[:, 0] * x[:, 1], x, [[0], [1]], "mul")


def test_bias_is_added_before_a_product_is_looked_for(samples: Any) -> None:
    f = lambda x: torch.exp(x[:, 0]) * (2 + x[:, 1]) - 7  # noqa: E731
    assert not test_separability(f, samples(2), [[0], [1]], "mul")
    assert test_separability(f, samples(2), [[0], [1]], "mul", bias=7.0)
    assert detect_separability(f, samples(2), "mul", bias=7.0)["n_groups"] == 2


def test_inputs_in_no_group_are_one_more(samples: Any) -> None:
    x = samples(6)
    assert test_separability(sum_of_products, x, [[0, 1]])
    assert test_separability(sum_of_products, x, [[0, 1], [2, 3]])
    assert not test_separability(sum_of_products, x, [[0, 1], [2]])


@pytest.mark.parametrize(("n_clusters", "n_groups"), [(3, 3), (2, 2), ([1, 2], 2), ([2, 6], 3), (4, 1), ((4, 6), 1)])
def test_the_number_of_groups_can_be_asked_for(samples: Any, n_clusters: Any, n_groups: int) -> None:
    results = detect_separability(sum_of_products, samples(6), n_clusters=n_clusters, quiet=True)
    assert results["n_groups"] == len(results["groups"]) == n_groups


@pytest.mark.parametrize("n_clusters", [0, 7, [2], [3, 2], [1, 2, 3]])
def test_an_impossible_number_of_groups_is_refused(samples: Any, n_clusters: Any) -> None:
    with pytest.raises(ArgumentError, match="between 1 and 6"):
        detect_separability(sum_of_products, samples(6), n_clusters=n_clusters)


def test_thresholds_decide(samples: Any) -> None:
    f = lambda x: x[:, 0] + x[:, 1] + 0.05 * x[:, 0] * x[:, 1]  # noqa: E731
    score = float(detect_separability(f, samples(2), quiet=True)["hessian"][0, 1])
    assert 0.01 < score < 0.05
    assert detect_separability(f, samples(2), score_th=0.05, res_th=0.05, quiet=True)["n_groups"] == 2
    assert detect_separability(f, samples(2), score_th=0.05, res_th=0.01, quiet=True)["n_groups"] == 1
    assert test_separability(f, samples(2), [[0], [1]], threshold=score * 1.01)
    assert not test_separability(f, samples(2), [[0], [1]], threshold=score * 0.99)


def test_one_input(samples: Any) -> None:
    assert detect_separability(lambda x: x[:, 0] ** 2, samples(1), quiet=True)["groups"] == [[0]]


def test_a_network_is_taken(samples: Any) -> None:
    model = KAN(width=[3, 2, 1], seed=0, auto_save=False)
    model.remove_edge(0, 0, 1)
    model.remove_edge(0, 1, 1)
    model.remove_edge(0, 2, 0)
    model.fix_symbolic(1, 0, 0, "x", fit_params_bool=False)
    model.fix_symbolic(0, 0, 0, "x", fit_params_bool=False)
    assert detect_separability(model, samples(3), quiet=True)["groups"] == [[0], [1], [2]]
    model.fix_symbolic(1, 0, 0, "exp", fit_params_bool=False)
    assert detect_separability(model, samples(3), quiet=True)["groups"] == [[0, 1], [2]]


def test_summaries_tell_measured_values_and_can_be_switched_off(samples: Any, capsys: Any) -> None:
    detect_separability(sum_of_products, samples(6))
    test_separability(sum_of_products, samples(6), PAIRS)
    found, tested = capsys.readouterr().out.splitlines()
    assert found.startswith("add separability detected: [0, 1] | [2, 3] | [4, 5], scores between groups up to 0")
    assert tested.startswith("add separability of [0, 1] | [2, 3] | [4, 5]: yes")
    detect_separability(sum_of_products, samples(6), verbose=True)
    assert len(capsys.readouterr().out.splitlines()) == 6 + 1
    detect_separability(sum_of_products, samples(6), verbose=True, quiet=True)
    test_separability(sum_of_products, samples(6), PAIRS, quiet=True)
    assert capsys.readouterr().out == ""


def test_the_nearest_groups_are_told_where_none_pass(samples: Any, capsys: Any) -> None:
    detect_separability(lambda x: x[:, 0] * x[:, 1] + x[:, 2] + 0.1 * x[:, 1] * x[:, 2], samples(3))
    assert "not detected; nearest: [0, 1] | [2]" in capsys.readouterr().out


def test_an_unknown_mode_is_refused(samples: Any) -> None:
    with pytest.raises(ArgumentError, match="'add', 'mul'"):
        detect_separability(sum_of_products, samples(6), mode="sum")
    with pytest.raises(ArgumentError, match="'add', 'mul'"):
        test_separability(sum_of_products, samples(6), PAIRS, mode="sum")


@pytest.mark.parametrize("mode", ["add", "mul"])
def test_an_influence_within_rounding_scores_nothing(mode: str) -> None:
    x = torch.rand(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    results = detect_separability(lambda x: x[:, 0] ** 2 + 1e-17 * x[:, 0] * x[:, 1], x, mode=mode, quiet=True)
    assert results["inactive"] == [1]
    assert results["hessian"][0, 1] == results["hessian"][1, 0] == 0
