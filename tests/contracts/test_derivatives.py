"""What every layer and network keeps under differentiation: gradcheck, double backward, torch.func."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, hessian, jacfwd, jacrev, jvp, vmap

pytestmark = [
    # torch's own forward mode builds some of its rules with torch.jit.
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    # Its vmap lays samples out as it likes, and its searchsorted then remarks that this is slower.
    pytest.mark.filterwarnings("ignore:torch.searchsorted:UserWarning"),
]


class Output(nn.Module):
    """The output of a case as a module, for `functional_call`."""

    def __init__(self, case: Any) -> None:
        super().__init__()
        self.case, self.module = case, case.make().double()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.case.output(self.module, x)
        return result

    def trained(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.named_parameters() if p.requires_grad}


@pytest.fixture
def model(case: Any) -> Output:
    return Output(case)


@pytest.fixture
def points(x: Tensor) -> Tensor:
    return x[:3].double()


def test_inputs_and_parameters_pass_gradcheck_twice(model: Output, points: Tensor) -> None:
    names = list(model.trained())

    def output(x: Tensor, *values: Tensor) -> Tensor:
        result: Tensor = functional_call(model, dict(zip(names, values)), (x,))
        return result

    leaves = [tensor.requires_grad_() for tensor in (points, *model.trained().values())]
    assert torch.autograd.gradcheck(output, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(output, leaves, fast_mode=True)


def test_parameters_can_be_replaced(model: Output, points: Tensor) -> None:
    before = model(points).detach()
    zeros = {name: torch.zeros_like(tensor) for name, tensor in model.trained().items()}
    replaced = functional_call(model, zeros, (points,))
    assert not torch.allclose(replaced, before)
    assert torch.equal(model(points), before)


def test_a_vectorised_call_is_a_loop(model: Output, points: Tensor) -> None:
    batches = torch.stack([points, points + 0.1, points - 0.1])
    looped = torch.stack([model(batch) for batch in batches])
    assert torch.allclose(vmap(model)(batches), looped, atol=1e-12)


def test_parameters_can_be_vectorised(model: Output, points: Tensor) -> None:
    """An ensemble: many sets of parameters, one module."""
    sets = {name: torch.stack([tensor, tensor * 1.1]) for name, tensor in model.trained().items()}

    def output(values: dict[str, Tensor]) -> Tensor:
        result: Tensor = functional_call(model, values, (points,))
        return result

    looped = [output({name: tensor[index] for name, tensor in sets.items()}) for index in range(2)]
    assert torch.allclose(vmap(output)(sets), torch.stack(looped), atol=1e-12)


def test_jacobians_agree_with_the_backward_pass(model: Output, points: Tensor) -> None:
    expected = torch.autograd.functional.jacobian(model, points)
    assert torch.allclose(jacrev(model)(points), expected, atol=1e-12)
    assert torch.allclose(jacfwd(model)(points), expected, atol=1e-12)
    tangent = torch.ones_like(points)
    _, along = jvp(model, (points,), (tangent,))
    assert torch.allclose(along, torch.einsum("noms,ms->no", expected, tangent), atol=1e-12)


def test_hessians_agree_with_the_double_backward_pass(model: Output, points: Tensor) -> None:
    def total(x: Tensor) -> Tensor:
        result: Tensor = model(x).square().sum()
        return result

    expected = torch.autograd.functional.hessian(total, points)
    assert torch.allclose(hessian(total)(points), expected, atol=1e-9)
    assert torch.allclose(jacrev(jacrev(total))(points), expected, atol=1e-9)


def test_derivatives_of_single_samples_are_vectorised(model: Output, points: Tensor) -> None:
    """As for differential equations: the second derivative of the output at every sample."""

    def at(sample: Tensor) -> Tensor:
        result: Tensor = model(sample[None])[0, 0]
        return result

    looped = [torch.autograd.functional.hessian(at, sample) for sample in points]
    assert torch.allclose(vmap(hessian(at))(points), torch.stack(looped), atol=1e-9)  # type: ignore[arg-type]


def test_hessians_with_respect_to_parameters(model: Output, points: Tensor) -> None:
    # The scales: small, and every derivative with respect to them goes through the whole operation.
    name, tensor = min(model.trained().items(), key=lambda item: item[1].numel())

    def total(values: Tensor) -> Tensor:
        result: Tensor = functional_call(model, {name: values}, (points,)).square().sum()
        return result

    expected = torch.autograd.functional.hessian(total, tensor)
    assert torch.allclose(hessian(total)(tensor), expected, atol=1e-9)
