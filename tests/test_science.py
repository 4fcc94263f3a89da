"""Results that pykan's notebooks publish, reached or bettered; `benchmarks/science.py` has those that take longer."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch

from kan import KAN, augment_input, create_dataset


@pytest.fixture(autouse=True)
def double_precision() -> None:
    torch.set_default_dtype(torch.float64)


def fit(model: KAN, dataset: Any, **options: Any) -> float:
    """Fit, and return the test RMSE at the end."""
    return float(model.fit(dataset, progress=False, **options)["test_loss"][-1])


def formula_of(model: KAN, dataset: Any, **options: Any) -> tuple[Any, float]:
    """Make the model symbolic and fit it; return its formula and test RMSE."""
    model.auto_symbolic(verbose=0)
    error = fit(model, dataset, steps=20)
    return model.symbolic_formula(tolerance=1e-3, verbose=False, **options)[0][0], error


def test_a_product_node_finds_a_product() -> None:
    """Published: 1.28e-16."""
    dataset = create_dataset(lambda x: x[:, 0] * x[:, 1], n_var=2)
    model = KAN(width=[2, [5, 2], 1], base_fun="identity", seed=1)
    fit(model, dataset, steps=20, lamb=0.01, lamb_coef=1.0)
    model = model.prune()
    fit(model, dataset, steps=20)
    formula, error = formula_of(model, dataset)
    assert error < 1e-15
    assert str(formula) == "x_1*x_2"


def test_relativistic_mass_is_found_with_auxiliary_variables() -> None:
    """Published: the exact formula, after rounding by hand."""
    _, v, c = variables = sympy.symbols("m0 v c")
    gamma = 1 / sympy.sqrt(1 - v**2 / c**2)
    dataset = create_dataset(
        lambda x: x[:, [0]] / torch.sqrt(1 - x[:, [1]] ** 2 / x[:, [2]] ** 2),
        n_var=3,
        ranges=[[0, 1], [0, 0.9], [1.1, 2]],
    )
    dataset = augment_input(variables, (v / c, gamma), dataset)
    model = KAN(width=[5, [0, 1]], mult_arity=2, grid=3, k=3, seed=1)
    fit(model, dataset, steps=50, lamb=1e-5, lamb_coef=1.0)
    model = model.prune(edge_th=5e-2)
    fit(model, dataset, steps=20)
    formula, error = formula_of(model, dataset, var=["beta", "gamma", "m0", "v", "c"])
    assert error < 1e-12
    assert str(formula) == "gamma*m0"


def test_feature_scores_are_the_spreads_of_the_terms() -> None:
    """Published: 0.0040 for the input that does nothing."""
    dataset = create_dataset(lambda x: x[:, 0] ** 2 + 0.3 * x[:, 1] + 0.1 * x[:, 2] ** 3 + 0.0 * x[:, 3], n_var=4)
    model = KAN(width=[4, 5, 1], seed=1)
    fit(model, dataset, steps=40, lamb=0.001)
    x = dataset["train_input"]
    terms = torch.stack([x[:, 0] ** 2, 0.3 * x[:, 1], 0.1 * x[:, 2] ** 3, 0.0 * x[:, 3]], dim=1)
    expected = terms.std(dim=0) / dataset["train_label"].std()
    assert torch.allclose(model.feature_score, expected, atol=0.02)
    assert model.feature_score[3] < 0.004
    assert model.prune_input().input_id.tolist() == [0, 1, 2]
