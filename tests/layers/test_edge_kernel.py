"""The arithmetic of the edges, through numpy and through torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kan.layers import KANLinear, edge_kernel
from kan.layers.edge_kernel import NUMPY, TORCH, library_for
from kan.layers.edge_sum import edge_sums
from kan.spline import extend_knots


@pytest.fixture(params=[0, 1, 3], ids=lambda degree: f"k={degree}")
def layer(request: pytest.FixtureRequest) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)

    def draw(*size: int) -> torch.Tensor:
        return torch.randn(*size, dtype=torch.float64, generator=generator)

    knots = extend_knots(torch.sort(draw(2, 5), dim=1).values, degree=request.param)
    x = draw(2, 30)
    weights = {"coefficients": draw(2, 3, 4 + request.param), "scale_base": draw(2, 3), "scale_spline": draw(2, 3)}
    tensors = {"x": x, "base": torch.sin(x), **weights, "mask": torch.ones(2, 3, dtype=torch.float64)}
    return {**{name: tensor.requires_grad_() for name, tensor in tensors.items()}, "knots": knots}


def results(layer: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    degree = layer["knots"].shape[1] - 1 - layer["coefficients"].shape[2]
    sums, variances = edge_sums(*layer.values(), degree=degree, with_variances=True)
    leaves = [tensor for tensor in layer.values() if tensor.requires_grad]
    return [sums, variances, *torch.autograd.grad(sums.square().sum() + variances.sum(), leaves)]


def test_numpy_and_torch_agree(layer, monkeypatch: pytest.MonkeyPatch) -> None:
    small = results(layer)
    monkeypatch.setattr(edge_kernel, "_SMALL_WORK", 0)
    assert library_for(layer["x"], layer["knots"]) is TORCH
    for first, second in zip(small, results(layer)):
        torch.testing.assert_close(first, second)


def test_imaginary_parts_of_conjugated_numbers_are_taken_as_inputs_and_as_gradients() -> None:
    layer, numbers = (
        KANLinear(3, 2),
        torch.randn(4, 3, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)),
    )
    imaginary = numbers.conj().imag
    assert imaginary.is_neg()
    y = layer(imaginary)
    assert torch.equal(y, layer(-numbers.imag))
    (found,) = torch.autograd.grad(y, layer.coef, imaginary[:, :2], retain_graph=True)
    assert torch.equal(found, torch.autograd.grad(y, layer.coef, -numbers.imag[:, :2])[0])


def test_large_layers_half_precision_and_many_intervals_go_through_torch() -> None:
    knots = extend_knots(torch.linspace(-1, 1, 6).expand(2, -1), degree=3)
    assert library_for(torch.zeros(2, 10), knots) is not TORCH
    assert library_for(torch.zeros(2, 10**6), knots) is TORCH
    assert library_for(torch.zeros(2, 10).half(), knots.half()) is TORCH
    fine = extend_knots(torch.linspace(-1, 1, 201).expand(20, -1), degree=3)
    assert library_for(torch.zeros(20, 1000), fine) is TORCH


def test_predictions_of_medium_layers_go_through_torch() -> None:
    knots = extend_knots(torch.linspace(-1, 1, 6).expand(10, -1), degree=3)
    x = torch.zeros(10, 1000)
    assert library_for(x, knots) is not TORCH
    assert library_for(x, knots, for_gradients=False) is TORCH
    assert library_for(x[:, :100], knots, for_gradients=False) is not TORCH


@pytest.mark.parametrize(("shape", "by_numpy"), [((16, 16, 16), True), ((144, 16, 256), False), ((80, 80, 1), False)])
def test_products_that_wake_numpys_threads_go_through_torch(
    shape: tuple[int, int, int], by_numpy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, inner, columns = shape
    calls = []
    monkeypatch.setattr(edge_kernel.np, "matmul", lambda first, second: calls.append(1) or first @ second)
    first, second = np.ones((rows, inner)), np.ones((inner, columns))
    np.testing.assert_array_equal(NUMPY.multiply(first, second), np.full((rows, columns), inner))
    assert bool(calls) == by_numpy
