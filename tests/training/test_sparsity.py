"""The sparsity of a layer in one step: against autograd, through numpy and through torch."""

from __future__ import annotations

import pytest
import torch

from kan.training import sparsity as module
from kan.training.sparsity import SparsityWeights, sparsity, spline_sparsity

WEIGHTS = SparsityWeights(1.0, 2.0, 1e-4)


@pytest.fixture(params=[0, 10**9], ids=["torch", "numpy"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SMALL", request.param)


@pytest.fixture
def layer() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    variances = torch.rand(3, 4, dtype=torch.float64, generator=generator) + 0.05
    inputs = torch.randn(3, 9, dtype=torch.float64, generator=generator)
    return variances.requires_grad_(), inputs.requires_grad_()


def by_autograd(variances: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """Return the same from its definition."""
    return sparsity(variances.sqrt().T / (inputs.std(dim=1) + 0.1), WEIGHTS)


@pytest.mark.usefixtures("library")
def test_values_and_gradients_are_those_of_the_definition(layer) -> None:
    variances, inputs = layer
    value, gradients = spline_sparsity(variances, inputs, WEIGHTS, floor=0.1, for_inputs=True)
    expected = by_autograd(variances, inputs)
    assert value == pytest.approx(expected.item())
    for ours, theirs in zip(gradients, torch.autograd.grad(expected, (variances, inputs))):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.usefixtures("library")
def test_gradients_of_scales_are_those_of_autograd_once_and_twice(layer) -> None:
    scales = layer[0]
    assert torch.autograd.gradcheck(lambda s: sparsity(s, WEIGHTS), scales)
    assert torch.autograd.gradgradcheck(lambda s: sparsity(s, WEIGHTS), scales)


@pytest.mark.usefixtures("library")
def test_edges_and_inputs_that_do_not_vary_have_gradient_zero() -> None:
    variances, inputs = torch.zeros(3, 4, dtype=torch.float64), torch.ones(3, 9, dtype=torch.float64)
    _, gradients = spline_sparsity(variances, inputs, WEIGHTS, floor=0.1, for_inputs=True)
    assert not any(gradient.any() for gradient in gradients)


def test_numpy_and_torch_agree(layer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for small in (0, 10**9):
        monkeypatch.setattr(module, "_SMALL", small)
        value, gradients = spline_sparsity(*layer, WEIGHTS, floor=0.1, for_inputs=True)
        found.append((torch.tensor(value), *gradients))
    for first, second in zip(*found):
        torch.testing.assert_close(first, second)


def test_constant_inputs_get_no_gradient(layer) -> None:
    assert spline_sparsity(*layer, WEIGHTS, floor=0.1, for_inputs=False)[1][1] is None
