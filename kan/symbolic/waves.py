"""The best shift of a wave for each frequency.

``sin(A*t + B)`` is a combination of ``sin(A*t)`` and ``cos(A*t)``, so that B has a closed form and only A is searched
for: the generalised Lomb-Scargle periodogram (Zechmeister & Kürster 2009, A&A 496, 577).
"""

from __future__ import annotations

import math

import torch

from kan.symbolic.box import Box
from kan.symbolic.samples import Samples
from kan.symbolic.shapes import Shape


def best_shifts(*, shape: Shape, slopes: torch.Tensor, samples: Samples, box: Box) -> torch.Tensor:
    """Return the best shift for each slope.

    Parameters
    ----------
    shape : Shape
        Of the kind WAVE: ``f(u)`` is ``sin(u)`` up to a shift.
    slopes : Tensor (P,)
        A.
    samples : Samples
        Of one edge, (S,).
    box : Box

    Returns
    -------
    Tensor (P, 3, 2)
        Points (A, B): the best B, moved by periods to where b is smallest, and those that b's limits give. Where the
        limits exclude the best B, one of these is the best that they allow.
    """
    angle = slopes[:, None] * samples.t
    # The difference of the cosine from one keeps its digits at low frequencies.
    columns = torch.stack([angle.sin(), 2 * (angle / 2).sin().square()], 1)  # (P, 2, S)
    columns *= samples.root
    columns -= (columns @ samples.root)[..., None] * (samples.root / samples.count)
    gram, right = columns @ columns.mT, columns @ (samples.y * samples.root)
    sine = gram[:, 1, 1] * right[:, 0] - gram[:, 0, 1] * right[:, 1]
    cosine = gram[:, 0, 0] * right[:, 1] - gram[:, 0, 1] * right[:, 0]
    own = math.asin(float(shape.value(slopes.new_zeros(()))))  # f(u) = sin(u + own)
    a = slopes / box.half_width
    b = torch.atan2(-cosine, sine) - own - a * box.centre
    period = float(shape.period or math.pi)
    b = b - period * torch.round(b / period)
    limits = b.new_tensor(box.b_range).expand(len(b), 2)
    shifts = torch.cat([b[:, None], limits], 1)
    return box.to_normal(torch.stack([a[:, None].expand_as(shifts), shifts], -1))
