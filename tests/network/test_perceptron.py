"""The perceptron: torch's numbers, and those of pykan."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from kan.common.errors import ArgumentError
from kan.network import Perceptron


@pytest.fixture
def x():
    t = torch.linspace(-1, 1, 7)
    return torch.stack([t, t**2, torch.sin(3 * t)], dim=1)


def test_a_seed_draws_what_torch_draws(global_generators_untouched):
    model = Perceptron([3, 4, 2], seed=3)
    state = torch.get_rng_state()
    torch.manual_seed(3)
    expected = nn.Sequential(nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 2))
    torch.set_rng_state(state)
    ours = [tensor for linear in model.linears for tensor in (linear.weight, linear.bias)]
    assert all(torch.equal(*pair) for pair in zip(ours, expected.parameters()))
    points = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(points), expected(points))


def test_outputs_are_pykans(x):
    # From pykan 0.2.8: MLP(width=[3, 4, 2], seed=3), first and fourth sample.
    expected = [[-0.3035890, -0.3994552], [-0.3661852, -0.3963383]]
    assert torch.allclose(Perceptron([3, 4, 2], seed=3)(x)[[0, 3]], torch.tensor(expected), atol=1e-6)


@pytest.mark.parametrize(
    ("act", "function"),
    [
        ("relu", torch.relu),
        ("tanh", torch.tanh),
        ("gelu", nn.functional.gelu),
        ("sigmoid", torch.sigmoid),
        (torch.sin,) * 2,
    ],
)
def test_the_activation_function_is_the_one_asked_for(x, act, function):
    model = Perceptron([3, 4, 2], act=act)
    first, second = model.linears
    assert torch.equal(model(x), second(function(first(x))))


def test_a_trace_holds_every_layer(x):
    model = Perceptron([3, 4, 2])
    trace = model.trace(x)
    assert [tuple(nodes.shape) for nodes in trace.nodes] == [(7, 3), (7, 4), (7, 2)]
    assert torch.equal(trace.output, model(x))
    assert torch.allclose(trace.spreads()[1], trace.nodes[1].std(dim=0))
    assert torch.allclose(trace.carried()[1], model.w[1] * trace.nodes[1].std(dim=0))


def test_one_sample_has_no_spread(x):
    assert all(bool((spread == 0).all()) for spread in Perceptron([3, 4, 2]).trace(x[:1]).spreads())


def test_it_is_copied_pickled_and_loaded(x):
    model = Perceptron([3, 4, 2], seed=7)
    fresh = Perceptron([3, 4, 2])
    fresh.load_state_dict(model.state_dict())
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), fresh):
        assert torch.equal(other(x), model(x))
    assert sorted(model.state_dict()) == ["linears.0.bias", "linears.0.weight", "linears.1.bias", "linears.1.weight"]


def test_second_derivatives_exist(x):
    model = Perceptron([3, 4, 1]).double()
    assert torch.autograd.gradgradcheck(model, x.double().requires_grad_())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": [3]}, "at least inputs and outputs"),
        ({"width": [3, [2, 1], 1]}, "a perceptron has no products"),
        ({"width": [3, 0, 1]}, "at least one node"),
        ({"width": [3, 1], "act": "softsign"}, "`act` must be one of 'silu', 'relu'"),
        ({"width": [3, 1], "act": 3}, "`act` must be a name or a function"),
    ],
)
def test_arguments_that_describe_no_perceptron(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Perceptron(**arguments)


def test_a_device_can_be_chosen():
    assert {parameter.device.type for parameter in Perceptron([2, 3, 1], device="meta").parameters()} == {"meta"}
