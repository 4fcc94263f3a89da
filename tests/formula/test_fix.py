from __future__ import annotations

import copy

import pytest
import torch

from kan.common.errors import ArgumentError, StateError
from kan.formula import fix_symbolic, unfix_symbolic, unfix_symbolic_all
from kan.network import Network
from kan.surgery.masks import remove_edge, set_mode


@pytest.fixture
def x():
    return 2 * torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) - 1


@pytest.fixture
def network(plant):
    network = Network(width=[2, 2, 1], grid=10, seed=0)
    plant(network, 0, 0, 1, lambda x: 0.7 * torch.sin(3 * x + 0.2) + 0.1)
    return network


def state(network):
    return copy.deepcopy(network.state_dict())


def same(first, second):
    return all(str(first[key]) == str(second[key]) for key in first)


def test_the_edge_becomes_the_fitted_function(network, x):
    before = network.trace(x).layers[0].edge_values(0, 1)
    r2 = fix_symbolic(network, 0, 0, 1, "sin", x=x, verbose=False)
    after = network.trace(x).layers[0].edge_values(0, 1)
    assert r2.item() > 0.9999
    torch.testing.assert_close(after, before, atol=5e-3, rtol=0)
    assert network.act_fun[0].mask[0, 1] == 0
    assert network.symbolic_fun[0].mask[1, 0] == 1


def test_without_a_fit_parameters_are_neutral_and_no_data_are_needed(network):
    assert fix_symbolic(network, 0, 0, 1, "sin", fit_params_bool=False) is None
    assert network.symbolic_fun[0].affine[1, 0].tolist() == [1, 0, 1, 0]


def test_random_parameters_come_from_the_networks_own_stream(network, global_generators_untouched):
    twin = copy.deepcopy(network)
    for model in (network, twin):
        fix_symbolic(model, 0, 0, 1, "sin", fit_params_bool=False, random=True)
        fix_symbolic(model, 0, 0, 0, "sin", fit_params_bool=False, random=True)
    first, second = network.symbolic_fun[0].affine[1, 0], network.symbolic_fun[0].affine[0, 0]
    assert not torch.equal(first, second)
    assert torch.equal(first, twin.symbolic_fun[0].affine[1, 0])


def test_a_symbolic_edge_is_fitted_again_by_another_function(network, x):
    fix_symbolic(network, 0, 0, 1, "sin", x=x, verbose=False)
    # A cosine is a shifted sine: pykan fits the spline part, which is gone, and gets zero.
    r2 = fix_symbolic(network, 0, 0, 1, "cos", x=x, verbose=False)
    assert r2.item() > 0.999999


def test_both_parts_of_an_edge_are_fitted(network, x, plant):
    fix_symbolic(network, 0, 0, 1, "x", fit_params_bool=False)
    set_mode(network, 0, 0, 1, "sn")
    plant(network, 0, 0, 1, lambda x: x**2)
    r2 = fix_symbolic(network, 0, 0, 1, "x^2", x=x, verbose=False)
    assert r2.item() > 0.9999
    torch.testing.assert_close(network.symbolic_fun[0].affine[1, 0, :2], torch.tensor([1.0, 0.5]), atol=0.01, rtol=0)


def test_a_removed_edge_gives_pykans_marker(network, x):
    remove_edge(network, 0, 0, 1)
    assert fix_symbolic(network, 0, 0, 1, "sin", x=x, verbose=False).item() == -1e8
    assert network.trace(x).layers[0].edge_values(0, 1).abs().max() == 0


@pytest.mark.parametrize(
    ("edge", "name", "message"),
    [
        ((2, 0, 0), "sin", "0 … 1"),
        ((0, 2, 0), "sin", "inputs of edge layer 0"),
        ((0, 0, 2), "sin", "outputs of edge layer 0"),
        ((0, 0, 0), "sine", "'sin'"),
        ((0, 0, 0), 3, "fun_name"),
    ],
)
def test_wrong_arguments_change_nothing(network, x, edge, name, message):
    before = state(network)
    with pytest.raises(ArgumentError, match=message):
        fix_symbolic(network, *edge, name, x=x)
    assert same(before, state(network))


def test_a_wrong_range_changes_nothing(network, x):
    before = state(network)
    with pytest.raises(ArgumentError, match="a_range"):
        fix_symbolic(network, 0, 0, 1, "sin", a_range=(3, -3), x=x)
    assert same(before, state(network))


def test_without_data_the_error_says_what_to_do(network):
    with pytest.raises(StateError, match=r"get_act"):
        fix_symbolic(network, 0, 0, 1, "sin")


def test_without_data_the_error_says_how_to_do_without_a_fit(network):
    with pytest.raises(StateError, match=r"pass `fit_params_bool=False`"):
        fix_symbolic(network, 0, 0, 1, "sin")


def test_the_data_are_the_reference_data_not_the_last_batch(network, x):
    network.set_reference(x)
    network(torch.zeros(5, 2))
    assert fix_symbolic(network, 0, 0, 1, "sin", verbose=False).item() > 0.9999


def test_naming_an_edge_switches_symbolic_edges_on_again(network, x, capsys):
    network.symbolic_enabled = False
    fix_symbolic(network, 0, 0, 1, "sin", x=x)
    assert network.symbolic_enabled
    assert "switched off" in capsys.readouterr().out
    fix_symbolic(network, 0, 1, 1, "sin", x=x)
    assert "switched off" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["sinus", 3])
def test_a_refused_name_switches_nothing_on(network, name):
    network.symbolic_enabled = False
    with pytest.raises(ArgumentError):
        fix_symbolic(network, 0, 0, 1, name)
    assert not network.symbolic_enabled


def test_without_data_nothing_is_switched_on(network):
    network.symbolic_enabled = False
    with pytest.raises(StateError):
        fix_symbolic(network, 0, 0, 1, "sin")
    assert not network.symbolic_enabled


def test_unfixing_brings_the_spline_back(network, x):
    before = network(x)
    fix_symbolic(network, 0, 0, 1, "tanh", x=x, verbose=False)
    unfix_symbolic(network, 0, 0, 1)
    assert torch.equal(network(x), before)
    assert network.symbolic_fun[0].is_idle


def test_unfixing_all_leaves_removed_edges_removed(network, x):
    remove_edge(network, 0, 1, 0)
    before = network(x)
    fix_symbolic(network, 0, 0, 1, "tanh", x=x, verbose=False)
    fix_symbolic(network, 1, 0, 0, "x", x=x, verbose=False)
    unfix_symbolic_all(network)
    assert network.act_fun[0].mask[1, 0] == 0
    assert torch.equal(network(x), before)
