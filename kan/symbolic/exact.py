"""The best step and the best kink: fits of the sign and of the absolute value that need no search.

With the samples sorted, the sums that c, d and the error need are running sums over the samples left of the zero z of
``a*x + b``. For a step they are constant between samples. For a kink, ``|t - z|``, the covariance with y is linear in z
there and the variance quadratic, so that the best z has a closed form in every gap.
"""

from __future__ import annotations

import torch

from kan.symbolic.box import Box
from kan.symbolic.samples import Samples

_SIGNS = (1.0, -1.0)


def best_step(*, samples: Samples, box: Box) -> torch.Tensor:
    """Return the (A, B) whose sign change splits the data of one edge best; (2,), NaN if the box holds none."""
    t, total = samples.t, samples.count
    points = box.through((t[1:] + t[:-1]) / 2, _SIGNS)
    left = torch.arange(1, total, dtype=t.dtype, device=t.device)
    gain = samples.y.cumsum(0)[:-1] ** 2 * (total / (left * (total - left)))
    return _best(points, torch.where(t[1:] > t[:-1], gain, -1.0))


def best_kink(*, samples: Samples, box: Box) -> torch.Tensor:
    """Return the (A, B) whose absolute value fits the data of one edge best; (2,), NaN if the box holds none."""
    t, y, total = samples.t, samples.y, samples.count
    left = torch.arange(1, total, dtype=t.dtype, device=t.device)
    sums = torch.stack([y, t * y, t])
    running = sums.cumsum(1)
    y_left, ty_left, t_left = running[:, :-1]
    _, ty_all, t_all = running[:, -1]
    # The covariance of |t - z| with y is g0 + g1*z, its sum m0 + m1*z, its square's sum that of (t - z)^2.
    g0, g1 = ty_all - 2 * ty_left, 2 * y_left
    m0, m1 = t_all - 2 * t_left, 2 * left - total
    v0, v1, v2 = t @ t - m0 * m0 / total, -2 * (t_all + m0 * m1 / total), total - m1 * m1 / total
    best = (g0 * v1 - 2 * g1 * v0) / (g1 * v1 - 2 * g0 * v2)
    best = torch.where(best.isfinite(), best, t[:-1]).maximum(t[:-1]).minimum(t[1:])
    zeros = torch.stack([best, t[:-1], t[1:]])  # (3, S - 1)
    spread = v0 + v1 * zeros + v2 * zeros * zeros
    usable = spread > 1e-12 * total
    gain = torch.where(usable, (g0 + g1 * zeros) ** 2 / torch.where(usable, spread, 1.0), -1.0)
    return _best(box.through(zeros.flatten(), _SIGNS), gain.flatten())


def _best(points: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    """Return the point of the largest gain, of those that are not NaN if there are any."""
    return points[torch.where(points[:, 0].isnan(), -2.0, gain).argmax()]
