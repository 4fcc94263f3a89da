"""The objective of a fit, and the choice between its two ways to a gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kan import KAN, create_dataset
from kan.training.objective import Objective


@pytest.mark.parametrize("opt", ["LBFGS", "Adam"])
def test_hooks_on_parameters_see_and_change_the_gradients_of_a_fit(opt: str) -> None:
    dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=50, test_num=10)
    model = KAN(width=[2, 3, 1], seed=0)
    layer = model.act_fun[0]
    held = {"coef": layer.coef, "scale_base": layer.scale_base, "scale_sp": layer.scale_sp}
    before = {name: values.detach().clone() for name, values in held.items()}

    def without_first_edge(gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[0, 0] = 0
        return gradient

    for values in held.values():
        values.register_hook(without_first_edge)
    model.fit(dataset, opt=opt, steps=3, update_grid=False, progress=False)
    for name, values in held.items():
        changed = (values.detach() != before[name]).reshape(2, 3, -1).any(dim=2)
        assert not changed[0, 0]
        assert changed.sum() == 5
    assert torch.isfinite(model(dataset["test_input"])).all()


@pytest.mark.parametrize("repeatedly", [True, False], ids=["adjoint", "autograd"])
def test_what_hangs_on_a_constant_node_gets_no_gradient_from_the_penalty(repeatedly: bool) -> None:
    x = torch.rand(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = KAN(width=[2, 3, 3, 1], seed=0).double()
    model.act_fun[0].mask.data[:, 0] = 0
    model.act_fun[1].mask.data[1:, 0] = 0
    model.node_bias_0.data[0] = 0.37  # the only input of node 0 in the next layer, which is constant therefore
    Objective(model, lambda prediction, _: 0 * prediction.sum(), None, 1.0, {}, {}).at(
        x, x[:, :1], repeatedly=repeatedly
    ).differentiate()
    gradient = model.act_fun[1].coef.grad
    assert not gradient[0, 0].any()
    assert gradient[1, 1].any()
