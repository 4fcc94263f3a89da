"""What is refused before and after a network is made from a file."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan.checkpoints.validation import check_extra_states, check_functions, check_tensors
from kan.common.errors import ArgumentError
from kan.network import Network


def test_what_a_network_gives_is_accepted(make: Any) -> None:
    network = make()
    check_tensors(network.constructor_arguments(), network.state_dict())
    check_extra_states(network)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("grid", 10**9), ("k", 3), ("width", [2, 3, 1]), ("width", [2, [2, 1], 1, 1]), ("width", [3, [2, 1], 1])],
)
def test_settings_of_another_network_are_refused(make: Any, setting: str, value: Any) -> None:
    network = make()
    with pytest.raises(ArgumentError, match=r"act_fun\.\d\.coef"):
        check_tensors({**network.constructor_arguments(), setting: value}, network.state_dict())


def test_a_grid_for_every_layer_is_understood() -> None:
    network = Network([2, 3, 1], grid=[2, 4], k=[3, 1])
    check_tensors(network.constructor_arguments(), network.state_dict())


def test_a_tensor_larger_than_its_storage_is_refused(make: Any) -> None:
    network = make()
    state = {**network.state_dict(), "act_fun.0.coef": torch.zeros(1).expand(10**6, 10**6)}
    with pytest.raises(ArgumentError, match="more elements"):
        check_tensors(network.constructor_arguments(), state)


def test_whole_numbers_in_place_of_parameters_are_refused(make: Any) -> None:
    network = make()
    state = {**network.state_dict(), "act_fun.0.coef": network.act_fun[0].coef.long()}
    with pytest.raises(ArgumentError, match="no numbers"):
        check_tensors(network.constructor_arguments(), state)


def test_an_unknown_function_is_named_with_the_remedy() -> None:
    with pytest.raises(ArgumentError, match=r"'J17'.*add_symbolic\('J17', function\)"):
        check_functions(["sin", "J17"])


@pytest.mark.parametrize("name", ["anonymous", 3, None, ["sin"]])
def test_what_is_no_name_of_a_function_is_refused(name: Any) -> None:
    with pytest.raises(ArgumentError, match="without a name" if name == "anonymous" else "not in the library"):
        check_functions([name])


@pytest.mark.parametrize("pair", [(0, 2), (2, 0), (-1, 0)])
def test_an_edge_that_does_not_exist_is_refused(pair: tuple[int, int]) -> None:
    network = Network([2, 2])
    network.symbolic_fun[0]._fixed.add(pair)
    with pytest.raises(ArgumentError, match="does not have it"):
        check_extra_states(network)


@pytest.mark.parametrize("columns", [[0, 5], [-1, 0]])
def test_an_input_that_does_not_exist_is_refused(columns: list[int]) -> None:
    network = Network([2, 1])
    network.input_id = torch.tensor(columns)
    with pytest.raises(ArgumentError, match="columns"):
        check_extra_states(network)
