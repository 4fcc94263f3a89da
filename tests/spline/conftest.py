"""Knots of every kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from kan.spline import adaptive_knots, extend_knots, uniform_knots

KINDS = ("uniform", "adaptive", "geometric")


def make_knots(kind: str, degree: int, intervals: int, inputs: int = 2) -> torch.Tensor:
    """Return extended knots in float64, other ones for every input."""
    generator = torch.Generator().manual_seed(intervals)
    interior = uniform_knots(-1, 1, inputs=inputs, intervals=intervals).double()
    if kind == "geometric":
        # Uneven beyond the interior too, which the library never makes but anyone may hand in.
        widths = 1.3 ** torch.arange(intervals + 2 * degree).double() * torch.tensor([[1.0], [0.5]])[:inputs]
        return torch.cat([torch.zeros(inputs, 1), widths.cumsum(dim=1)], dim=1) / widths.sum(dim=1, keepdim=True) - 0.5
    if kind == "adaptive":
        samples = torch.randn(200, inputs, generator=generator, dtype=torch.float64)
        interior = adaptive_knots(samples, interior, intervals=intervals, eps=0.02)
    return extend_knots(interior, degree=degree)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def knots_of() -> Callable[..., torch.Tensor]:
    return make_knots
