"""Warnings after training that failed, and what to do: the loss is not finite, or far above that of a constant."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Union

import torch
from torch import Tensor

from kan.network import Model, Network

if TYPE_CHECKING:
    from kan.training.record import Series

    Losses = Union[Sequence[float], Series]

# A loss of so many standard deviations of the labels is no matter of a few steps more.
_HOPELESS = 100


@torch.no_grad()
def warn_unless_finite(
    results: Mapping[str, Losses],
    model: Model,
    inputs: Tensor | None = None,
    test_inputs: Tensor | None = None,
) -> None:
    """Warn if the last training loss, or else test loss, is not finite; name the symbolic edges that make it so."""
    for part, name, samples in (("training", "train_loss", inputs), ("test", "test_loss", test_inputs)):
        losses = results.get(name, ())
        if len(losses) and not math.isfinite(losses[-1]):
            text = f"the {part} loss is not finite: {_reason(losses, model, samples)}"
            warnings.warn(text, UserWarning, stacklevel=5)  # who called `fit`
            return


def _reason(losses: Losses, model: Model, inputs: Tensor | None) -> str:
    """Return what makes the last of the losses not finite, if it can be seen at some inputs, and what can be done."""
    edges = model.trace(inputs).singular_edges() if inputs is not None and isinstance(model, Network) else []
    if edges:
        said = "are not finite at some samples. Fit with `singularity_avoiding=True`, or give them other functions."
        return f"the symbolic edges {', '.join(map(str, edges))} {said}"
    first = next(step for step in reversed(range(len(losses))) if step == 0 or math.isfinite(losses[step - 1]))
    return f"it is not from step {first} on; a smaller `lr`, or inputs and labels of moderate size, may help."


def warn_if_hopeless(losses: Losses, labels: Tensor) -> None:
    """Warn if the last of the root mean square errors is far beyond what the labels (N, ...) vary by."""
    # In double precision: the squares of labels in SI units may be below what single precision holds.
    values = labels.detach().cpu().double()
    spread = float((values - values.mean(dim=0)).square().mean().sqrt())
    rounding = torch.finfo(labels.dtype).eps * float(values.abs().max())
    if len(losses) and spread > rounding and _HOPELESS * spread < losses[-1] < math.inf:
        warnings.warn(
            f"the training loss is {losses[-1]:.1e}, but the labels vary by {spread:.1e} only: a constant would fit "
            "better. Bring inputs and labels to order one, by their means and standard deviations; `symbolic_formula` "
            "takes these as `normalizer` and `output_normalizer`.",
            UserWarning,
            stacklevel=4,  # who called `fit`
        )
