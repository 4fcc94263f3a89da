"""Large layers, block by block of inputs: the same numbers, in little memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kan.layers import edge_blocks
from kan.layers.edge_blocks import EdgeBlocks, Moments
from kan.layers.edge_tensors import EdgeTensors
from kan.spline import basis, extend_knots, uniform_knots

INPUTS, OUTPUTS, SAMPLES = 7, 3, 20


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=[0, 1, 3])
def degree(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def tensors(degree: int) -> EdgeTensors:
    knots = extend_knots(uniform_knots(-1, 1, inputs=INPUTS, intervals=4).double(), degree=degree)
    parameters = (random(INPUTS, OUTPUTS, seed=seed) for seed in (1, 2, 3))
    x = random(INPUTS, SAMPLES, seed=4)
    return EdgeTensors(x, x.sin(), random(INPUTS, OUTPUTS, 4 + degree, seed=5), *parameters, knots)


def edge_values(tensors: EdgeTensors, degree: int) -> Tensor:
    """Return the value of every edge (I, O, N), as the formula says."""
    splines = torch.bmm(tensors.coefficients, basis(tensors.x, tensors.knots, degree=degree))
    scale_base, scale_spline, mask = (scale[:, :, None] for scale in tensors[3:6])
    return mask * (scale_base * tensors.base[:, None] + scale_spline * splines)


@pytest.mark.parametrize("at_once", [1, 3, INPUTS])
@pytest.mark.parametrize("chunk", [6, 7, SAMPLES])
def test_blocks_of_any_size_give_the_values_and_gradients_of_the_edges(
    tensors: EdgeTensors, degree: int, at_once: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_blocks, "_BLOCK", at_once * chunk * tensors.knots.shape[1])
    monkeypatch.setattr(edge_blocks, "_FEWEST_INPUTS", at_once)
    monkeypatch.setattr(edge_blocks, "_FEWEST_SAMPLES", 1)
    before = EdgeBlocks(tensors, degree=degree)
    sums, variances = before.forward(with_variances=True)
    leaves = tuple(tensor.clone().requires_grad_() for tensor in tensors[:6])
    edges = edge_values(EdgeTensors(*leaves, tensors.knots), degree)
    torch.testing.assert_close(sums, edges.sum(dim=0))
    torch.testing.assert_close(variances, edges.var(dim=2))
    of_sums, of_variances = random(OUTPUTS, SAMPLES, seed=6), random(INPUTS, OUTPUTS, seed=7)
    expected = torch.autograd.grad([edges.sum(dim=0), edges.var(dim=2)], leaves, [of_sums, of_variances])
    assert bool(before.moments) == (chunk < SAMPLES)
    for moments in ([], before.moments):
        edges = EdgeBlocks(tensors, degree=degree, moments=moments)
        torch.testing.assert_close(edges.backward(of_sums, of_variances, wanted=(True,) * 6), expected)


def test_moments_of_chunks_are_those_of_all_samples() -> None:
    features = random(2, 3, SAMPLES, seed=0) + 1e6
    moments = Moments()
    for chunk in features.split(6, dim=2):
        moments.add(chunk)
    torch.testing.assert_close(moments.mean()[..., 0], features.mean(dim=2))
    torch.testing.assert_close(moments.covariance(), torch.stack([one.cov() for one in features]))


def test_without_samples_variances_and_their_gradients_are_zero(tensors: EdgeTensors, degree: int) -> None:
    empty = tensors._replace(x=tensors.x[:, :0], base=tensors.base[:, :0])
    _, variances = EdgeBlocks(empty, degree=degree).forward(with_variances=True)
    assert variances is not None
    assert not variances.any()
    gradients = EdgeBlocks(empty, degree=degree).backward(
        random(OUTPUTS, 0, seed=6), random(INPUTS, OUTPUTS, seed=7), wanted=(True,) * 6
    )
    assert not any(gradient.any() for gradient in gradients if gradient is not None)


def test_moments_are_not_kept_where_they_are_more_than_the_bases(
    tensors: EdgeTensors, degree: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_blocks, "_BLOCK", 2 * tensors.knots.shape[1])
    monkeypatch.setattr(edge_blocks, "_FEWEST_INPUTS", 1)
    monkeypatch.setattr(edge_blocks, "_FEWEST_SAMPLES", 1)
    few = tensors._replace(x=tensors.x[:, :4], base=tensors.base[:, :4])
    for some, kept in ((tensors, True), (few, False)):
        edges = EdgeBlocks(some, degree=degree)
        edges.forward(with_variances=True)
        assert bool(edges.moments) == kept


def test_gradients_that_are_not_wanted_are_left_out(tensors: EdgeTensors, degree: int) -> None:
    edges = EdgeBlocks(tensors, degree=degree)
    of_sums = random(OUTPUTS, SAMPLES, seed=6)
    everything = edges.backward(of_sums, None, wanted=(True,) * 6)
    for index in range(6):
        some = edges.backward(of_sums, None, wanted=tuple(index == other for other in range(6)))
        assert [value is None for value in some] == [index != other for other in range(6)]
        torch.testing.assert_close(some[index], everything[index])
