from __future__ import annotations

import copy

import pytest
import torch
from torch.overrides import TorchFunctionMode

from kan import KAN
from kan.common.errors import ArgumentError, KANError, StateError
from kan.formula import auto_symbolic, choosing, fix_symbolic, suggest_symbolic, unfix_symbolic_all
from kan.network import Network
from kan.surgery.masks import remove_edge
from kan.symbolic.library import SYMBOLIC_LIB


@pytest.fixture
def x():
    return 2 * torch.rand(400, 2, generator=torch.Generator().manual_seed(0)) - 1


CURVES = {
    "sin": lambda x: 0.8 * torch.sin(torch.pi * x) - 0.3,
    "x^2": lambda x: 1.7 * (x - 0.2) ** 2,
    "x^3": lambda x: (x + 0.1) ** 3,
    "x": lambda x: -0.3 * x + 2,
    "exp": lambda x: 0.4 * torch.exp(1.5 * x),
    "sqrt": lambda x: torch.sqrt(x + 1.3),
    "log": lambda x: torch.log(x + 1.2),
    "1/x": lambda x: 1 / (x + 1.6),
    "tanh": lambda x: torch.tanh(4 * x),
    "gaussian": lambda x: torch.exp(-4 * x**2),
    "0": lambda x: 0 * x + 0.37,
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_spline_is_recognised(name, dtype, x, plant):
    network = Network(width=[2, 1], grid=12, seed=0).to(dtype)
    plant(network, 0, 0, 0, CURVES[name])
    found, function, r2, complexity = suggest_symbolic(network, 0, 0, 0, x=x, verbose=False)
    assert found == name
    assert function == SYMBOLIC_LIB[name]
    assert complexity == SYMBOLIC_LIB[name].complexity
    assert r2 > 0.9995


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_trained_network_gets_its_functions_and_then_converges(seed, hello, fit):
    network, x, y = hello(seed)
    auto_symbolic(network, x=x, verbose=0)
    assert [layer.funs_name for layer in network.symbolic_fun] == [[["sin", "x^2"]], [["exp"]]]
    assert fit(network, x, y, steps=300) < 1e-9


def test_a_coarse_network_gets_its_functions(hello):
    network, x, _ = hello(3, grid=5)
    auto_symbolic(network, x=x, verbose=0)
    assert [layer.funs_name for layer in network.symbolic_fun] == [[["sin", "x^2"]], [["exp"]]]


def test_suggesting_changes_nothing(x):
    network = Network(width=[2, 2, 1], seed=0)
    before, settings = copy.deepcopy(network.state_dict()), network.cache_data
    suggest_symbolic(network, 0, 0, 1, x=x, verbose=False)
    after = network.state_dict()
    assert all(str(before[key]) == str(after[key]) for key in before)
    assert network.cache_data is settings


def test_the_table_has_pykans_columns(x, capsys):
    network = Network(width=[2, 1], seed=0)
    name, *_ = suggest_symbolic(network, 0, 0, 0, topk=3, x=x)
    lines = capsys.readouterr().out.splitlines()
    titles = "function fitting r2 r2 loss complexity complexity loss total loss"
    assert " ".join(lines[0].split()) == titles
    assert len(lines) == 4
    assert lines[1].split()[:2] == ["0", name]


def test_the_library_can_be_a_dict(x, plant):
    network = Network(width=[2, 1], grid=12, seed=0)
    plant(network, 0, 0, 0, CURVES["x^2"])
    library = {name: SYMBOLIC_LIB[name] for name in ("x", "x^2")}
    name, _, _, complexity = suggest_symbolic(network, 0, 0, 0, lib=library, x=x, verbose=False)
    assert (name, complexity) == ("x^2", SYMBOLIC_LIB["x^2"][2])
    library["x^2"] = (*SYMBOLIC_LIB["x^2"][:2], 7, SYMBOLIC_LIB["x^2"][3])  # its own complexity
    assert suggest_symbolic(network, 0, 0, 0, lib=library, x=x, verbose=False)[3] == 7


@pytest.mark.parametrize(
    ("lib", "message"), [(["x", "sine"], "'sin'"), ([], "at least one"), ("sin", "list of names"), (2, "list of names")]
)
def test_a_wrong_library_is_an_error(lib, message, x):
    with pytest.raises(ArgumentError, match=message):
        suggest_symbolic(Network(width=[2, 1], seed=0), 0, 0, 0, lib=lib, x=x)


def test_without_data_the_error_says_what_to_do():
    with pytest.raises(StateError, match="get_act"):
        auto_symbolic(Network(width=[2, 1], seed=0))


def test_auto_symbolic_speaks_as_pykan(x, plant, capsys):
    network = Network(width=[2, 2, 1], grid=12, seed=0)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        plant(network, 0, i, j, CURVES["x^2"])
    plant(network, 1, 1, 0, lambda u: u, (-1, 1))
    remove_edge(network, 0, 1, 0)
    fix_symbolic(network, 1, 0, 0, "sin", x=x, verbose=False)
    auto_symbolic(network, lib=["x", "x^2"], x=x)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fixing (0,0,0) with x^2, r2=1, c=2"
    assert lines[2] == "fixing (0,1,0) with 0"
    assert lines[4] == "skipping (1,0,0) since already symbolic"
    auto_symbolic(network, lib=["x", "x^2"], x=x, verbose=0)
    assert capsys.readouterr().out == ""


def test_below_the_threshold_an_edge_stays_a_spline(x, plant, capsys):
    network = Network(width=[2, 1], grid=12, seed=0)
    plant(network, 0, 0, 0, CURVES["sin"])
    plant(network, 0, 1, 0, CURVES["x"])
    auto_symbolic(network, lib=["x"], r2_threshold=0.95, x=x)
    assert network.symbolic_fun[0].funs_name == [["0", "x"]]
    assert network.act_fun[0].mask.tolist() == [[1], [0]]
    assert "keeping (0,0,0) as a spline" in capsys.readouterr().out


def test_a_removed_edge_stays_removed_when_all_are_made_splines_again(x):
    network = Network(width=[2, 2, 1], seed=0)
    remove_edge(network, 0, 1, 0)
    before = network(x)
    auto_symbolic(network, x=x, verbose=0)
    unfix_symbolic_all(network)
    assert torch.equal(network(x), before)


def test_later_layers_are_fitted_to_what_the_splines_gave_them(x, plant):
    network = Network(width=[2, 1, 1], grid=12, seed=0)
    plant(network, 0, 0, 0, lambda x: torch.sign(x) * 0.7)
    plant(network, 0, 1, 0, lambda x: 0 * x)
    plant(network, 1, 0, 0, lambda u: u**2)
    alone = suggest_symbolic(network, 1, 0, 0, x=x, verbose=False)
    last = auto_symbolic(network, x=x, verbose=0)[-1].best
    assert (last.name, last.r2) == (alone[0], alone[2])


def test_an_error_leaves_the_network_as_it_was(x):
    network = Network(width=[2, 1, 1], seed=0)
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        network.act_fun[1].coef[0, 0, 2] = float("nan")
    with pytest.raises(ArgumentError, match="finite"):
        auto_symbolic(network, x=x, verbose=0)
    assert torch.equal(network.act_fun[0].mask, before["act_fun.0.mask"])


class Calls(TorchFunctionMode):
    """Counts the calls of torch's functions."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **(kwargs or {}))


def test_the_edges_of_a_layer_are_fitted_together(x, monkeypatch):
    network, fitted, fit = Network(width=[2, 2, 1], seed=0), [], choosing.fit_affine
    monkeypatch.setattr(
        choosing, "fit_affine", lambda x, *args, **ranges: (fitted.append(len(x)), fit(x, *args, **ranges))[1]
    )
    with Calls() as calls:
        auto_symbolic(network, lib=["x", "x^2", "1/x", "exp", "sin", "tanh", "gaussian"], x=x, verbose=0)
    assert fitted == [4, 2]
    # A call takes some microseconds. Edge by edge, one function after the other, it would be thirty thousand for each.
    assert calls.count < 10_000 * sum(fitted)


def test_auto_symbolic_switches_symbolic_edges_on_again():
    network = Network(width=[1, 1], symbolic_enabled=False, seed=0)
    auto_symbolic(network, lib=["x", "sin"], x=torch.rand(50, 1), verbose=0)
    assert network.symbolic_enabled
    assert network.has_symbolic


@pytest.mark.parametrize(
    "options",
    [{"lib": ["sinus"], "x": torch.zeros(5, 1)}, {"lib": ["sin"]}, {"r2_threshold": None, "x": torch.zeros(5, 1)}],
)
def test_what_auto_symbolic_refuses_switches_nothing_on(options):
    network = Network(width=[1, 1], symbolic_enabled=False, seed=0)
    with pytest.raises(KANError):
        auto_symbolic(network, **options, verbose=0)
    assert not network.symbolic_enabled


def test_edges_whose_arguments_leave_the_domain_are_named(plant):
    """The line that the first edge becomes goes below zero, where the logarithm of the second is not defined."""
    model = KAN(width=[1, 1, 1], grid=20, seed=0, auto_save=False).double()
    plant(model, 0, 0, 0, lambda x: x**2)
    plant(model, 1, 0, 0, lambda u: torch.log(u.clamp(min=0) + 0.05))
    data = torch.linspace(0, 1, 200, dtype=torch.float64)[:, None]
    with pytest.warns(UserWarning, match=r"the arguments of \(1, 0, 0\) left the domain") as caught:
        model.auto_symbolic(lib=["x", "log"], x=data, verbose=0)
    assert [warning.filename for warning in caught] == [__file__]
