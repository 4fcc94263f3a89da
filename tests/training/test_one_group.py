"""Optimisers of one group of real parameters."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kan import LBFGS, LevenbergMarquardt
from kan.common.errors import ArgumentError


@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_complex_parameters_are_refused(kind: type) -> None:
    with pytest.raises(ArgumentError, match=f"{kind.__name__} needs real floating-point parameters"):
        kind([nn.Parameter(torch.zeros(2, dtype=torch.complex64))])


@pytest.mark.parametrize("kind", [LBFGS, LevenbergMarquardt])
def test_gradients_are_forgotten_or_set_to_zero(kind: type) -> None:
    parameter, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimiser = kind([parameter, unused])
    parameter.grad = torch.ones(2)
    optimiser.zero_grad(set_to_none=False)
    assert parameter.grad.tolist() == [0, 0]
    assert unused.grad is None
    optimiser.zero_grad()
    assert parameter.grad is None
