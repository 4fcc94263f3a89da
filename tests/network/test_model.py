"""What networks of splines and perceptrons have in common."""

from __future__ import annotations

import re

import pytest
import torch

from kan.common.errors import ArgumentError, StateError
from kan.network import Network, Perceptron


@pytest.fixture(params=[Network, Perceptron])
def model(request):
    return request.param([2, 3, 1], seed=4)


def test_inputs_take_the_format_of_the_parameters(model):
    assert model.double().checked_input([[1, 2], [3, 4]]).dtype == torch.float64
    assert model.dtype == torch.float64


def test_inputs_of_another_shape_are_refused(model):
    with pytest.raises(ArgumentError, match=r"`x` must have shape \(N, 2\) for width=.*; got \(5, 3\)"):
        model(torch.ones(5, 3))


@pytest.mark.parametrize("width", [[2, 3, 1], [2, [3, 2], 1], [2, [0, 1], 1]])
def test_messages_name_the_width_as_it_was_written(width):
    with pytest.raises(ArgumentError, match=re.escape(f"for width={width}; got (5, 3).")):
        Network(width)(torch.ones(5, 3))


def test_chosen_data_win_over_the_last_input(model):
    with pytest.raises(StateError, match="has not seen any data"):
        model.reference_data()
    first, second = torch.zeros(4, 2), torch.ones(4, 2)
    model(first)
    assert torch.equal(model.reference_data(), first)
    model.set_reference(second)
    model(first)
    assert torch.equal(model.reference_data(), second)
    assert torch.equal(model.reference_data({"train_input": first}), first)


def test_random_streams_are_reproducible_and_never_the_same_twice(model):
    other = type(model)([2, 3, 1], seed=4)
    first, second = (torch.rand(3, generator=model.draw_stream()) for _ in range(2))
    assert torch.equal(torch.rand(3, generator=other.draw_stream()), first)
    assert not torch.equal(first, second)


def test_a_class_with_a_forward_of_its_own_is_not_plain(model):
    class Doubled(type(model)):
        def forward(self, x, *args, **kwargs):
            return 2 * super().forward(x, *args, **kwargs)

    assert model.has_plain_forward
    assert not Doubled([2, 1]).has_plain_forward


def test_a_data_set_without_training_inputs_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"must hold 'train_input'; got \['x'\]"):
        Network(width=[2, 1]).reference_data({"x": torch.ones(3, 2)})
