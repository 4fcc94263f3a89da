"""General separability: whether groups of inputs enter through a sum, or product, of one function each.

    f(x) = F(p_1(x_A1) + p_2(x_A2) + ..., the other inputs)

For three groups and more this holds when every group, and every union of two groups, is a symmetry (Gorman 1968), so
second derivatives tell. For two groups A and B it holds when A, B and their union are symmetries and log(f_v / f_u),
the ratio of the derivatives along the gradient's parts in A and B, is a sum of a function of A and one of B:

    d2/du dv log(f_v / f_u) = f_uvv/f_v - f_uv f_vv/f_v^2 - f_uuv/f_u + f_uu f_uv/f_u^2 = 0.

Multiplied by f_u^2 f_v^2, these are four terms T_1 ... T_4 without poles; the statistic is the mean over the samples of

    |T_1 - T_2 - T_3 + T_4| / (|T_1| + |T_2| + |T_3| + |T_4| + F_u^2 F_v^2),   F_u = max(|f_u|, median |f_u|).

The directions u and v, unit vectors in units of the inputs' spread, are kept fixed, so the derivatives are those of a
function of two numbers per sample: their cost does not depend on the number of inputs.

Deviations from pykan: those of `influences`; it takes x0*x1 + x2 for generally separable in its three inputs, for it
only asks that ratios of derivatives factorise over all groups, not that they do not depend on the others; and it
differentiates anew for every pair of inputs.

Source: Gorman 1968, The structure of utility functions, Rev. Econ. Studies 35; Leontief 1947, Econometrica 15, for
ratios of derivatives; Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from kan.calculus import batch_hessian, batch_jacobian
from kan.common.console import say
from kan.hypothesis.groups import checked_groups, flatten, inactive_text, text
from kan.hypothesis.influences import Function, Influences, checked_samples, floored, influences, mean_share, wide
from kan.hypothesis.symmetry import largest_dependence


def test_general_separability(
    model: Function, x: Any, groups: Sequence[Sequence[int]], threshold: float = 1e-2, *, quiet: bool = False
) -> bool:
    """Test whether groups of inputs enter through a sum of one function each, f(x) = F(p(A) + q(B) + ..., others).

    Products are sums too: F may hold an exponential, and p and q logarithms.

    The statistic is the largest of: the statistic of `test_symmetry` for every group and every union of two groups;
    and, for two groups, the mean over the samples of ``|T_1 - T_2 - T_3 + T_4| / (|T_1| + ... + |T_4| + F_u^2 F_v^2)``
    with ``T_1 = f_uvv f_v f_u^2``, ``T_2 = f_uv f_vv f_u^2``, ``T_3 = f_uuv f_u f_v^2`` and ``T_4 = f_uu f_uv f_v^2``,
    derivatives along the gradient's parts in both groups, in units of the inputs' standard deviations, and
    ``F_u = max(|f_u|, median |f_u|)``. It lies between 0 and 1 whatever the units of f and x.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,), three times differentiable; the first output is looked at.
    x : Tensor (N, I)
        Samples.
    groups : list of lists of int
        Inputs, counted from 0. Nothing is said about the inputs in no group.
    threshold : float
        The statistic below which the function is separable.
    quiet : bool
        Print no summary.

    Returns
    -------
    bool
        Also True when there are not two groups with an influence.

    Raises
    ------
    ArgumentError
        If `groups` overlap or name inputs that do not exist, or derivatives of the function tell nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 3) * 2 - 1
    >>> f = lambda x: torch.sin(x[:, 0] ** 2 * (x[:, 1] ** 2 + x[:, 2] ** 2))
    >>> test_general_separability(f, x, [[0], [1, 2]], quiet=True)
    True
    >>> test_general_separability(f, x, [[1], [0, 2]], quiet=True)
    False

    References
    ----------
    Gorman 1968, The structure of utility functions, Rev. Econ. Studies 35. Liu et al. 2024, arXiv 2408.10205 (KAN
    2.0), sec. 4.2.
    """
    x = checked_samples(x)
    named = checked_groups(groups, count=x.shape[1])
    measured = influences(model, x)
    largest = general_score(model, measured, named)
    separable = largest < threshold
    if not quiet:
        idle = [i for i in flatten(named) if i not in measured.active]
        say(
            f"general separability of {text(named)}: {'yes' if separable else 'no'}, "
            f"score {largest:.2g} (threshold {threshold:g}){inactive_text(idle)}"
        )
    return separable


test_general_separability.__test__ = False  # type: ignore[attr-defined]


def general_score(model: Function, measured: Influences, groups: Sequence[Sequence[int]]) -> float:
    """Return the statistic of `test_general_separability`; inputs without influence play no part."""
    active = [[i for i in group if i in measured.active] for group in groups]
    telling = [group for group in active if group]
    if len(telling) < 2:
        return 0.0
    unions = [left + right for left, right in combinations(telling, 2)]
    largest = max(largest_dependence(measured, group) for group in [*telling, *unions])
    if len(telling) == 2:
        largest = max(largest, _log_ratio_score(model, measured, telling[0], telling[1]))
    return largest


def _log_ratio_score(model: Function, measured: Influences, left: list[int], right: list[int]) -> float:
    """Return the statistic for two groups: how far log(f_v / f_u) is from a sum."""
    steps = torch.stack([_direction(measured, group) for group in (left, right)], dim=1)  # (N, 2, I)

    def along(position: Tensor) -> Tensor:
        moved = model(measured.x + torch.einsum("nk,nki->ni", position, steps))
        return moved if moved.ndim == 1 else moved[:, 0]

    def mixed(position: Tensor) -> Tensor:
        return batch_hessian(along, position, create_graph=True)[:, 0, 1]

    start = measured.x.new_zeros(len(measured.x), 2)
    # The scale of f cancels; it is taken out so that products of derivatives stay in range.
    f_u, f_v = (wide(batch_jacobian(along, start)) / measured.scale).unbind(1)
    second = wide(batch_hessian(along, start)) / measured.scale
    f_uu, f_uv, f_vv = second[:, 0, 0], second[:, 0, 1], second[:, 1, 1]
    f_uuv, f_uvv = (wide(batch_jacobian(mixed, start)) / measured.scale).unbind(1)

    terms = torch.stack(
        [f_uvv * f_v * f_u**2, -f_uv * f_vv * f_u**2, -f_uuv * f_u * f_v**2, f_uu * f_uv * f_v**2]
    )  # (4, N)
    typical = (floored(f_u) * floored(f_v)) ** 2
    shares = mean_share(terms.sum(dim=0), terms.abs().sum(dim=0) + typical)
    return float(shares.nan_to_num(1.0))


def _direction(measured: Influences, group: list[int]) -> Tensor:
    """Return the unit vectors along the influences in `group`, (N, I) in the units of `x`; 0 where there is none."""
    part = torch.zeros_like(measured.first)
    part[group] = measured.first[group]
    norm = part.square().sum(dim=0).sqrt()
    return (torch.where(norm > 0, part / norm, 0.0).T * measured.spread).to(measured.x)
