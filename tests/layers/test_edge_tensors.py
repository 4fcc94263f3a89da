"""Gradients of the parameters from those of the weights."""

from __future__ import annotations

import torch

from kan.layers.edge_tensors import EdgeTensors, write_gradients


def test_gradients_of_some_inputs_are_those_of_autograd() -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    tensors = EdgeTensors(draw(4, 9), draw(4, 9), draw(4, 3, 5), draw(4, 3), draw(4, 3), draw(4, 3), draw(4, 9))
    leaves = [tensor.requires_grad_() for tensor in tensors[2:6]]
    coefficients, scale_base, scale_spline, mask = leaves
    of_splines, of_base = draw(4, 5, 3), draw(4, 3)
    weights = ((coefficients * (scale_spline * mask)[:, :, None]).mT, scale_base * mask)
    expected = torch.autograd.grad(weights, leaves, (of_splines, of_base))
    found = [torch.zeros_like(leaf) for leaf in leaves]
    with torch.no_grad():
        for block in (slice(0, 3), slice(3, 4)):
            write_gradients(tensors, block, of_splines[block], of_base[block], found)
    torch.testing.assert_close(found, list(expected))
