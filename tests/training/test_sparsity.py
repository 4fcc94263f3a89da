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


@pytest.mark.usefixtures("library")
def test_scales_are_spreads_of_edges_over_those_of_their_inputs(layer) -> None:
    variances, inputs = layer
    scales = variances.sqrt().T / (inputs.std(dim=1) + 0.1)
    torch.testing.assert_close(spline_sparsity(variances, inputs, WEIGHTS, floor=0.1), sparsity(scales, WEIGHTS))


@pytest.mark.usefixtures("library")
def test_the_gradients_are_those_of_autograd_once_and_twice(layer) -> None:
    def value(variances: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return spline_sparsity(variances, inputs, WEIGHTS, floor=0.1)

    assert torch.autograd.gradcheck(value, layer)
    assert torch.autograd.gradgradcheck(value, layer)


@pytest.mark.usefixtures("library")
def test_edges_and_inputs_that_do_not_vary_have_gradient_zero() -> None:
    variances = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    inputs = torch.ones(3, 9, dtype=torch.float64, requires_grad=True)
    gradients = torch.autograd.grad(spline_sparsity(variances, inputs, WEIGHTS, floor=0.1), (variances, inputs))
    assert not any(gradient.any() for gradient in gradients)


def test_numpy_and_torch_agree(layer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for small in (0, 10**9):
        monkeypatch.setattr(module, "_SMALL", small)
        value = spline_sparsity(*layer, WEIGHTS, floor=0.1)
        found.append((value, *torch.autograd.grad(value, layer)))
    for first, second in zip(*found):
        torch.testing.assert_close(first, second)
