"""A network's state, and copies through it."""

from __future__ import annotations

import copy
from typing import Any, Callable

import pytest
import torch
from torch import nn

from kan.checkpoints import NetworkState, copy_network
from kan.checkpoints.state import size_of, usable_device
from kan.common.errors import StateError
from kan.layers import KANLayer
from kan.network import Network


def cube(x: torch.Tensor) -> torch.Tensor:
    return x**3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_copy_equals_the_network(make: Any, equal: Any, dtype: torch.dtype) -> None:
    network = make(dtype=dtype)
    assert equal(network, copy_network(network))


def test_a_copy_shares_no_memory_with_the_network(make: Any, inputs: Any) -> None:
    network = make()
    network(inputs(network))
    network.set_reference(inputs(network, 3))
    twin = copy_network(network)
    mine = {p.data_ptr() for p in [*network.parameters(), network.cache_data, network._reference]}
    assert not mine & {p.data_ptr() for p in [*twin.parameters(), twin.cache_data, twin._reference]}


def test_changing_a_copy_leaves_the_network_as_it_was(make: Any, inputs: Any) -> None:
    network = make()
    x = inputs(network)
    before = network(x)
    twin = copy_network(network)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(2)
    twin.symbolic_fun[0].set_edge(0, 1, "cos")
    assert torch.equal(network(x), before)


def test_a_copy_knows_the_data_of_the_network(make: Any, inputs: Any) -> None:
    network = make()
    network.set_reference(inputs(network, 3))
    network(inputs(network, 4))
    twin = copy_network(network)
    assert torch.equal(twin.cache_data, network.cache_data)
    assert torch.equal(twin.reference_data(), network.reference_data())


def test_a_copy_of_a_view_does_not_hold_the_whole_data(make: Any) -> None:
    network = make()
    network.cache_data = torch.rand(1000, 2)[:3]
    assert copy_network(network).cache_data.untyped_storage().nbytes() == 3 * 2 * 4


def test_a_copy_keeps_functions_without_a_name(make: Any, inputs: Any) -> None:
    network = make()
    network.symbolic_fun[0].set_edge(0, 2, lambda x: x**7)
    x = inputs(network)
    assert torch.equal(copy_network(network)(x), network(x))


def test_a_copy_does_not_share_the_parameters_of_a_base_function(inputs: Any) -> None:
    network = Network([2, 2, 1], base_fun=nn.PReLU())
    twin = copy_network(network)
    x = inputs(network)
    assert torch.equal(twin(x), network(x))
    with torch.no_grad():
        twin.base_fun.weight.add_(1)
    assert not torch.equal(twin(x), network(x))
    assert twin.act_fun[0].base_fun is twin.act_fun[1].base_fun


def test_a_copy_keeps_the_columns_that_are_inputs() -> None:
    network = Network([2, 1])
    network.n_columns, network.input_id = 5, torch.tensor([1, 4])
    twin = copy_network(network)
    assert twin.n_columns == 5
    assert twin.input_id.tolist() == [1, 4]


def test_a_copy_has_the_class_of_the_network() -> None:
    class Special(Network):
        pass

    assert type(copy_network(Special([1, 1]))) is Special


@pytest.mark.usefixtures("global_generators_untouched")
def test_copying_draws_no_global_random_numbers(make: Any) -> None:
    copy_network(make())


@pytest.mark.parametrize("base_fun", ["identity", torch.sin, cube])
def test_a_state_builds_an_equal_network(make: Any, equal: Any, base_fun: Any) -> None:
    network = make(base_fun=base_fun)
    assert equal(network, NetworkState.capture(network).build(Network))


def test_a_state_does_not_change_with_the_network(make: Any, inputs: Any) -> None:
    network = make()
    x = inputs(network)
    before = network(x)
    state = NetworkState.capture(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    network.symbolic_fun[0].set_edge(0, 0, "cos")
    first = state.build(Network)
    with torch.no_grad():
        first.act_fun[0].coef.mul_(2)
    assert torch.equal(state.build(Network)(x), before)


def test_a_state_says_nothing_about_where_to_write() -> None:
    class Writing(Network):
        def constructor_arguments(self) -> dict[str, Any]:
            return {**super().constructor_arguments(), "ckpt_path": "/somewhere"}

    assert "ckpt_path" not in NetworkState.capture(Writing([1, 1])).settings


def test_random_numbers_go_on_where_they_were(make: Any) -> None:
    network = make()
    network.draw_stream()
    assert copy_network(network)._draws == NetworkState.capture(network).build(Network)._draws == 1


def test_a_state_is_its_own_deepcopy(make: Any) -> None:
    state = NetworkState.capture(make())
    assert copy.deepcopy(state) is state


def test_nbytes_counts_the_tensors(make: Any) -> None:
    network = make(dtype=torch.float64)
    numbers = 8 * sum(p.numel() for p in network.parameters())
    names = sum(4 * entry.numel() for name, entry in network.state_dict().items() if name.endswith("_extra_state"))
    assert NetworkState.capture(network).nbytes == numbers + names
    assert size_of({"a": torch.zeros(3), "b": "text"}) == 12


def test_a_state_of_a_missing_device_is_built_on_the_cpu(make: Any) -> None:
    state = NetworkState.capture(make())
    elsewhere = NetworkState(**{**vars(state), "device": "cuda:99"})
    assert elsewhere.build(Network).device.type == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "meta", "nonsense", ""])
def test_a_device_that_is_not_here_is_the_cpu(name: str) -> None:
    assert usable_device(name) == torch.device("cpu")


def test_the_constructor_may_be_a_function(make: Any) -> None:
    made: list[dict[str, Any]] = []

    def build(**settings: Any) -> Network:
        made.append(settings)
        return Network(**settings)

    factory: Callable[..., Network] = build
    NetworkState.capture(make()).build(factory)
    assert made[0]["grid"] == 4


def test_a_state_with_layers_of_ones_own_is_not_turned_into_splines() -> None:
    class Doubled(KANLayer):
        pass

    network = Network([2, 1, 1])
    network.act_fun[1] = Doubled(1, 1)
    state = NetworkState.capture(network)
    with pytest.raises(StateError, match=r"layer 1 is a Doubled.*copy.deepcopy"):
        state.build(Network)
