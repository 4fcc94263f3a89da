"""Parameters of every layer as a list."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import nn

from kan.common.errors import ArgumentError
from kan.network import Network

NAMES = ["node_bias", "node_scale", "subnode_bias", "subnode_scale"]


@pytest.fixture
def network() -> Network:
    return Network([2, [1, 1], 1], seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_the_parameters_with_their_number(network: Network, name: str) -> None:
    assert [id(entry) for entry in getattr(network, name)] == [
        id(network.get_parameter(f"{name}_0")),
        id(network.get_parameter(f"{name}_1")),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_that_takes_the_place_of_one_is_registered(network: Network, name: str) -> None:
    fresh = nn.Parameter(torch.full_like(getattr(network, name)[-1], 3.0))
    getattr(network, name)[-1] = fresh
    assert dict(network.named_parameters())[f"{name}_1"] is fresh is getattr(network, name)[1]


@pytest.mark.parametrize("values", [torch.tensor([2.0, 3.0], dtype=torch.float64), [2, 3]])
def test_numbers_become_a_parameter_of_the_same_kind(network: Network, values: Any) -> None:
    x = torch.zeros(1, 2)
    bare = network(x)
    network.node_bias[1] = values[:1]
    assert (network.node_bias_1.dtype, network.node_bias_1.requires_grad) == (torch.float32, False)
    assert torch.equal(network(x), bare + 2)


def test_all_can_be_set_at_once(network: Network) -> None:
    network.node_scale = [torch.ones(2), torch.zeros(1)]
    assert not network(torch.rand(3, 2)).any()


def test_other_shapes_are_refused(network: Network) -> None:
    with pytest.raises(ArgumentError, match=r"`node_bias\[1\]` must have shape \(1,\); got \(2,\)"):
        network.node_bias[-1] = torch.ones(2)
    with pytest.raises(ArgumentError, match="`node_bias` must have an entry for each of 2 layers; got 1"):
        network.node_bias = [torch.ones(2)]
    with pytest.raises(ArgumentError, match=r"`node_bias\[1\]` must have shape"):
        network.node_bias = [torch.ones(2), torch.ones(2)]
    assert not any(entry.any() for entry in network.node_bias)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda entries: pickle.loads(pickle.dumps(entries))])
def test_copies_are_plain_lists(network: Network, way: Any) -> None:
    assert type(way(network.node_bias)) is list


def test_the_attribute_says_what_it_is() -> None:
    assert "bias of the nodes" in (Network.node_bias.__doc__ or "")
