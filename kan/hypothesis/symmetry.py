"""Symmetry: whether a group of inputs acts through one number only, f(x) = F(h(x_A), x_B).

Then the direction of the gradient with respect to the group A depends on nothing outside. In terms of influences g and
interactions h (see `influences`), when x_b moves the influences in A change in proportion,

    h_ab = r_b g_a  for all a in A,   r_b = sum_a g_a h_ab / sum_a g_a^2,

and the dependence of a on b is the mean over the samples of

    |h_ab - r_b g_a| / (|h_ab| + |r_b g_a| + G_a),   G_a = max(|g_a|, median |g_a|).

It is 0 for a symmetry and measures how much the influence of a changes otherwise than those of the others, as a share
of itself: an input with little influence counts as much as one with much.

Deviations from pykan: those of `influences`; a direction is not divided by a norm plus 1e-6, which calls every function
with small gradients symmetric; and all derivatives are computed once, however many groups are looked at.

Source: Udrescu et al. 2020, arXiv 2006.10782 (AI Feynman 2.0), for reading modularity from gradients; Liu et al. 2024,
arXiv 2408.10205 (KAN 2.0), sec. 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kan.calculus import batch_hessian, batch_jacobian
from kan.common.console import say
from kan.hypothesis.groups import checked_group, inactive_text, rest
from kan.hypothesis.influences import Function, Influences, checked_samples, influences, mean_share


def test_symmetry(
    model: Function, x: Any, group: Sequence[int], dependence_th: float = 1e-3, *, quiet: bool = False
) -> bool:
    """Test whether a group of inputs acts through one function of them, f(x) = F(h(group), others).

    The statistic is the largest entry of `get_dependence`: for every input a of the group and b outside of it, the mean
    over the samples of ``|h_ab - r_b g_a| / (|h_ab| + |r_b g_a| + G_a)``, with influences ``g_a = s_a df/dx_a`` (s: the
    inputs' standard deviations), interactions ``h_ab = s_a s_b d2f/dx_a dx_b``, the common relative change
    ``r_b = sum_a g_a h_ab / sum_a g_a^2``, and ``G_a = max(|g_a|, median |g_a|)``. It lies between 0 and 1 whatever the
    units of f and x; functions without the symmetry typically have 0.05 and more, and fitted networks that are right to
    three digits 0.002 to 0.02 where the true function has it.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,); the first output is looked at.
    x : Tensor (N, I)
        Samples.
    group : list of int
        Inputs, counted from 0. No input, a single one, and all inputs together always are a symmetry.
    dependence_th : float
        The statistic below which there is a symmetry: 1e-3 suits exact functions, 3e-2 networks.
    quiet : bool
        Print no summary.

    Returns
    -------
    bool

    Raises
    ------
    ArgumentError
        If `group` is not a list of different inputs, or derivatives of the function tell nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 3) * 2 - 1
    >>> test_symmetry(lambda x: x[:, 0] ** 2 * (x[:, 1] + x[:, 2]), x, [1, 2], quiet=True)
    True
    >>> test_symmetry(lambda x: x[:, 0] ** 2 * (x[:, 1] + x[:, 2]), x, [0, 2], quiet=True)
    False

    References
    ----------
    Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
    """
    x = checked_samples(x)
    members = checked_group(group, count=x.shape[1])
    measured = influences(model, x)
    largest = largest_dependence(measured, members)
    symmetric = largest < dependence_th
    if not quiet:
        idle = [i for i in members if i not in measured.active]
        say(
            f"symmetry of {members}: {'yes' if symmetric else 'no'}, "
            f"dependence {largest:.2g} (threshold {dependence_th:g}){inactive_text(idle)}"
        )
    return symmetric


test_symmetry.__test__ = False  # type: ignore[attr-defined]


def get_dependence(model: Function, x: Any, group: Sequence[int]) -> Tensor:
    """Measure how the direction of the gradient with respect to a group of inputs depends on the other inputs.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,); the first output is looked at.
    x : Tensor (N, I)
        Samples.
    group : list of int
        Inputs, counted from 0.

    Returns
    -------
    Tensor (inputs in the group, inputs outside)
        The statistic of `test_symmetry`, between 0 and 1, for every pair. Columns are in ascending order of the inputs
        outside. Rows of inputs without influence are 0.

    Raises
    ------
    ArgumentError
        If `group` is not a list of different inputs, or derivatives of the function tell nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 1.0, 1.0], [2.0, 3.0, 1.0], [1.0, 2.0, 3.0]])
    >>> get_dependence(lambda x: (x[:, 0] + x[:, 1]) * x[:, 2], x, [0, 1])
    tensor([[0.],
            [0.]])
    """
    x = checked_samples(x)
    members = checked_group(group, count=x.shape[1])
    return dependence(influences(model, x), members).to(x)


def batch_grad_normgrad(model: Function, x: Tensor, group: Sequence[int], create_graph: bool = False) -> Tensor:
    """Return the derivatives, with respect to the other inputs, of the gradient's direction with respect to a group.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,); the first output is looked at.
    x : Tensor (N, I)
        Samples.
    group : list of int
        Inputs, counted from 0.
    create_graph : bool
        Keep the result differentiable.

    Returns
    -------
    Tensor (N, inputs in the group, inputs outside)
        In the units of `x`. Where the gradient is 0 it has no direction, and the result is 0.

    Raises
    ------
    ArgumentError
        If `group` is not a list of different inputs, or `x` is not a floating tensor (N, I).

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 1.0, 0.0]])
    >>> batch_grad_normgrad(lambda x: x[:, 0] + x[:, 1] * x[:, 2], x, [0, 1])
    tensor([[[0.],
             [1.]]])
    """
    members = checked_group(group, count=x.shape[-1])
    first = batch_jacobian(model, x, create_graph=create_graph)[:, members]
    second = batch_hessian(model, x, create_graph=create_graph)[:, members][:, :, rest(members, count=x.shape[-1])]
    norm = first.square().sum(dim=1, keepdim=True).sqrt()  # (N, 1)
    safe = torch.where(norm > 0, norm, torch.ones_like(norm))
    direction = first / safe
    along = torch.einsum("na,nab->nb", direction, second)
    change = (second - direction[:, :, None] * along[:, None, :]) / safe[:, :, None]
    return torch.where(norm[:, :, None] > 0, change, torch.zeros_like(change))


def dependence(measured: Influences, group: Sequence[int]) -> Tensor:
    """Return the dependence (A, B) of every input in `group` on every one outside, as `get_dependence` does."""
    outside = rest(group, count=measured.count)
    result = measured.first.new_zeros(len(group), len(outside))
    rows = [row for row, i in enumerate(group) if i in measured.active]
    if len(rows) > 1 and outside:
        members = [group[row] for row in rows]
        second = measured.second[members][:, outside]
        result[rows] = _dependence(measured.first[members], second, measured.floors[members])
    return result


def pair_dependence(measured: Influences, i: int, partners: Sequence[int], *, every: int) -> Tensor:
    """Return lower bounds of the dependence of pairs of `i` with each of P partners, from every so many samples.

    Returns
    -------
    Tensor (2, P, I)
        Of `i` and of the partner, on all inputs. Entries for inputs of the pair itself mean nothing.
    """
    pairs = torch.tensor([[i] * len(partners), list(partners)], device=measured.first.device)
    first, second, floors = (part[..., ::every] for part in (measured.first, measured.second, measured.floors))
    share_of_samples = first.shape[-1] / measured.first.shape[-1]
    return _dependence(first[pairs], second[pairs], floors[pairs]) * share_of_samples


def _dependence(first: Tensor, second: Tensor, floors: Tensor) -> Tensor:
    """Return the dependence (A, ..., B) from g (A, ..., N), h (A, ..., B, N) and G (A, ..., N)."""
    square = first.square().sum(dim=0)[..., None, :]
    first = first[..., None, :]
    # Where all influences are 0 there is no direction; nothing is concluded from these samples.
    second = torch.where(square > 0, second, 0.0)
    along = (first * second).sum(dim=0) / torch.where(square > 0, square, 1.0)
    common = first * along
    return mean_share(second - common, second.abs() + common.abs() + floors[..., None, :])


def largest_dependence(measured: Influences, group: Sequence[int]) -> float:
    """Return the statistic of `test_symmetry`; 0 where a group cannot but be symmetric."""
    entries = dependence(measured, group)
    return float(entries.max()) if entries.numel() else 0.0
