"""The adjoint passes give the network's outputs and autograd's gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan import KAN, KANLayer
from kan.network import Adjoint, Network, Trace
from kan.network import adjoint as module

NETWORKS: dict[str, dict[str, Any]] = {
    "sums": {"width": [2, 5, 1]},
    "more outputs than features": {"width": [3, 9, 12, 1]},
    "products": {"width": [3, [2, 2], 2], "mult_arity": 3},
    "products of several arities": {"width": [3, [2, 3], 9], "mult_arity": [[], [3, 1, 2], []]},
    "many intervals": {"width": [2, 3, 1], "grid": 60},
    "one layer": {"width": [2, 1]},
    "degree two": {"width": [2, 3, 1], "k": 2},
    "degree five": {"width": [2, 3, 1], "k": 5},
    "another base function": {"width": [2, 3, 1], "base_fun": torch.sin},
    "no base function": {"width": [2, 3, 1], "base_fun": "zero"},
}


def make(dtype: torch.dtype = torch.float64, **options: Any) -> tuple[KAN, torch.Tensor]:
    """Return a network with affine maps other than the identity, on adapted grids, and data."""
    model = KAN(seed=0, affine_trainable=True, **options).to(dtype)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.node_scale + model.node_bias + model.subnode_scale + model.subnode_bias:
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    x = 2 * torch.rand(300, model.width_in[0], generator=generator, dtype=dtype) - 1
    model.update_grid(x)
    return model, x


def data(*, inputs: int) -> torch.Tensor:
    return 2 * torch.rand(300, inputs, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1


def compare(model: KAN, x: torch.Tensor, **singularity: Any) -> None:
    """Compare outputs, variances and the gradients of a function of both."""
    generator = torch.Generator().manual_seed(1)
    prepared = model.prepare(x)
    assert Adjoint.applies(model, prepared)
    trace = model.trace(prepared, **singularity)
    of_outputs = torch.randn(trace.output.shape, generator=generator, dtype=x.dtype)
    of_variances = [torch.randn(layer.variances.shape, generator=generator, dtype=x.dtype) for layer in trace.layers]
    value = (trace.output * of_outputs).sum()
    value = value + sum((layer.variances * weight).sum() for layer, weight in zip(trace.layers, of_variances))
    model.zero_grad()
    value.backward()

    for only_trained in (False, True):
        adjoint = Adjoint(
            model, prepared, with_variances=True, singularity=singularity, only_trained_change=only_trained
        )
        check(adjoint, model, trace, of_outputs, of_variances)


def check(
    adjoint: Adjoint, model: KAN, trace: Trace, of_outputs: torch.Tensor, of_variances: list[torch.Tensor]
) -> None:
    """Compare with the trace, and with the gradients that the parameters hold."""
    for _ in range(2):  # the second time on memory that was used before
        torch.testing.assert_close(adjoint.forward().T, trace.output.detach())
        for ours, theirs in zip(adjoint.layers, trace.layers):
            torch.testing.assert_close(ours.variances, theirs.variances.detach())
        gradients = {id(p): g for p, g in adjoint.backward(of_outputs.T, [(w, None) for w in of_variances])}
    for parameter in model.parameters():
        if parameter.requires_grad:
            expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            torch.testing.assert_close(gradients.pop(id(parameter), torch.zeros_like(parameter)), expected)
    assert not gradients


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_variances_and_gradients_are_those_of_autograd(name: str) -> None:
    compare(*make(**NETWORKS[name]))


@pytest.mark.parametrize("name", NETWORKS)
def test_affine_maps_that_change_nothing_may_be_left_out(name: str) -> None:
    model = KAN(seed=0, **NETWORKS[name]).double()
    compare(model, data(inputs=model.width_in[0]))


@pytest.mark.parametrize("what", ["node_scale", "node_bias", "subnode_scale", "subnode_bias"])
def test_affine_maps_that_are_not_trained_but_change_something_stay(what: str) -> None:
    model, x = KAN(seed=0, width=[2, [2, 1], 1]).double(), data(inputs=2)
    with torch.no_grad():
        getattr(model, what)[0] += 0.3
    compare(model, x)


def test_single_precision_is_kept() -> None:
    model, x = make(torch.float32, width=[2, 5, 1])
    adjoint = Adjoint(model, model.prepare(x), singularity={})
    assert adjoint.forward().dtype == torch.float32
    assert {g.dtype for _, g in adjoint.backward(torch.ones(1, len(x)))} == {torch.float32}


@pytest.mark.parametrize("singularity", [{}, {"singularity_avoiding": True, "y_th": 2.0}], ids=["plain", "guarded"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_symbolic_edges_and_their_affine_parameters(everywhere: bool, singularity: dict[str, Any]) -> None:
    model, x = make(width=[2, [1, 1], 1])
    model(x)
    names = iter(["sin", "1/x", "x^2", "exp", "log", "0", "tanh", "abs"])
    for layer, i, j in [(0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (0, 0, 2), (0, 1, 2), (1, 0, 0), (1, 1, 0)]:
        name = next(names)
        if everywhere or (i + j) % 2 == 0:
            model.fix_symbolic(layer, i, j, name, fit_params_bool=False, verbose=False)
            model.symbolic_fun[layer].affine.data[j, i] = torch.tensor([0.5, 1.7, 0.8, 0.1], dtype=x.dtype)
    compare(model, x, **singularity)


def test_pruned_edges_stay_out() -> None:
    model, x = make(width=[2, 5, 1])
    model.remove_edge(0, 1, 2)
    model.remove_node(1, 3)
    compare(model, x)


def test_gradients_of_the_inputs_of_inner_layers_are_taken_in() -> None:
    model, x = make(width=[2, 5, 1])
    trace = model.trace(x)
    weight = torch.randn(trace.layers[1].inputs.shape, dtype=x.dtype)
    model.zero_grad()
    (trace.layers[1].inputs * weight).sum().backward()
    adjoint = Adjoint(model, model.prepare(x), with_variances=True, singularity={})
    adjoint.forward()
    nothing = [torch.zeros_like(layer.variances) for layer in adjoint.layers]
    gradients = dict(
        adjoint.backward(torch.zeros(1, len(x), dtype=x.dtype), [(nothing[0], None), (nothing[1], weight)])
    )
    torch.testing.assert_close(gradients[model.act_fun[0].coef], model.act_fun[0].coef.grad)


def test_only_trainable_parameters_get_gradients() -> None:
    model = KAN(width=[2, 3, 1], seed=0, sb_trainable=False)
    x = torch.rand(50, 2)
    adjoint = Adjoint(model, model.prepare(x), singularity={})
    adjoint.forward()
    found = {id(parameter) for parameter, _ in adjoint.backward(torch.ones(1, 50))}
    assert found == {id(p) for layer in model.act_fun for p in (layer.coef, layer.scale_sp)}


class _OwnForward(KAN):
    def advance(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return 2 * super().advance(*args, **kwargs)


class _OwnLayer(KANLayer):
    pass


def test_what_computes_otherwise_is_left_to_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(50, 2)

    def applies(model: Network) -> bool:
        return Adjoint.applies(model, model.prepare(x.to(model.dtype)))

    assert applies(KAN(width=[2, 3, 1]))
    assert not applies(_OwnForward(width=[2, 3, 1]))
    assert not applies(KAN(width=[2, 3, 1], k=1))
    assert not applies(KAN(width=[2, 3, 1], base_fun=torch.nn.PReLU()))
    assert not applies(KAN(width=[2, 3, 1]).bfloat16())
    model = KAN(width=[2, 3, 1])
    model.act_fun[1] = _OwnLayer(3, 1)
    assert not applies(model)
    with torch.autocast("cpu"):
        assert not applies(KAN(width=[2, 3, 1]))
    monkeypatch.setattr(module, "_MOST_NUMBERS", 10)
    assert not applies(KAN(width=[2, 3, 1]))


@pytest.mark.parametrize("name", ["node_bias_0", "node_scale_1", "subnode_bias_0", "subnode_scale_0"])
def test_each_affine_parameter_is_trained_by_itself(name: str) -> None:
    model, x = KAN(width=[2, [1, 1], 1], seed=0).double(), torch.rand(20, 2, dtype=torch.float64)
    parameter = getattr(model, name).requires_grad_()
    model(x).square().sum().backward()
    (expected,) = torch.autograd.grad(model.predict_by_layers(x.T.contiguous()).square().sum(), parameter)
    torch.testing.assert_close(parameter.grad, expected)
