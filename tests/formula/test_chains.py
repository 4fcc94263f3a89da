from __future__ import annotations

import pytest
import torch

from kan import KAN, create_dataset
from kan.formula import auto_symbolic
from kan.network import Network
from kan.surgery.masks import remove_edge


@pytest.fixture
def x():
    return 2 * torch.rand(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1


@pytest.fixture
def chain(plant):
    """Make a network with one node for each input, x_1 -> inner -> outer and x_2 -> x_2 -> x_2, and another output."""

    def make(inner, outer, bounds=(-1, 1), width=(2, 2, 1)):
        network = Network(width=list(width), grid=20, seed=0, grid_range=(-1.01, 1.01)).double()
        plant(network, 0, 0, 0, inner)
        plant(network, 0, 1, 1, lambda x: 0.5 * x)
        remove_edge(network, 0, 0, 1)
        remove_edge(network, 0, 1, 0)
        for j in range(width[2]):
            plant(network, 1, 0, j, outer if j == 0 else lambda u: torch.sin(6 * u), bounds)
            plant(network, 1, 1, j, lambda u: u)
        return network

    return make


def names(network):
    return [layer.funs_name for layer in network.symbolic_fun]


def bend(x):
    return torch.log(x + 1.6)


def square_after_the_bend(u):
    return (torch.exp(u) - 1.6) ** 2


def test_two_curves_that_are_one_function_get_its_name(chain, x):
    network = chain(bend, square_after_the_bend)
    before = network(x)
    choices = {choice.edge: choice.best for choice in auto_symbolic(network, x=x, verbose=0)}
    assert names(network) == [[["x", "0"], ["0", "x"]], [["x^2", "x"]]]
    assert network.symbolic_fun[0].affine[0, 0].tolist() == [1, 0, 1, 0]
    assert choices[0, 0, 0].r2 == 1
    assert choices[1, 0, 0].r2 > 0.99999
    torch.testing.assert_close(network(x), before, atol=1e-3, rtol=0)


def test_the_affine_maps_of_the_node_count(chain, x):
    network = chain(bend, square_after_the_bend)
    with torch.no_grad():
        # The node remains what it was.
        network.subnode_scale_0[0], network.subnode_bias_0[0] = -0.5, 0.3
        network.node_scale_0[0], network.node_bias_0[0] = -2.0, 0.6
    before = network(x)
    auto_symbolic(network, x=x, verbose=0)
    assert names(network)[1] == [["x^2", "x"]]
    torch.testing.assert_close(network(x), before, atol=1e-3, rtol=0)


def test_a_function_of_a_function_stays_one(chain, x):
    network = chain(lambda x: 0.9 * torch.sin(torch.pi * x), torch.exp)
    auto_symbolic(network, x=x, verbose=0)
    assert names(network) == [[["sin", "0"], ["0", "x"]], [["exp", "x"]]]


def test_a_node_that_two_functions_share_keeps_its_own(chain, x):
    network = chain(bend, square_after_the_bend, width=(2, 2, 2))
    auto_symbolic(network, x=x, verbose=0)
    assert names(network)[0][0][0] == "log"


def test_without_lines_in_the_library_chains_stay(chain, x):
    network = chain(bend, square_after_the_bend)
    auto_symbolic(network, lib=["log", "x^2", "exp"], x=x, verbose=0)
    assert names(network)[0][0][0] == "log"


def test_a_chain_stays_where_the_function_of_both_is_below_the_threshold(chain, x):
    network = chain(bend, square_after_the_bend)
    auto_symbolic(network, r2_threshold=1.5, x=x, verbose=0)
    assert not network.has_symbolic


def test_a_node_that_leads_nowhere_keeps_its_function(chain, x):
    network = chain(bend, square_after_the_bend)
    remove_edge(network, 1, 0, 0)
    auto_symbolic(network, x=x, verbose=0)
    assert names(network)[0][0][0] == "log"


def test_longer_chains_become_one_function(plant):
    network = Network(width=[1, 1, 1, 1], grid=20, seed=0, grid_range=(-1.01, 1.01)).double()
    plant(network, 0, 0, 0, bend)
    plant(network, 1, 0, 0, lambda u: torch.log(torch.exp(u) / 2 + 0.2))
    plant(network, 2, 0, 0, lambda v: (torch.exp(v) - 1) ** 2)
    auto_symbolic(network, x=torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None], verbose=0)
    assert names(network) == [[["x"]], [["x"]], [["x^2"]]]


def test_a_line_that_an_edge_is_not_makes_no_end_of_a_chain(plant):
    """Both curves alone are best called lines."""
    network = Network(width=[1, 1, 1], grid=20, seed=0, grid_range=(-1.01, 1.01)).double()
    plant(network, 0, 0, 0, bend)
    plant(network, 1, 0, 0, lambda u: (torch.exp(u) - 0.9) ** 4)
    auto_symbolic(network, lib=["x", "x^4"], x=torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None], verbose=0)
    assert names(network) == [[["x"]], [["x^4"]]]


def test_a_sum_of_functions_is_found_by_a_network_with_a_node_for_each():
    dataset = create_dataset(lambda x: torch.exp(-2 * x[:, [0]]) + torch.exp(x[:, [1]]), train_num=200, test_num=100)
    dataset = {key: value.double() for key, value in dataset.items()}
    model = KAN(width=[2, 2, 1], grid=10, seed=0, auto_save=False).double()
    model.remove_edge(0, 0, 1)
    model.remove_edge(0, 1, 0)
    model.fit(dataset, steps=40, progress=False)
    model.auto_symbolic(lib=["x", "x^2", "x^3", "exp", "log", "sin", "sqrt"], verbose=0)
    model.fit(dataset, steps=20, progress=False)
    assert str(model.symbolic_formula(tolerance=1e-3, verbose=False)[0][0]) == "exp(x_2) + exp(-2*x_1)"
