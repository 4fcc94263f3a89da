"""The measured influences and interactions: right values, comparable units, and no conclusions from noise."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from kan.common.errors import ArgumentError
from kan.hypothesis.influences import checked_samples, floored, influences, mean_share


def test_influences_are_derivatives_in_units_of_the_spread(samples: Any) -> None:
    x = samples(2, dtype=torch.float64) * torch.tensor([3.0, 0.1])
    measured = influences(lambda x: x[:, 0] ** 2 * x[:, 1], x)
    s = x.std(dim=0, correction=0)
    torch.testing.assert_close(measured.spread, s)
    torch.testing.assert_close(measured.values * measured.scale, x[:, 0] ** 2 * x[:, 1])
    torch.testing.assert_close(measured.first[0] * measured.scale, 2 * x[:, 0] * x[:, 1] * s[0])
    torch.testing.assert_close(measured.second[0, 1] * measured.scale, 2 * x[:, 0] * s[0] * s[1])
    torch.testing.assert_close(measured.second[0, 0] * measured.scale, 2 * x[:, 1] * s[0] ** 2)


def test_the_largest_entry_is_1_so_that_products_stay_in_range(samples: Any) -> None:
    measured = influences(lambda x: 1e-30 * torch.exp(x.sum(dim=1)), samples(3))
    assert max(part.abs().max() for part in (measured.values, measured.first, measured.second)) == 1


def test_only_the_first_output_counts(samples: Any) -> None:
    x = samples(2)
    one = influences(lambda x: x[:, [0]] * x[:, [1]], x)
    two = influences(lambda x: torch.stack([x[:, 0] * x[:, 1], x[:, 0]], dim=1), x)
    assert torch.equal(one.second, two.second)
    assert torch.equal(one.values, two.values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_that_only_stir_the_rounding_are_not_active(samples: Any, dtype: torch.dtype) -> None:
    def f(x: torch.Tensor) -> torch.Tensor:
        one = (x[:, 1] ** 2 + 1).sqrt() / (x[:, 1] ** 2 + 1).sqrt()  # its derivative is rounding
        return (5 + x[:, 0]) * one + 0 * x[:, 2]

    x = samples(4, dtype=dtype)
    x[:, 3] = 2.0
    assert influences(lambda x: f(x) + x[:, 3] ** 2, x).active == [0]


def test_an_input_that_matters_at_few_samples_is_active(samples: Any) -> None:
    x = samples(2, n_samples=1000)
    measured = influences(lambda x: x[:, 0] ** 2 + torch.relu(x[:, 1] - 0.9) ** 3, x)
    assert measured.active == [0, 1]


def test_heavy_tails_do_not_hide_inputs(samples: Any) -> None:
    assert influences(lambda x: torch.exp(25 * x[:, 0]) + x[:, 1] ** 2, samples(2)).active == [0, 1]


def test_samples_outside_of_the_domain_are_left_out(samples: Any) -> None:
    x = samples(2)
    measured = influences(lambda x: torch.log(x[:, 0]) * x[:, 1], x)
    assert torch.equal(measured.x, x[x[:, 0] > 0])


def test_a_function_that_is_finite_at_the_samples_only_is_taken() -> None:
    x = torch.cartesian_prod(*[torch.arange(-2.0, 3.0)] * 2)
    measured = influences(lambda x: x.prod(dim=1) * torch.where((x == x.round()).all(dim=1), 1.0, torch.nan), x)
    assert measured.active == [0, 1]


def test_a_function_that_is_finite_nowhere_is_refused(samples: Any) -> None:
    with pytest.raises(ArgumentError, match="they are at 0 of 100"):
        influences(lambda x: torch.log(-1 - x[:, 0] ** 2), samples(1))


@pytest.mark.parametrize("activation", [torch.nn.ReLU, torch.nn.LeakyReLU])
@pytest.mark.parametrize("n_samples", [5, 100])
def test_piecewise_linear_networks_are_refused(network: Any, samples: Any, activation: Any, n_samples: int) -> None:
    with pytest.raises(ArgumentError, match="piecewise linear"):
        influences(network(3, activation), samples(3, n_samples))


def outside_of_torch(x: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(np.sin(x.detach().numpy()[:, 0] * x.detach().numpy()[:, 1]))


@pytest.mark.parametrize("f", [outside_of_torch, lambda x: x[:, 0].detach() ** 2 + 0 * x[:, 1], lambda x: x[:, 0] > 0])
def test_functions_that_vary_without_derivatives_are_refused(samples: Any, f: Any) -> None:
    with pytest.raises(ArgumentError, match="no input has an influence"):
        influences(lambda x: f(x).to(x.dtype), samples(2))


def test_constants_are_taken(samples: Any) -> None:
    assert influences(lambda x: 3 + 0 * x[:, 0], samples(2)).active == []


def test_splines_of_degree_1_are_refused(samples: Any) -> None:
    from kan import KAN

    model = KAN(width=[3, 5, 1], k=1, grid=5, noise_scale=1.0, seed=0, auto_save=False)
    with pytest.raises(ArgumentError, match="degree k=3"):
        influences(model, samples(3))


def test_kinks_in_some_inputs_give_a_warning(samples: Any) -> None:
    with pytest.warns(UserWarning, match=r"inputs \[0\]"):
        influences(lambda x: x[:, 0].abs() + x[:, 1] * x[:, 2], samples(3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(dim=1),
        lambda x: torch.sin(20 * x[:, 0]) * x[:, 1] + x[:, 2],
        lambda x: torch.exp(-100 * x.square().sum(dim=1)),
        lambda x: 1 / (x[:, 0] * x[:, 1]) + x[:, 2] ** 8,
        lambda x: torch.sigmoid(50 * x[:, 0] * x[:, 1]) * x[:, 2],
    ],
)
def test_smooth_functions_give_no_warning(samples: Any, f: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        influences(f, samples(3))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(5), "shape"),
        (torch.rand(1, 2), "at least two samples"),
        (torch.tensor([[1.0, float("nan")], [0.0, 0.0]]), "1 of 4 entries are NaN"),
    ],
)
def test_samples_that_tell_nothing_are_refused(x: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        checked_samples(x)


def test_numpy_arrays_and_integers_are_taken() -> None:
    assert checked_samples(np.zeros((3, 2))).dtype == torch.float64
    assert checked_samples([[1, 2], [3, 4]]).dtype == torch.float32


@pytest.mark.usefixtures("global_generators_untouched")
def test_nothing_is_left_on_model_or_samples(network: Any, samples: Any) -> None:
    model, x = network(2), samples(2)
    influences(model, x)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not x.requires_grad
    assert x.grad is None


def test_floors_are_medians() -> None:
    assert floored(torch.tensor([[-4.0, 0.0, 1.0]])).tolist() == [[4.0, 1.0, 1.0]]


def test_shares_are_averaged_and_0_where_there_is_no_whole() -> None:
    assert mean_share(torch.tensor([-1.0, 0.0]), torch.tensor([2.0, 0.0])) == 0.25
