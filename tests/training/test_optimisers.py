"""The optimisers that `fit` knows by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kan import KAN
from kan.common.errors import ArgumentError
from kan.training import optimisers as module
from kan.training.lbfgs import LBFGS
from kan.training.levenberg_marquardt import LevenbergMarquardt
from kan.training.optimisers import OPTIMISERS, make_optimiser


def parameters() -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3), requires_grad=False)]


@pytest.mark.parametrize(
    ("name", "kind", "rate"), [("LBFGS", LBFGS, 1.0), ("Adam", torch.optim.Adam, 0.01), ("LM", LevenbergMarquardt, 1.0)]
)
def test_every_optimiser_has_a_learning_rate_of_its_own(name: str, kind: type, rate: float) -> None:
    optimiser = make_optimiser(name, parameters(), None)
    assert isinstance(optimiser, kind)
    assert optimiser.param_groups[0]["lr"] == rate


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_learning_rate_that_is_given_is_used(name: str) -> None:
    assert make_optimiser(name, parameters(), 0.25).param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize("name", OPTIMISERS)
def test_only_what_is_trained_is_given_to_it(name: str) -> None:
    given = parameters()
    assert make_optimiser(name, given, None).param_groups[0]["params"] == given[:1]


def test_lbfgs_has_the_settings_of_pykan() -> None:
    group = make_optimiser("LBFGS", parameters(), None).param_groups[0]
    assert {name: group[name] for name in ("history_size", "line_search_fn")} == {
        "history_size": 10,
        "line_search_fn": "strong_wolfe",
    }
    assert group["tolerance_grad"] == group["tolerance_change"] == group["tolerance_ys"] == 1e-32


@pytest.mark.parametrize("name", ["adam", "ADAM", "lbfgs", "lm"])
def test_names_are_known_in_small_and_capital_letters(name: str) -> None:
    model, x = KAN(width=[2, 1], auto_save=False), torch.rand(20, 2)
    losses = model.fit({"train_input": x, "train_label": x[:, :1]}, opt=name, steps=2, progress=False)["train_loss"]
    assert losses[1] < losses[0]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match=r"`opt` must be one of 'LBFGS', 'Adam', 'LM'; got 'SGD'"):
        make_optimiser("SGD", parameters(), None)


def test_too_many_parameters_for_one_system_are_left_to_lbfgs_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PARAMETERS", 1)
    with pytest.warns(UserWarning, match="unwise beyond 1; the model has 2. It is trained with opt='LBFGS' instead"):
        optimiser = make_optimiser("LM", parameters(), 0.5)
    assert isinstance(optimiser, LBFGS)
    assert optimiser.param_groups[0]["lr"] == 1.0


def test_the_warning_names_the_line_that_called_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PARAMETERS", 1)
    data = {"train_input": torch.rand(5, 2), "train_label": torch.rand(5, 1)}
    with pytest.warns(UserWarning, match="instead, with the learning rate of that") as caught:
        KAN(width=[2, 1], auto_save=False).fit(data, opt="LM", lr=0.5, steps=1, progress=False)
    assert [warning.filename for warning in caught] == [__file__]


def test_constants_that_no_edge_uses_do_not_count_as_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    model = KAN(width=[2, 1], grid=3, k=3, auto_save=False)
    data = {"train_input": torch.rand(5, 2), "train_label": torch.rand(5, 1)}
    edges, numbers = 2, 3 + 3 + 2  # coefficients and two scales
    monkeypatch.setattr(module, "MOST_PARAMETERS", edges * numbers - 1)
    with pytest.warns(UserWarning, match=f"the model has {edges * numbers}"):
        model.fit(data, opt="LM", steps=1, progress=False)
    model.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False, verbose=False)
    with pytest.warns(UserWarning, match=f"the model has {edges * (numbers + 4)}"):
        model.fit(data, opt="LM", steps=1, progress=False)
