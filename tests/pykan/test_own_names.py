"""What scripts and subclasses keep on a model under names of their own, which pykan's class leaves free."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from kan import KAN, create_dataset

NAMES = [
    *("settings", "shape", "config", "params", "args", "name", "version", "path", "logger", "log", "writer", "verbose"),
    *("loss", "losses", "optimizer", "scheduler", "criterion", "lr", "epochs", "batch_size", "metrics", "results"),
    *("data", "dataset", "x", "y", "inputs", "outputs", "scaler", "mean", "std", "nodes", "edges", "layers", "records"),
    *(
        "in_dim",
        "out_dim",
        "dim",
        "size",
        "mode",
        "cache",
        "weights",
        "mask",
        "residual",
        "penalty",
        "predict",
        "score",
    ),
]


@pytest.mark.parametrize("value", [0.5, [], torch.ones(3)], ids=["number", "list", "tensor"])
def test_names_that_scripts_are_likely_to_use_are_free(value: Any) -> None:
    class Own(KAN):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            for name in NAMES:
                setattr(self, name, value)

    dataset = create_dataset(lambda x: x[:, [0]] ** 2 + x[:, [1]], n_var=2, train_num=40, test_num=10)
    model = Own(width=[2, 2, 1], seed=0)
    model.fit(dataset, steps=1, lamb=0.001, progress=False)
    model.plot()
    for child in (model.prune(-1.0, -1.0), model.refine(4), model.copy(), copy.deepcopy(model)):
        child(dataset["test_input"])
    model.auto_symbolic(lib=["x", "x^2"], verbose=0)
    assert model.symbolic_formula()[0][0].free_symbols
