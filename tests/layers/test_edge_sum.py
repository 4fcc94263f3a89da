"""One layer of numerical edges as one operation: values, variances and derivatives of all orders."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from kan.layers import edge_blocks, edge_gather, edge_kernel, edge_sum
from kan.layers.edge_sum import EdgeSums, edge_sums, make_features
from kan.spline import adaptive_knots, basis, extend_knots, uniform_knots

forward_mode = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

# By name: as an attribute of the package, `basis` is the function.
BASIS = import_module("kan.spline.basis")

NAMES = ("x", "base", "coefficients", "scale_base", "scale_spline", "mask")


@pytest.fixture(params=["numpy", "blocks", "gathered"], autouse=True)
def evaluation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run every test with all evaluations of the edges, whichever would be cheaper."""
    if request.param != "numpy":
        monkeypatch.setattr(edge_kernel, "_SMALL_WORK", 0)
    monkeypatch.setattr(edge_sum, "is_gathered", lambda *_, **__: request.param == "gathered")
    monkeypatch.setattr(BASIS, "is_dense", lambda *_: request.param != "gathered")
    # One input at a time.
    for module in (edge_blocks, edge_gather):
        monkeypatch.setattr(module, "_BLOCK", 1)
    return str(request.param)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_case(degree: int, *, kind: str = "adaptive", n_samples: int = 4, n_outputs: int = 2) -> dict[str, Tensor]:
    """Return the tensors of a small layer; no sample is near a knot, where the last derivative jumps."""
    interior = uniform_knots(-1, 1, inputs=2, intervals=2).double()
    if kind == "adaptive":
        interior = adaptive_knots(random(50, 2, seed=9), interior, intervals=2, eps=0.02)
    knots = extend_knots(interior, degree=degree)
    middles = (knots[:, 1:] + knots[:, :-1]) / 2 + 0.1 * knots.diff(dim=1)
    place = torch.arange(n_samples) % middles.shape[1]
    x = middles[:, place] + 0.02 * torch.rand(2, n_samples, generator=torch.Generator().manual_seed(0)).double()
    return {
        "x": x,
        "base": random(2, n_samples, seed=1),
        "coefficients": random(2, n_outputs, 2 + degree, seed=2),
        "scale_base": random(2, n_outputs, seed=3),
        "scale_spline": random(2, n_outputs, seed=4),
        "mask": random(2, n_outputs, seed=5),
        "knots": knots,
    }


def leaves(case: dict[str, Tensor], names: tuple[str, ...] = NAMES) -> tuple[Tensor, ...]:
    return tuple(case[name].clone().requires_grad_() for name in names)


def edges(case: dict[str, Tensor], degree: int) -> Tensor:
    """Return the value of every edge (I, O, N), as the formula says."""
    splines = torch.einsum("iob,ibn->ion", case["coefficients"], basis(case["x"], case["knots"], degree=degree))
    scale_base, scale_spline, mask = (case[name][:, :, None] for name in ("scale_base", "scale_spline", "mask"))
    return mask * (scale_base * case["base"][:, None] + scale_spline * splines)


def call(case: dict[str, Tensor], degree: int, *tensors: Tensor, **options: Any) -> EdgeSums:
    named = {**case, **dict(zip(NAMES, tensors))}
    return edge_sums(*(named[name] for name in NAMES), named["knots"], degree=degree, **options)


@pytest.mark.parametrize("kind", ["uniform", "adaptive"])
@pytest.mark.parametrize("degree", range(6))
def test_sums_and_variances_are_those_of_the_edges(degree: int, kind: str) -> None:
    case = make_case(degree, kind=kind, n_samples=30, n_outputs=3)
    values = edges(case, degree)
    sums, variances = call(case, degree, with_variances=True)
    assert torch.allclose(sums, values.sum(dim=0), rtol=1e-12, atol=1e-12)
    assert variances is not None
    assert torch.allclose(variances, values.var(dim=2), rtol=1e-10, atol=1e-12)


def test_variances_are_left_out_unless_asked_for() -> None:
    assert call(make_case(3), 3).variances is None


def test_a_single_sample_has_no_variance() -> None:
    variances = call(make_case(3, n_samples=1), 3, with_variances=True).variances
    assert variances is not None
    assert torch.equal(variances, torch.zeros(2, 2).double())


@pytest.mark.parametrize("kind", ["uniform", "adaptive"])
@pytest.mark.parametrize("degree", range(6))
@pytest.mark.parametrize("with_variances", [False, True])
def test_first_and_second_derivatives_pass_gradcheck(degree: int, kind: str, with_variances: bool) -> None:
    case = make_case(degree, kind=kind)

    def operation(*tensors: Tensor) -> tuple[Tensor, ...]:
        result = call(case, degree, *tensors, with_variances=with_variances)
        return tuple(tensor for tensor in result if tensor is not None)

    assert gradcheck(operation, leaves(case), fast_mode=True)
    assert gradgradcheck(operation, leaves(case), fast_mode=True)


@pytest.mark.parametrize("name", NAMES)
def test_each_gradient_alone_is_that_of_the_formula(name: str) -> None:
    case = make_case(3, n_samples=6)
    expected_case, case[name] = dict(case), case[name].clone().requires_grad_()
    expected_case[name] = case[name].detach().clone().requires_grad_()
    sums, variances = call(case, 3, with_variances=True)
    values = edges(expected_case, 3)
    (sums.square().sum() + variances.square().sum()).backward()  # type: ignore[union-attr]
    (values.sum(dim=0).square().sum() + values.var(dim=2).square().sum()).backward()
    assert torch.allclose(case[name].grad, expected_case[name].grad, rtol=1e-9)  # type: ignore[arg-type]


@pytest.mark.parametrize("with_variances", [False, True])
def test_third_derivatives_are_those_of_the_formula(with_variances: bool) -> None:
    results = []
    for evaluate in (
        lambda case: call(case, 4, with_variances=with_variances),
        lambda case: EdgeSums(edges(case, 4).sum(dim=0), edges(case, 4).var(dim=2)),
    ):
        case = make_case(4)
        case["x"].requires_grad_()
        sums, variances = evaluate(case)
        value = sums.sin().sum() + (variances.sin().sum() if with_variances else 0)
        for _ in range(3):
            (value,) = torch.autograd.grad(value.sum(), case["x"], create_graph=True)
        results.append(value)
    assert torch.allclose(*results, rtol=1e-8)


# Known features


def test_known_features_give_the_same_values() -> None:
    case = make_case(3, n_samples=20)
    features = make_features(case["x"], case["base"], case["knots"], degree=3)
    known, computed = (call(case, 3, with_variances=True, features=given) for given in (features, None))
    assert torch.allclose(known.sums, computed.sums)
    assert torch.allclose(known.variances, computed.variances)  # type: ignore[arg-type]


def test_derivatives_with_known_features_pass_gradcheck() -> None:
    case = make_case(3)
    features = make_features(case["x"], case["base"], case["knots"], degree=3)
    # The base is part of the features: what is handed in beside them must not matter.
    case["base"] = case["x"]

    def operation(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        result = call(case, 3, case["x"], case["base"], *tensors, with_variances=True, features=features)
        return result.sums, result.variances  # type: ignore[return-value]

    assert gradcheck(operation, leaves(case, NAMES[2:]), fast_mode=True)
    assert gradgradcheck(operation, leaves(case, NAMES[2:]), fast_mode=True)


# Transforms


@forward_mode
def test_transforms_agree_with_the_operation() -> None:
    case = make_case(3)
    inputs = case["x"]

    def sums(x: Tensor) -> Tensor:
        return call(case, 3, x).sums

    jacobian = torch.autograd.functional.jacobian(sums, inputs)
    assert torch.allclose(torch.func.jacrev(sums)(inputs), jacobian)
    assert torch.allclose(torch.func.jacfwd(sums)(inputs), jacobian)
    many = torch.stack([inputs, inputs + 0.01])
    assert torch.allclose(torch.func.vmap(sums)(many)[1], sums(inputs + 0.01))
    value = torch.func.hessian(lambda x: sums(x).sin().sum())(inputs)
    expected = torch.autograd.functional.hessian(lambda x: sums(x).sin().sum(), inputs)
    assert torch.allclose(value, expected)


@forward_mode
def test_variances_pass_through_transforms() -> None:
    case = make_case(3)

    def variances(coefficients: Tensor) -> Tensor:
        result = call(case, 3, case["x"], case["base"], coefficients, with_variances=True).variances
        assert result is not None
        return result

    jacobian = torch.autograd.functional.jacobian(variances, case["coefficients"])
    assert torch.allclose(torch.func.jacfwd(variances)(case["coefficients"]), jacobian)


def test_no_samples_give_no_sums_and_no_gradients() -> None:
    case = {name: tensor.requires_grad_(name != "knots") for name, tensor in make_case(3, n_samples=0).items()}
    sums, variances = call(case, 3)
    assert sums.shape == (2, 0)
    assert variances is None
    sums.sum().backward()
    assert not case["coefficients"].grad.any()  # type: ignore[union-attr]


def test_gradients_that_are_asked_for_where_autocast_is_on_are_those_of_full_precision() -> None:
    case = {name: tensor.float() for name, tensor in make_case(3, n_samples=2000).items()}
    found = []
    for enabled in (False, True):
        tensors = leaves(case)
        sums = call(case, 3, *tensors).sums.square().mean()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found.append(torch.autograd.grad(sums, tensors))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("size", [1e30, float("inf")])
def test_numbers_that_overflow_give_no_warning(size: float) -> None:
    case = {name: tensor.float() for name, tensor in make_case(2).items()}
    leaves = {name: (case[name] * (size if name in ("x", "base") else 1)).requires_grad_() for name in NAMES}
    sums, variances = edge_sums(**leaves, knots=case["knots"], degree=2, with_variances=True)
    assert variances is not None
    (sums.square().sum() + variances.sum()).backward()
    assert not bool(leaves["scale_base"].grad.isfinite().all())
