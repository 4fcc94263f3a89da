"""How steps are measured by what they do to the inputs of hidden layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan import KAN, create_dataset
from kan.network import Adjoint, Jacobian
from kan.training import reach as module
from kan.training.reach import reach


@pytest.mark.parametrize("width", [[2, 2, 1], [2, [1, 1], 1]])
def test_the_measure_is_the_mean_square_move_of_a_node_over_its_grid(width: Any) -> None:
    model = KAN(width=width, seed=0, grid_range=[-1, 2], auto_save=False).double()
    x = torch.rand(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    adjoint = Adjoint(model, model.prepare(x), singularity={})
    adjoint.forward()
    jacobian = Jacobian(adjoint)
    measure = reach(adjoint, jacobian, loss=2.0)
    start, before = jacobian.read(), adjoint.layers[1].inputs.clone()
    (_, first), (_, last) = jacobian.edges()
    for output in range(model.width_out[1]):
        move = torch.zeros_like(start)
        of_output = move[first].view(*model.act_fun[0].coef.shape[:2], -1)[:, output]
        of_output.copy_(torch.randn(of_output.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
        jacobian.write(start + move)
        adjoint.forward()
        share = (adjoint.layers[1].inputs - before) / 3.0
        expected = 0.1 * 2.0 * float(share.square().sum(dim=0).mean())
        assert float(move @ measure @ move) == pytest.approx(expected, rel=1e-9)
    assert not measure[last].any()


def test_starts_with_narrow_hidden_layers_are_not_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(x: torch.Tensor) -> torch.Tensor:
        first = torch.sin(torch.pi * (x[:, [0]] ** 2 + x[:, [1]] ** 2))
        return torch.exp((first + torch.sin(torch.pi * (x[:, [2]] ** 2 + x[:, [3]] ** 2))) / 2)

    dataset = create_dataset(deep, n_var=4, train_num=300, test_num=1, seed=0)

    def errors() -> torch.Tensor:
        models = [KAN(width=[4, 2, 1, 1], grid=3, seed=seed, auto_save=False).double() for seed in range(4)]
        losses = [model.fit(dataset, opt="LM", steps=8, progress=False)["train_loss"][-1] for model in models]
        return torch.tensor(losses)

    now = errors()
    monkeypatch.setattr(module, "_WEIGHT", 0.0)
    assert float(now.max()) < 0.6 < float(errors().max())
