"""The network: its start, the forward pass, bad input, prepared data, settings and state."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from kan.common.errors import ArgumentError, StateError
from kan.common.extra_state import pack
from kan.layers import KANLayer, multiply_nodes
from kan.layers.edge_sum import EdgeSums
from kan.network import Network, Prepared

# The start


@pytest.mark.usefixtures("global_generators_untouched")
def test_a_seed_gives_the_network_that_it_gives_in_pykan() -> None:
    # From pykan 0.2.8: KAN(width=[2, 5, 1], grid=5, k=3, seed=0); scale_base, scale_sp, coef[0, 0] and coef[-1, -1] of
    # both layers, and the output at three points.
    network = Network([2, 5, 1], grid=5, k=3, seed=0)
    pykan: list[dict[str, Any]] = [
        {
            "scale_base": [0.319946766, 0.284370363, 0.678959787],
            "scale_sp": 0.707106769,
            "first": [
                0.003353309,
                0.004240921,
                -0.021664612,
                0.028019184,
                -0.025033049,
                0.001949009,
                0.026703460,
                0.006358065,
            ],
            "last": [
                0.005284768,
                0.015669215,
                -0.020331375,
                -0.012727055,
                0.025669789,
                -0.002711030,
                -0.021320485,
                -0.004992084,
            ],
        },
        {
            "scale_base": [0.420715868, 0.301340520, -0.426014811],
            "scale_sp": 0.447213590,
            "first": [
                -0.018318079,
                -0.046606123,
                0.066030249,
                -0.058690645,
                0.000980631,
                0.024445299,
                -0.032775391,
                -0.010109198,
            ],
            "last": [
                0.016415857,
                0.046644546,
                -0.046356715,
                0.026173310,
                -0.024645600,
                -0.034205541,
                -0.016684614,
                -0.002703489,
            ],
        },
    ]
    for layer, numbers in zip(network.act_fun, pykan):
        state = {name: tensor.detach() for name, tensor in layer.named_parameters()}
        assert torch.allclose(state["scale_base"].flatten()[[0, 1, -1]], torch.tensor(numbers["scale_base"]), atol=1e-6)
        assert torch.allclose(state["scale_sp"], torch.tensor(numbers["scale_sp"]))
        assert torch.allclose(state["coef"][0, 0], torch.tensor(numbers["first"]), atol=1e-6)
        assert torch.allclose(state["coef"][-1, -1], torch.tensor(numbers["last"]), atol=1e-6)
    x = torch.tensor([[0.1, -0.2], [0.5, 0.9], [-1.0, 1.0]])
    assert torch.allclose(network(x)[:, 0], torch.tensor([0.025653167, -0.144956350, -0.186505824]), atol=1e-6)


def test_products_and_a_sparse_start_draw_pykans_numbers_too() -> None:
    # From pykan 0.2.8: KAN(width=[3, [2, 1], 2], grid=4, k=2, seed=7, noise_scale=0.5, sparse_init=True).
    network = Network([3, [2, 1], 2], grid=4, k=2, seed=7, noise_scale=0.5, sparse_init=True)
    base = [
        [-0.067702971, 0.063563876, 0.157117993, -0.452540725],
        [-0.195744455, 0.022605328, -0.329441398, -0.252148688],
        [0.193919063, 0.332281411, 0.008089682, -0.224580407],
    ]
    first, second = network.act_fun
    assert torch.allclose(first.scale_base, torch.tensor(base), atol=1e-6)  # type: ignore[arg-type]
    expected = torch.tensor([0.084722772, -0.075915128, 0.054306723, 0.054591753, -0.141111806, 0.019241095])
    assert torch.allclose(second.coef[2, 1], expected, atol=1e-6)  # type: ignore[index]
    assert first.mask.tolist() == [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]  # type: ignore[union-attr, operator]


def test_parameters_have_pykans_names_and_shapes() -> None:
    network = Network([2, [1, 1], 1], grid=4, k=2)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.named_parameters()}
    assert shapes == {
        "act_fun.0.grid": (2, 9),
        "act_fun.0.coef": (2, 3, 6),
        "act_fun.0.mask": (2, 3),
        "act_fun.0.scale_base": (2, 3),
        "act_fun.0.scale_sp": (2, 3),
        "act_fun.1.grid": (2, 9),
        "act_fun.1.coef": (2, 1, 6),
        "act_fun.1.mask": (2, 1),
        "act_fun.1.scale_base": (2, 1),
        "act_fun.1.scale_sp": (2, 1),
        "symbolic_fun.0.mask": (3, 2),
        "symbolic_fun.0.affine": (3, 2, 4),
        "symbolic_fun.1.mask": (1, 2),
        "symbolic_fun.1.affine": (1, 2, 4),
        **{f"{what}_{kind}_{layer}": shape for what, kind, layer, shape in AFFINE},
    }


AFFINE = [
    (what, kind, layer, shape)
    for kind in ("bias", "scale")
    for what, layer, shape in (("node", 0, (2,)), ("node", 1, (1,)), ("subnode", 0, (3,)), ("subnode", 1, (1,)))
]


@pytest.mark.parametrize("trainable", [False, True])
def test_affine_maps_start_as_nothing_and_are_trained_on_request(trainable: bool) -> None:
    network = Network([2, 1], affine_trainable=trainable)
    assert network.node_scale_0.tolist() == [1]
    assert network.subnode_bias[0].tolist() == [0]
    assert {p.requires_grad for name, p in network.named_parameters() if "node" in name} == {trainable}


def test_every_layer_may_have_its_own_grid_and_degree() -> None:
    network = Network([2, 3, 1], grid=np.array([4, 6]), k=(2, np.int64(3)))
    assert [(layer.num, layer.k) for layer in network.act_fun] == [(4, 2), (6, 3)]
    assert (network.grid, network.k) == ([4, 6], [2, 3])


def test_node_counts_are_pykans() -> None:
    network = Network([2, [3, 2], 1], mult_arity=[[], [2, 4], []])
    assert network.width == [[2, 0], [3, 2], [1, 0]]
    assert (network.width_in, network.width_out) == ([2, 5, 1], [2, 9, 1])
    assert (network.n_sum, network.n_mult, network.arities(1)) == ([3], [2], [2, 4])


def test_arguments_are_never_changed() -> None:
    options: dict[str, Any] = {"width": [2, [1, 1], 1], "grid": [3, 4], "k": [2, 3], "mult_arity": [[], [2], []]}
    options["grid_range"] = [-1, 1]
    before = copy.deepcopy(options)
    network = Network(**options)
    network.width[0][0] = 7
    network.grid[0] = 7  # type: ignore[index]
    assert options == before


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"width": [2]}, "width"),
        ({"width": [2, [1, 1], 1], "mult_arity": [[2], [], []]}, "mult_arity"),
        ({"grid": 0}, "grid"),
        ({"grid": -3}, "grid"),
        ({"grid": [3]}, "grid"),
        ({"grid": 2.5}, "grid"),
        ({"grid": [3, 3.7]}, "grid"),
        ({"grid": "a"}, "grid"),
        ({"k": -1}, "k"),
        ({"k": [3, 3, 3]}, "k"),
        ({"base_fun": "relu"}, "base_fun"),
        ({"grid_range": [1, -1]}, "grid_range"),
        ({"grid_range": [[0, 1], [-3, 3]]}, "grid_range"),
    ],
)
def test_arguments_that_make_no_network_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}"):
        Network(**{"width": [2, 3, 1], **options})


# The forward pass


def test_the_forward_pass_is_what_the_header_says(mixed: Network, x: Tensor) -> None:
    nodes = x
    for layer in range(mixed.depth):
        sums = mixed.act_fun[layer](nodes)[0] + mixed.symbolic_fun[layer](nodes)[0]
        subnodes = mixed.subnode_scale[layer] * sums + mixed.subnode_bias[layer]
        n_sum, arities = mixed.width[layer + 1][0], mixed.arities(layer + 1)
        products = multiply_nodes(subnodes.T, n_sum=n_sum, arities=arities).T
        nodes = mixed.node_scale[layer] * products + mixed.node_bias[layer]
    assert torch.allclose(mixed(x), nodes, atol=1e-12)


def test_symbolic_edges_can_be_switched_off(mixed: Network, x: Tensor) -> None:
    mixed.symbolic_enabled = False
    numeric = copy.deepcopy(mixed)
    for i, j in ((0, 0), (1, 1), (1, 0)):
        numeric.symbolic_fun[0].clear_edge(i, j)  # type: ignore[operator]
    assert torch.equal(mixed(x), numeric(x))


def test_singularities_are_avoided_on_request() -> None:
    network = Network([1, 1])
    network.symbolic_fun[0].fix_symbolic(0, 0, "1/x")  # type: ignore[operator]
    network.symbolic_fun[0].mask.data.fill_(1)  # type: ignore[union-attr, operator]
    network.act_fun[0].mask.data.zero_()  # type: ignore[union-attr, operator]
    x = torch.tensor([[0.0], [0.5], [0.001]])
    assert torch.isinf(network(x)[0])
    assert network(x, singularity_avoiding=True, y_th=10.0)[:, 0].tolist() == pytest.approx([0, 2, 0.1])
    assert network.trace(x, singularity_avoiding=True, y_th=10.0).output[:, 0].tolist() == pytest.approx([0, 2, 0.1])


def test_where_no_spline_counts_an_infinite_node_is_no_nan() -> None:
    network = Network([2, 2, 1]).double()
    for layer, i, j, name in ((0, 0, 0, "exp"), (0, 1, 1, "x"), (1, 0, 0, "1/x")):
        network.symbolic_fun[layer].fix_symbolic(i, j, name)  # type: ignore[operator]
        network.symbolic_fun[layer].mask.data[j, i] = 1  # type: ignore[union-attr, operator]
        network.act_fun[layer].mask.data.zero_()  # type: ignore[union-attr, operator]
    assert network(torch.tensor([[1000.0, 1.0], [0.0, 1.0]], dtype=torch.float64)).flatten().tolist() == [0, 1]


def test_the_output_owns_its_memory_in_the_usual_order(mixed: Network, x: Tensor) -> None:
    assert mixed(x).is_contiguous()


def test_the_last_input_is_remembered_without_its_graph(mixed: Network, x: Tensor) -> None:
    mixed(x.requires_grad_())
    assert mixed.cache_data is not None
    assert torch.equal(mixed.cache_data, x)
    assert not mixed.cache_data.requires_grad


@pytest.mark.parametrize(
    "x",
    [
        np.array([[0.1, 0.2]]),
        [[0.1, 0.2]],
        torch.tensor([[0.1, 0.2]]).double(),
        torch.tensor([[0.1, 0.2]]).half(),
        torch.tensor([[0.1, 9.0], [0.2, 9.0]]).T[:1],
    ],
)
def test_data_of_other_kinds_are_converted(x: Any) -> None:
    network = Network([2, 1])
    assert network(x).dtype == torch.float32
    assert torch.allclose(network(x), network(torch.tensor([[0.1, 0.2]])), atol=1e-3)


@pytest.mark.parametrize("x", [np.array([[1, 0]]), [[1, 0]], torch.tensor([[1, 0]]), torch.tensor([[True, False]])])
def test_whole_numbers_are_converted(x: Any) -> None:
    network = Network([2, 1])
    assert torch.equal(network(x), network(torch.tensor([[1.0, 0.0]])))


@pytest.mark.parametrize("shape", [(2,), (5, 1), (5, 3), (4, 5, 2), ()])
def test_data_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = Network([2, 1])
    for call in (network, network.trace, network.prepare, network.set_reference):
        with pytest.raises(ArgumentError, match=r"`x` must have shape \(N, 2\) for width=") as caught:
            call(torch.zeros(shape))
        assert str(shape) in str(caught.value)
    assert network.cache_data is None


def test_no_samples_give_no_outputs(mixed: Network) -> None:
    assert mixed(torch.zeros(0, 2)).shape == (0, 2)


@pytest.mark.parametrize("columns", [[0, 2], [2, 0], [1, 1]])
def test_chosen_columns_are_the_inputs(mixed: Network, columns: list[int]) -> None:
    data = torch.rand(10, 3, generator=torch.Generator().manual_seed(0)).double()
    expected = mixed(data[:, columns])
    mixed.n_columns, mixed.input_id = 3, torch.tensor(columns)
    torch.testing.assert_close(mixed(data), expected)
    torch.testing.assert_close(mixed.trace(data).output, expected)
    torch.testing.assert_close(mixed.predict_prepared(mixed.prepare(data)), expected)
    with pytest.raises(ArgumentError, match=r"\(N, 3\)"):
        mixed(data[:, :2])


# Prepared data


def test_prepared_data_give_the_same_predictions_and_traces(mixed: Network, x: Tensor) -> None:
    prepared = mixed.prepare(x)
    assert prepared.features is not None
    assert torch.allclose(mixed.predict_prepared(prepared), mixed(x), atol=1e-12)
    known, computed = mixed.trace(prepared), mixed.trace(x)
    for ours, theirs in zip(known.layers, computed.layers):
        assert torch.allclose(ours.variances, theirs.variances, atol=1e-12)
        assert torch.allclose(ours.nodes, theirs.nodes, atol=1e-12)


def gradients(network: Network, inputs: Tensor | Prepared, *, order: int) -> list[Tensor]:
    """Return the derivatives, of the first or second order, of something that depends on outputs and spreads."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    trace = network.trace(inputs)
    value = trace.output.square().sum() + sum(step.variances.sum() for step in trace.layers)
    for _ in range(order):
        found = torch.autograd.grad(value, parameters, create_graph=True, allow_unused=True)
        value = sum((tensor.square().sum() for tensor in found if tensor is not None), torch.zeros(()))
    return [tensor for tensor in found if tensor is not None]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("grid", [4, 20])
def test_prepared_data_give_the_same_derivatives(x: Tensor, order: int, grid: int) -> None:
    network = Network([2, [2, 1], 1], grid=grid).double()
    pairs = zip(gradients(network, network.prepare(x), order=order), gradients(network, x, order=order))
    assert all(torch.allclose(*pair, rtol=1e-8, atol=1e-10) for pair in pairs)


def test_prepared_data_are_constants(mixed: Network, x: Tensor) -> None:
    prepared = mixed.prepare(x.requires_grad_())
    assert not prepared.inputs.requires_grad
    mixed.predict_prepared(prepared).sum().backward()
    assert x.grad is None


def test_large_data_are_not_prepared(monkeypatch: pytest.MonkeyPatch, mixed: Network, x: Tensor) -> None:
    monkeypatch.setattr("kan.network.network._MOST_PREPARED", 10)
    prepared = mixed.prepare(x)
    assert prepared.features is None
    torch.testing.assert_close(mixed.predict_prepared(prepared), mixed(x))


# Reference data and random numbers


def test_the_reference_comes_before_the_last_input(mixed: Network, x: Tensor) -> None:
    mixed(x[:3])
    assert torch.equal(mixed.reference_data(), x[:3])
    mixed.set_reference(x)
    mixed(x[:5])
    assert torch.equal(mixed.reference_data(), x)
    assert torch.equal(mixed.reference_data(x[:7]), x[:7])
    assert torch.equal(mixed.reference_data({"train_input": x[:6], "test_input": x}), x[:6])


def test_without_data_the_remedy_is_named() -> None:
    with pytest.raises(StateError, match=r"call `model\(x\)`"):
        Network([2, 1]).reference_data()


def test_the_reference_follows_the_format_of_the_network() -> None:
    network = Network([2, 1])
    network(torch.zeros(3, 2))
    assert network.double().reference_data().dtype == torch.float64


@pytest.mark.usefixtures("global_generators_untouched")
def test_streams_are_reproducible_and_never_the_same_twice() -> None:
    one, other = Network([2, 1], seed=4), Network([2, 1], seed=4)
    drawn = [torch.rand(3, generator=one.draw_stream()) for _ in range(3)]
    again = [torch.rand(3, generator=other.draw_stream()) for _ in range(3)]
    assert torch.equal(torch.stack(drawn), torch.stack(again))
    assert len({tuple(numbers.tolist()) for numbers in drawn}) == 3


# Settings and state


def test_settings_make_an_equal_network() -> None:
    options: dict[str, Any] = {
        "width": [2, [1, 2], 1],
        "grid": [4, 5],
        "k": [1, 2],
        "mult_arity": [[], [2, 3], []],
        "base_fun": "identity",
        "symbolic_enabled": False,
        "affine_trainable": True,
        "grid_eps": 0.7,
        "grid_range": [-2.0, 3.0],
        "sp_trainable": False,
        "sb_trainable": False,
        "seed": 5,
        "save_act": False,
        "noise_scale": 0.1,
        "scale_base_mu": 0.5,
        "scale_base_sigma": 2.0,
    }
    network = Network(**options)
    assert network.constructor_arguments() == {**options, "width": [[2, 0], [1, 2], [1, 0]]}
    twin = Network(**network.constructor_arguments())
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), twin.parameters()))
    assert [p.requires_grad for p in network.parameters()] == [p.requires_grad for p in twin.parameters()]


class Own(Network):
    """A user's network."""


def test_rebuilding_keeps_class_format_inputs_and_data(x: Tensor) -> None:
    network = Own([2, 3, 1], grid=4).double().eval()
    network(x)
    network.n_columns, network.input_id = 3, torch.tensor([2, 0])
    network.draw_stream()
    fresh = network.rebuild(grid=9)
    assert type(fresh) is Own
    assert (fresh.grid, fresh.dtype, fresh.training, fresh.n_columns) == (9, torch.float64, False, 3)
    assert fresh.input_id.tolist() == [2, 0]
    assert fresh.cache_data is network.cache_data
    draws = [torch.rand(1, generator=each.draw_stream()) for each in (network, fresh)]
    assert torch.equal(*draws)
    fresh.input_id[0] = 1
    assert network.input_id.tolist() == [2, 0]


def test_rebuilding_does_not_replace_layers_of_another_class() -> None:
    class Doubled(KANLayer):
        """A user's layer, whose function a layer of this library would not have."""

        def edge_sums(self, x: Tensor, **options: Any) -> EdgeSums:
            sums, variances = super().edge_sums(x, **options)
            return EdgeSums(2 * sums, variances)

    network = Network([2, 1, 1])
    network.act_fun[1] = Doubled(1, 1)
    with pytest.raises(StateError, match="layer 1 is a Doubled"):
        network.rebuild(grid=9)


@pytest.mark.parametrize("base_fun", [nn.PReLU(), nn.PReLU], ids=["one for all layers", "one for each layer"])
def test_rebuilding_carries_trained_base_functions_over_and_shares_none_of_them(base_fun: Any) -> None:
    network = Network([2, 3, 1], base_fun=base_fun)
    with torch.no_grad():
        for number, layer in enumerate(network.act_fun):
            layer.base_fun.weight.fill_(number + 0.5)
    fresh = network.rebuild(grid=9)
    ours, theirs = ([layer.base_fun for layer in each.act_fun] for each in (fresh, network))
    assert [function.weight.item() for function in ours] == [function.weight.item() for function in theirs]
    assert not {id(function) for function in ours} & {id(function) for function in theirs}
    assert (ours[0] is ours[1]) == (theirs[0] is theirs[1])
    assert [name for name, _ in fresh.named_parameters()] == [name for name, _ in network.named_parameters()]


@pytest.mark.parametrize("base_fun", ["silu", nn.RReLU()], ids=["by name", "a module"])
def test_the_mode_of_a_rebuilt_network_is_its_own(base_fun: Any) -> None:
    network = Network([2, 3, 1], base_fun=base_fun)
    network.rebuild(grid=9).eval()
    assert all(module.training for module in network.modules())


def test_rebuilding_with_other_inputs_takes_all_columns() -> None:
    network = Network([2, 1])
    network.n_columns, network.input_id = 3, torch.tensor([2, 0])
    assert network.rebuild(width=[1, 1]).input_id.tolist() == [0]


def test_the_state_restores_the_whole_function(mixed: Network) -> None:
    mixed.n_columns, mixed.input_id = 3, torch.tensor([2, 0])
    mixed.draw_stream()
    fresh = Network(**{**mixed.constructor_arguments(), "seed": 99}).double()
    fresh.load_state_dict(mixed.state_dict())
    data = torch.rand(10, 3, generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(fresh(data), mixed(data))


def test_a_plain_state_of_pykan_loads(mixed: Network, x: Tensor) -> None:
    state = {name: tensor for name, tensor in mixed.state_dict().items() if "_extra_state" not in name}
    before = mixed(x).detach()
    mixed.load_state_dict(state)
    assert torch.equal(mixed(x), before)


def test_a_state_of_other_inputs_is_refused() -> None:
    network = Network([2, 1])
    state = network.state_dict()
    state["_extra_state"] = pack({**network._named_state(), "input_id": [0, 1, 2]})
    with pytest.raises(ArgumentError, match="3 inputs, not 2"):
        network.load_state_dict(state)


def test_pykans_format_and_device_follow_the_network(pykan_case: Callable[..., Any]) -> None:
    network, expected = pykan_case("double")
    assert (network.dtype, network.device) == (torch.float64, torch.device("cpu"))
    assert network.to("meta").device == torch.device("meta")
    assert expected["y"].dtype == torch.float64


def test_a_network_says_whether_it_has_numerical_edges() -> None:
    network = Network([2, 1])
    assert network.has_splines
    network.act_fun[0].mask.data[0, 0] = 0  # type: ignore[union-attr, operator, index]
    assert network.has_splines
    network.act_fun[0].mask.data.zero_()  # type: ignore[union-attr, operator]
    assert not network.has_splines


def test_transforms_leave_no_tensor_of_theirs_on_the_network(mixed: Network, x: Tensor) -> None:
    torch.func.vmap(mixed)(torch.stack([x, x]))
    torch.func.grad(lambda x: mixed(x).sum())(x)
    assert mixed.cache_data is None


def test_grids_that_came_to_differ_are_listed() -> None:
    network = Network(width=[2, 2, 1], grid=3)
    network.act_fun[1].refine(torch.rand(20, 2), 10)
    assert network.grid == [3, 10]
    assert [layer.num for layer in network.rebuild().act_fun] == [3, 10]


def test_how_uniform_grids_are_is_a_setting_of_all_layers() -> None:
    network = Network(width=[2, 2, 1])
    network.grid_eps = 0.5
    assert [layer.grid_eps for layer in network.rebuild().act_fun] == [0.5, 0.5]
    network.act_fun[0].grid_eps = 1.0
    with pytest.raises(StateError, match=r"of their own: \[1.0, 0.5\]"):
        _ = network.grid_eps
    with pytest.raises(StateError, match="the layers have grid_eps of their own"):
        network.rebuild()
    with pytest.raises(ArgumentError, match="`grid_eps` must be a number between 0 and 1; got 2"):
        network.grid_eps = 2


def test_how_uniform_grids_are_is_known_of_layers_of_a_class_of_ones_own() -> None:
    class Own(KANLayer):
        pass

    network = Network(width=[2, 1])
    network.act_fun[0] = Own(2, 1, grid_eps=0.5)
    assert network.grid_eps == network.constructor_arguments()["grid_eps"] == 0.5


def test_a_base_function_that_all_layers_have_got_is_that_of_the_network() -> None:
    network = Network(width=[2, 2, 1])
    for layer in network.act_fun:
        layer.base_fun = torch.nn.LeakyReLU(0.1)
    child = network.rebuild()
    assert [repr(layer.base_fun) for layer in child.act_fun] == ["LeakyReLU(negative_slope=0.1)"] * 2
    network.act_fun[0].base_fun = torch.nn.LeakyReLU(0.2)
    with pytest.raises(StateError, match="the layers have base_fun of their own"):
        network.rebuild()


def test_plain_inputs_are_predicted_too(mixed: Network, x: Tensor) -> None:
    torch.testing.assert_close(mixed.predict_prepared(x), mixed(x))


def test_a_layer_that_is_called_is_evaluated_once() -> None:
    calls: list[int] = []
    network = Network(width=[2, 1], base_fun=lambda x: calls.append(1) or torch.tanh(x))
    network.act_fun[0].register_forward_hook(lambda *_: None)
    counts = []
    for module in (network.act_fun[0], network):
        calls.clear()
        module(torch.rand(5, 2))
        counts.append(len(calls))
    assert counts == [1, 1]


def test_a_forward_that_a_layer_was_given_is_called(x: Tensor) -> None:
    network = Network(width=[2, 1])
    layer, expected = network.act_fun[0], 2 * network(x)
    own = layer.forward
    layer.forward = lambda x: [2 * part for part in own(x)]
    torch.testing.assert_close(network(x), expected)


def test_a_trace_has_the_parameters_that_hooks_on_a_layer_set(x: Tensor) -> None:
    network = Network(width=[2, 3, 1])
    prune.l1_unstructured(network.act_fun[0], "coef", amount=0.3)
    network(x).sum().backward()
    with torch.no_grad():
        network.act_fun[0].coef_orig.mul_(3)
    traced = network.trace(x).layers[0]
    torch.testing.assert_close(traced.variances.T, traced.postacts().var(dim=0))
    traced.variances.sum().backward()


def test_a_network_with_layers_pruned_by_torch_is_not_built_anew() -> None:
    network = Network(width=[2, 3, 1])
    prune.l1_unstructured(network.act_fun[1], "coef", amount=0.3)
    with pytest.raises(StateError, match="`coef` of a layer cannot be set"):
        network.rebuild()
