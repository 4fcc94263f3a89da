"""What is recorded of a forward pass, against pykan's records and against per-edge values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kan.network import Network, Trace
from kan.network.trace import root, spread

NAMES = [
    "affine",
    "degree_two",
    "double",
    "fully_symbolic",
    "identity_base",
    "partly_symbolic",
    "per_layer",
    "product",
    "product_nested",
    "pruned",
    "pruned_input",
    "pruned_product",
    "sum_only",
]


def close(ours: Tensor, pykans: Tensor) -> bool:
    return torch.allclose(ours, pykans, atol=2e-6 * float(pykans.abs().max().clamp(min=1e-3)))


@pytest.mark.parametrize("name", NAMES)
def test_records_are_those_of_pykan(pykan_case: Callable[[str], tuple[Network, dict[str, Any]]], name: str) -> None:
    network, expected = pykan_case(name)
    with torch.no_grad():
        trace = network.trace(expected["x"])
        assert close(trace.output, expected["y"])
        assert [close(*pair) for pair in zip(trace.nodes, expected["acts"])] == [True] * (network.depth + 1)
        for layer, step in enumerate(trace.layers):
            assert close(step.subnodes.T, expected["acts_premult"][layer])
            assert close(step.postacts(), expected["spline_postacts"][layer])
            assert close(step.postsplines(), expected["spline_postsplines"][layer])
            assert close(step.preacts, expected["acts"][layer])


def test_the_output_is_that_of_the_forward_pass(mixed: Network, x: Tensor) -> None:
    torch.testing.assert_close(mixed.trace(x).output, mixed(x))


def test_recording_leaves_no_trace_on_the_network(mixed: Network, x: Tensor) -> None:
    mixed.trace(x)
    assert mixed.cache_data is None


def test_spreads_are_standard_deviations_of_the_values(mixed: Network, x: Tensor) -> None:
    for step in mixed.trace(x).layers:
        values = step.postacts()
        numeric = step.numeric(step.preacts)[2]
        assert torch.allclose(step.edge_spread(), values.std(dim=0), atol=1e-9)
        assert torch.allclose(step.spline_spread(), numeric.std(dim=0), atol=1e-9)
        assert torch.allclose(step.input_spread(), step.preacts.std(dim=0))
        assert torch.allclose(step.subnode_spread(), values.sum(dim=2).std(dim=0))


def test_the_values_of_one_edge_are_those_among_all(mixed: Network, x: Tensor) -> None:
    for step in mixed.trace(x).layers:
        values = step.postacts()
        for j in range(step.numeric.out_dim):
            for i in range(step.numeric.in_dim):
                assert torch.allclose(step.edge_values(i, j), values[:, j, i])


def test_edges_of_both_kinds_add_up(mixed: Network, x: Tensor) -> None:
    step = mixed.trace(x).layers[0]
    both = step.numeric(x)[2] + step.symbolic(x)[1]
    assert torch.allclose(step.postacts(), both)
    assert bool(step.symbolic(x)[1][:, 0, 1].any())
    assert bool(step.numeric(x)[2][:, 0, 1].any())


def test_a_fully_symbolic_layer_has_no_numerical_variance(x: Tensor) -> None:
    network = Network([2, 1]).double()
    for i in range(2):
        network.symbolic_fun[0].set_edge(i, 0, "sin")  # type: ignore[operator]
        network.symbolic_fun[0].affine.data[0, i] = torch.tensor([1.0, 0.0, 1.0, 0.0])  # type: ignore[union-attr]
    network.symbolic_fun[0].mask.data.fill_(1)  # type: ignore[union-attr, operator]
    network.act_fun[0].mask.data.zero_()  # type: ignore[union-attr, operator]
    trace = network.trace(x)
    assert torch.allclose(trace.output[:, 0], x.sin().sum(dim=1))
    assert not trace.layers[0].spline_spread().any()


def first_derivatives(network: Network, trace: Trace) -> tuple[Tensor, ...]:
    shares = [step.edge_spread() / (step.input_spread() + 0.1) for step in trace.layers]
    total = sum((share / (share.sum() + 1)).sum() for share in shares)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.autograd.grad(total, parameters, create_graph=True, allow_unused=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("constant", [False, True])
def test_spreads_that_are_zero_have_finite_derivatives(mixed: Network, x: Tensor, constant: bool) -> None:
    mixed.act_fun[1].mask.data[:, 0] = 0  # type: ignore[union-attr, operator]
    if constant:
        x = torch.full_like(x, 0.3)
    first = [tensor for tensor in first_derivatives(mixed, mixed.trace(x)) if tensor is not None]
    total = sum(tensor.square().sum() for tensor in first)
    assert isinstance(total, Tensor)
    assert bool(torch.isfinite(total))
    if total.requires_grad:
        total.backward()  # type: ignore[no-untyped-call]
    for parameter in mixed.parameters():
        assert parameter.grad is None or bool(torch.isfinite(parameter.grad).all())


def test_edges_that_are_nan_have_no_spread_of_zero(mixed: Network, x: Tensor) -> None:
    mixed.act_fun[0].coef.data[1, 2] = torch.nan  # type: ignore[union-attr, operator]
    spreads = mixed.trace(x).layers[0].edge_spread()
    assert bool(spreads[2, 1].isnan())
    assert bool(torch.isfinite(spreads[:, 0]).all())


def test_root_of_what_rounding_made_negative_is_zero() -> None:
    assert root(torch.tensor([-1e-20, 0.0, 4.0])).tolist() == [0, 0, 2]


def test_derivatives_of_the_root_pass_gradcheck() -> None:
    variances = torch.tensor([0.5, 2.0]).double().requires_grad_()
    assert torch.autograd.gradcheck(root, (variances,))
    assert torch.autograd.gradgradcheck(root, (variances,))


def test_a_single_sample_has_no_spread() -> None:
    assert spread(torch.ones(3, 1)).tolist() == [0, 0, 0]
    assert spread(torch.ones(3, 0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_is_no_spread(dtype: torch.dtype) -> None:
    values = torch.full((2, 100), 0.3, dtype=dtype)
    values[:, ::3] += 2 * torch.finfo(dtype).eps
    values[1] -= values[1].mean()
    values.requires_grad_()
    widths = spread(values)
    assert widths[0] == 0
    assert widths[1] > 0
    assert not torch.autograd.grad(widths[0], values)[0].any()


def test_edges_of_constant_inputs_have_no_spread(x: Tensor) -> None:
    network = Network([2, 3, 1], seed=0).double()
    network.act_fun[0].mask.data[:, 0] = 0  # type: ignore[union-attr, operator]
    network.node_bias_0.data[0] = 0.37  # type: ignore[operator]
    layer = network.trace(x).layers[1]
    assert layer.input_spread()[0] == layer.spline_spread()[0, 0] == layer.edge_spread()[0, 0] == 0
    assert (layer.spline_spread()[0, 1:] > 0).all()
