"""The optimisers that `fit` knows by name, each with its own learning rate."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from kan.common.errors import ArgumentError, check_choice
from kan.training.lbfgs import LBFGS
from kan.training.levenberg_marquardt import MOST_PARAMETERS, LevenbergMarquardt


def _lbfgs(parameters: Iterable[nn.Parameter], lr: float | None) -> LBFGS:
    return LBFGS(
        parameters,
        lr=1.0 if lr is None else lr,
        history_size=10,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-32,
        tolerance_change=1e-32,
        tolerance_ys=1e-32,
    )


def _adam(parameters: Iterable[nn.Parameter], lr: float | None) -> torch.optim.Adam:
    return torch.optim.Adam(parameters, lr=1e-2 if lr is None else lr)


def _levenberg_marquardt(parameters: Iterable[nn.Parameter], lr: float | None) -> LevenbergMarquardt | LBFGS:
    parameters = list(parameters)
    size = sum(parameter.numel() for parameter in parameters)
    if size > MOST_PARAMETERS:
        own = "" if lr is None else ", with the learning rate of that"
        warnings.warn(
            f"opt='LM' solves one system for all parameters, which is unwise beyond {MOST_PARAMETERS}; the model has "
            f"{size}. It is trained with opt='LBFGS' instead{own}.",
            UserWarning,
            stacklevel=5,  # who called `fit`
        )
        return _lbfgs(parameters, None)
    return LevenbergMarquardt(parameters, lr=1.0 if lr is None else lr)


OPTIMISERS: dict[str, Callable[[Iterable[nn.Parameter], float | None], Any]] = {
    "LBFGS": _lbfgs,
    "Adam": _adam,
    "LM": _levenberg_marquardt,
}


def optimiser_name(name: Any) -> str:
    """Return the name of an optimiser as the table has it, from one in small or capital letters.

    Raises
    ------
    ArgumentError
        For an unknown name; it lists the known ones.

    Examples
    --------
    >>> optimiser_name("adam")
    'Adam'
    """
    known = {key.lower(): key for key in OPTIMISERS}.get(str(name).lower(), name)
    check_choice("opt", known, OPTIMISERS)
    return str(known)


def make_optimiser(name: str, parameters: Iterable[nn.Parameter], lr: float | None) -> Any:
    """Return the optimiser `name` for the trainable parameters.

    Raises
    ------
    ArgumentError
        For an unknown name; it lists the known ones. If nothing is to be trained.
    """
    make = OPTIMISERS[optimiser_name(name)]
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if not trained:
        raise ArgumentError("no parameter of the model is trained: set `requires_grad_(True)` for some of them.")
    return make(trained, lr)
