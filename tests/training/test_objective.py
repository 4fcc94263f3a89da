"""The objective of a fit, and the choice between its two ways to a gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kan import KAN, create_dataset


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
