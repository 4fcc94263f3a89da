"""Tells whoever trained a model that its loss is no number any more, and what can be done."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from kan.network import Model, Network


@torch.no_grad()
def warn_unless_finite(losses: Sequence[float], model: Model, inputs: Tensor | None) -> None:
    """Warn if the last of the losses is not finite, and name the symbolic edges that make it so at these inputs."""
    if not losses or math.isfinite(losses[-1]):
        return
    edges = []
    if inputs is not None and isinstance(model, Network):
        edges = model.trace(inputs).singular_edges()
    if edges:
        said = "are not finite at some samples. Fit with `singularity_avoiding=True`, or give them other functions."
        text = f"the symbolic edges {', '.join(map(str, edges))} {said}"
    else:
        first = next(step for step in reversed(range(len(losses))) if step == 0 or math.isfinite(losses[step - 1]))
        text = f"it is not from step {first} on; a smaller `lr`, or inputs and labels of moderate size, may help."
    warnings.warn(f"the training loss is not finite: {text}", UserWarning, stacklevel=4)  # who called `fit`
