"""Derivatives with respect to parameters, against torch.func and by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from kan import KAN
from kan.calculus import get_derivative, model2param
from kan.common.errors import ArgumentError
from kan.MLP import MLP

MODELS = {"mlp": lambda: MLP([2, 4, 1]), "kan": lambda: KAN([2, 2, 1]), "torch": lambda: nn.Linear(2, 1)}


@pytest.fixture
def x() -> Tensor:
    return torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> nn.Module:
    return MODELS[request.param]().double()


def loss_of(model: nn.Module, vector: Tensor, x: Tensor) -> Tensor:
    twin = copy.deepcopy(model)
    values, start = {}, 0
    for name, parameter in twin.named_parameters():
        if parameter.requires_grad:
            values[name] = vector[start : start + parameter.numel()].reshape(parameter.shape)
            start += parameter.numel()
    return (torch.func.functional_call(twin, values, (x,)) - x[:, [0]]).square().mean()


def test_gradient_and_hessian_are_those_of_torch(model: nn.Module, x: Tensor) -> None:
    point = model2param(model).detach()
    gradient = torch.func.jacrev(lambda vector: loss_of(model, vector, x))(point)
    hessian = torch.func.jacrev(torch.func.jacrev(lambda vector: loss_of(model, vector, x)))(point)
    torch.testing.assert_close(get_derivative(model, x, x[:, [0]], derivative="jacobian"), gradient[None])
    torch.testing.assert_close(get_derivative(model, x, x[:, [0]]), hessian[None])


def test_the_vector_has_the_trained_parameters_in_order() -> None:
    model = KAN([1, 1])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    vector = model2param(model)
    assert vector.shape == (sum(parameter.numel() for parameter in trained),)
    assert torch.equal(vector[: trained[0].numel()], trained[0].flatten())


@pytest.mark.parametrize("weights", [{}, {"lamb_l1": 0.25}])
def test_the_penalty_of_a_perceptron_by_hand(x: Tensor, weights: dict[str, float]) -> None:
    """The sum of |w| has the slope sign(w), and no curvature."""
    model = MLP([2, 1]).double()
    slope = get_derivative(model, x, x[:, 0], "jacobian", "reg", **weights)
    assert torch.equal(slope, weights.get("lamb_l1", 1.0) * torch.cat([model.w[0].sign(), torch.zeros(1, 1)], dim=1))
    assert not get_derivative(model, x, x[:, 0], "hessian", "reg", **weights).any()


def test_error_and_penalty_add_up(x: Tensor) -> None:
    model = KAN([2, 2, 1]).double()
    weights = {"reg_metric": "edge_forward_spline_n", "lamb_l1": 0.7, "lamb_entropy": 1.5}
    pred, reg, both = (
        get_derivative(model, x, x[:, [0]], "jacobian", mode, lamb=0.3, **weights) for mode in ("pred", "reg", "all")
    )
    torch.testing.assert_close(both, pred + 0.3 * reg)
    assert reg.any()


def test_the_model_stays_as_it_is(model: nn.Module, x: Tensor) -> None:
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    get_derivative(model, x, x[:, [0]])
    assert all(torch.equal(before[name], tensor) for name, tensor in model.named_parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert getattr(model, "cache_data", None) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"derivative": "gradient"}, "`derivative` must be one of 'hessian', 'jacobian'"),
        ({"loss_mode": "loss"}, "`loss_mode` must be one of 'pred', 'reg', 'all'"),
        ({"loss_mode": "all"}, "needs a model with a penalty"),
    ],
)
def test_arguments_that_make_no_loss(x: Tensor, options: dict[str, str], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        get_derivative(nn.Linear(2, 1).double(), x, x[:, [0]], **options)


def test_labels_must_fit(x: Tensor) -> None:
    with pytest.raises(ArgumentError, match=r"the shape of the predictions, \(20, 1\); got \(20, 2\)"):
        get_derivative(nn.Linear(2, 1).double(), x, x)


def test_a_model_without_trained_parameters_is_refused(x: Tensor) -> None:
    with pytest.raises(ArgumentError, match="no parameter of the model is trained"):
        model2param(nn.Linear(2, 1).requires_grad_(False))
