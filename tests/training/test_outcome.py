"""A loss that is no number any more, or hopeless, is reported, with what can be done."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from kan import KAN
from kan.MLP import MLP
from kan.training import warn_if_hopeless, warn_unless_finite


@pytest.fixture
def singular(dataset: Any) -> KAN:
    model = KAN(width=[2, 1], seed=0, auto_save=False)
    model(dataset["train_input"])
    model.fix_symbolic(0, 1, 0, "log", fit_params_bool=False, verbose=False)
    return model


@pytest.mark.parametrize("opt", ["LBFGS", "Adam", "LM"])
def test_symbolic_edges_that_are_not_finite_are_named_to_the_caller(singular: KAN, dataset: Any, opt: str) -> None:
    with pytest.warns(UserWarning, match=r"the symbolic edges \(0, 1, 0\) are not finite at some samples") as caught:
        singular.fit(dataset, opt=opt, steps=2, progress=False)
    assert [warning.filename for warning in caught] == [__file__]


def test_edges_that_are_not_finite_on_the_test_data_alone_are_named(dataset: Any) -> None:
    dataset["train_input"] = dataset["train_input"].abs() + 0.1
    dataset["test_input"] = dataset["test_input"].abs() + 0.1
    dataset["test_input"][0, 1] = -100.0
    model = KAN(width=[2, 1], seed=0, auto_save=False)
    model(dataset["train_input"])
    model.fix_symbolic(0, 1, 0, "log", fit_params_bool=False, verbose=False)
    with pytest.warns(UserWarning, match=r"the test loss is not finite: the symbolic edges \(0, 1, 0\)") as caught:
        results = model.fit(dataset, steps=2, progress=False)
    assert math.isfinite(results["train_loss"][-1])
    assert [warning.filename for warning in caught] == [__file__]


def test_the_advice_helps(singular: KAN, dataset: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = singular.fit(dataset, steps=2, progress=False, singularity_avoiding=True)
    assert results["train_loss"][-1] > 0


@pytest.mark.parametrize("kind", [KAN, MLP])
def test_a_training_that_diverged_says_when(dataset: Any, kind: Any) -> None:
    with pytest.warns(UserWarning, match="it is not from step 0 on; a smaller `lr`") as caught:
        kind(width=[2, 2, 1], seed=0).fit(dataset, opt="Adam", lr=1e30, steps=2, progress=False)
    assert [warning.filename for warning in caught] == [__file__]


def test_it_is_said_since_when_the_loss_is_not_finite() -> None:
    model = KAN(width=[1, 1])
    with pytest.warns(UserWarning, match="from step 3 on"):
        warn_unless_finite({"train_loss": [1.0, math.nan, 1.0, math.inf, math.nan]}, model)


@pytest.mark.parametrize("losses", [[], [1.0], [math.nan, 1.0]])
def test_a_loss_that_is_finite_in_the_end_needs_no_word(losses: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_unless_finite({"train_loss": losses, "test_loss": losses}, KAN(width=[1, 1]))


@pytest.mark.parametrize(("opt", "scale", "offset"), [("LBFGS", 1e-19, 0.0), ("LM", 1e-19, 0.0), ("LBFGS", 1.0, 1e6)])
@pytest.mark.parametrize("as_loader", [False, True])
def test_labels_far_from_one_that_are_not_fitted_are_told(
    dataset: Any, opt: str, scale: float, offset: float, as_loader: bool
) -> None:
    """In joules, a loss of 1e-5 looks good, and is nothing."""
    x, y = dataset["train_input"].double(), scale * dataset["train_label"].double() + offset
    data = DataLoader(TensorDataset(x, y), batch_size=len(x)) if as_loader else {"train_input": x, "train_label": y}
    model = KAN(width=[2, 1], seed=0, auto_save=False).double()
    with pytest.warns(UserWarning, match="a constant would fit better") as caught:
        model.fit(data, opt=opt, steps=3, progress=False)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("losses", [[], [50.0], [1e9, 1e-9], [math.nan], [math.inf]])
@pytest.mark.parametrize("spread", [1e-17, 1.0])
def test_a_loss_that_more_steps_may_lower_needs_no_word(losses: list[float], spread: float) -> None:
    """Nor does one that is above the rounding of constant labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_hopeless(losses, 1 + spread * torch.tensor([[1.0], [-1.0]], dtype=torch.float64))


def test_every_output_is_measured_by_what_it_varies_by_itself() -> None:
    labels = torch.tensor([[1.0, 1001.0], [-1.0, 999.0]])
    with pytest.warns(UserWarning, match=r"the labels vary by 1\.0e\+00 only"):
        warn_if_hopeless([300.0], labels)
