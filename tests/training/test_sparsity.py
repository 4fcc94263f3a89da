"""The sparsity of a layer in one step: against autograd, through numpy and through torch."""

from __future__ import annotations

import pytest
import torch

from kan.training import sparsity as module
from kan.training.sparsity import InputSpread, SparsityWeights, sparsity, spline_sparsity

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


def by_hand(variances: torch.Tensor, inputs: torch.Tensor, *, for_inputs: bool = True):
    """Return the value and the gradients of this module."""
    spread = InputSpread.of(inputs, edges=variances.numel(), floor=0.1)
    return spline_sparsity(variances, spread, WEIGHTS, for_inputs=for_inputs)


@pytest.mark.usefixtures("library")
def test_values_and_gradients_are_those_of_the_definition(layer) -> None:
    variances, inputs = layer
    value, gradients = by_hand(variances, inputs)
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
    _, gradients = by_hand(variances, inputs)
    assert not any(gradient.any() for gradient in gradients)


def test_numpy_and_torch_agree(layer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for small in (0, 10**9):
        monkeypatch.setattr(module, "_SMALL", small)
        value, gradients = by_hand(*layer)
        found.append((torch.tensor(value), *gradients))
    for first, second in zip(*found):
        torch.testing.assert_close(first, second)


@pytest.mark.usefixtures("library")
def test_a_negative_variance_is_that_of_an_edge_that_does_not_vary(layer) -> None:
    variances, inputs = layer
    rounded = variances.detach().clone()
    rounded[1, 2] = -1e-18
    value, gradients = by_hand(rounded, inputs)
    rounded[1, 2] = 0
    expected, others = by_hand(rounded, inputs)
    assert value == expected
    assert gradients[0][1, 2] == 0
    assert all(map(torch.equal, gradients, others))


def test_constant_inputs_get_no_gradient(layer) -> None:
    assert by_hand(*layer, for_inputs=False)[1][1] is None


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_that_vary_by_rounding_do_not_count(layer, dtype: torch.dtype) -> None:
    """Their variances are rounding too, and noise over noise would be as large as what varies."""
    variances, inputs = (values.detach().to(dtype) for values in layer)
    inputs[1] = 0.3
    inputs[1, ::2] += 2 * torch.finfo(dtype).eps
    noisy, exact = variances.clone(), variances.clone()
    noisy[1], exact[1] = 1e-32, 0
    value, gradients = by_hand(noisy, inputs)
    inputs[1] = 0.25
    expected, others = by_hand(exact, inputs)
    assert value == expected
    for gradient, other in zip(gradients, others):
        assert not gradient[1].any()
        assert torch.equal(gradient, other)


@pytest.mark.usefixtures("library")
def test_inputs_that_overflow_give_no_warning(layer) -> None:
    variances, inputs = layer
    for size in (1e200, float("inf")):
        value, _ = by_hand(variances.detach(), inputs.detach() * size)
        assert not value > 0
    assert not bool(sparsity(variances * float("inf"), WEIGHTS).isfinite())
