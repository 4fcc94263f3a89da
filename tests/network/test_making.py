"""Subclasses with constructors and methods of their own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kan import KAN
from kan.network import make


class Sized(KAN):
    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        super().__init__([inputs, 3, outputs], **options)


class Configured(KAN):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(width=config["width"], seed=0)


class Open(KAN):
    def __init__(self, *arguments: Any, extra: int = 1, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.extra = extra


MADE: dict[str, Any] = {
    "sized": (lambda: Sized(2, 1, seed=0), KAN),
    "configured": (lambda: Configured({"width": [2, 3, 1]}), KAN),
    "open": (lambda: Open([2, 3, 1], seed=0, extra=2), Open),
}
STEPS: dict[str, Any] = {
    "copy": lambda model: model.copy(),
    "refine": lambda model: model.refine(6),
    "prune": lambda model: model.prune(node_th=0, edge_th=0),
    "rewind": lambda model: model.rewind("0.0"),
    "load": lambda model: (model.saveckpt("mark"), type(model).loadckpt("mark"))[1],
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", MADE)
def test_models_of_any_constructor_are_made_anew(name: str, step: str) -> None:
    construct, kind = MADE[name]
    model, x = construct(), torch.rand(50, 2)
    before = model(x)
    child = STEPS[step](model)
    assert type(child) is kind
    torch.testing.assert_close(child(x), before, rtol=1e-3, atol=1e-3)


def test_settings_that_nothing_takes_are_an_error() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        make(KAN, width=[2, 1], nonsense=1)


def test_a_method_may_be_called_predict() -> None:
    class Predicting(KAN):
        def predict(self, x: Any) -> Any:
            return self(torch.as_tensor(x)).detach().numpy()

    model, x = Predicting(width=[2, 3, 1], seed=0), torch.rand(20, 2)
    model.fit({"train_input": x, "train_label": x[:, :1]}, steps=2, progress=False)
    assert model.predict(x.numpy()).shape == (20, 1)
    assert torch.equal(torch.as_tensor(model.predict(x)), model(x).detach())


@pytest.mark.parametrize("step", STEPS)
def test_a_method_may_be_called_train(step: str) -> None:
    class Training(KAN):
        def train(self, table: Any, epochs: int) -> Any:
            raise AssertionError("the library sets the training mode, and does not train")

    model, x = Training([2, 3, 1], seed=0), torch.rand(50, 2)
    model(x)
    assert STEPS[step](model).training
