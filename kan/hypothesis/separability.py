"""Separability: whether a function is a sum, or a product, of functions of disjoint groups of inputs.

A sum has no interactions between its groups, and a product none in its logarithm. With influences g and interactions h
(see `influences`), the score of two inputs is the mean over the samples of

    add   |h_ij| / (|h_ij| + m_ij),
    mul   |f h_ij - g_i g_j| / (|f h_ij| + |g_i g_j| + F m_ij),

where ``m_ij = sqrt(G_i G_j)``, ``G_i = max(|g_i|, median |g_i|)`` and ``F = max(|f|, median |f|)``: how much of the
inputs' influences is interaction, between 0 and 1. The second is the first of log |f|, multiplied by f^2, so that zeros
of f do no harm.

The groups are the finest ones, along the hierarchy of single-linkage clusters, with no score between groups up to the
threshold and few in total.

Deviations from pykan: those of `influences`; logarithms are not taken; clusters need not be cliques (x0*x1 + x1*x2 is
one group); groups come in the order of their first inputs; what does not separate gives one group instead of a
KeyError; an input without influence is a group of its own, and named, but not called a discovery.

Source: Udrescu and Tegmark 2020, arXiv 1905.11481 (AI Feynman); Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kan.common.console import say
from kan.common.errors import ArgumentError, check_choice, is_whole
from kan.hypothesis.groups import checked_groups, flatten, inactive_text, rest, text
from kan.hypothesis.influences import Function, Influences, checked_samples, floored, influences, mean_share

MODES = ("add", "mul")


@dataclass(frozen=True)
class _Partition:
    """Groups of all inputs, the largest score between them, and the residual ratio."""

    groups: list[list[int]]
    largest: float
    ratio: float

    @classmethod
    def of(cls, groups: list[list[int]], scores: Tensor) -> _Partition:
        return cls(groups, _between(scores, groups), _residual_ratio(scores, groups))

    def __str__(self) -> str:
        return f"{text(self.groups)}, scores between groups up to {self.largest:.2g}, residual ratio {self.ratio:.2g}"


def detect_separability(
    model: Function,
    x: Any,
    mode: str = "add",
    score_th: float = 1e-2,
    res_th: float = 1e-2,
    n_clusters: Any = None,
    bias: float = 0.0,
    verbose: bool = False,
    *,
    quiet: bool = False,
) -> dict[str, Any]:
    """Find the finest groups of inputs of which the function is a sum, or a product.

    The score of two inputs is the mean over the samples of ``|h_ij| / (|h_ij| + m_ij)`` for sums, and of
    ``|f h_ij - g_i g_j| / (|f h_ij| + |g_i g_j| + F m_ij)`` for products, with influences ``g_i = s_i df/dx_i`` (s: the
    inputs' standard deviations), interactions ``h_ij = s_i s_j d2f/dx_i dx_j``, ``G_i = max(|g_i|, median |g_i|)``,
    ``m_ij = sqrt(G_i G_j)`` and ``F = max(|f|, median |f|)``. It lies between 0 and 1 whatever the units of f and x;
    interactions typically have 0.1 and more, and fitted networks that are right to three digits 0.005 to 0.02 where
    the true function has none.

    Groups are taken apart while every score between groups is below `score_th`, and the residual ratio, the sum of the
    scores between groups over that of all (each input counting 1 with itself), below `res_th`.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,); the first output is looked at.
    x : Tensor (N, I)
        Samples.
    mode : {'add', 'mul'}
        Sum or product.
    score_th, res_th : float
        Thresholds of the largest score between groups and of the residual ratio.
    n_clusters : int or pair of int, optional
        Try this number of groups only, or these from the first to the second. By default all.
    bias : float
        For products: look at ``f + bias``.
    verbose : bool
        Print what every number of groups would leave between them.
    quiet : bool
        Print nothing.

    Returns
    -------
    dict
        'hessian', the scores (I, I); 'n_groups'; 'labels', the group of every input; 'groups', lists of inputs;
        'residual_ratio'; and 'inactive', the inputs without influence, each of which is a group of its own. When
        nothing separates there is one group.

    Raises
    ------
    ArgumentError
        If `mode` is unknown, `n_clusters` is impossible, or derivatives of the function tell nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 3) * 2 - 1
    >>> results = detect_separability(lambda x: x[:, 0] ** 2 + torch.exp(x[:, 1] * x[:, 2]), x)
    add separability detected: [0] | [1, 2], scores between groups up to ..., residual ratio ...
    >>> results["n_groups"], results["labels"]
    (2, [0, 1, 1])

    References
    ----------
    Udrescu and Tegmark 2020, arXiv 1905.11481 (AI Feynman). Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
    """
    check_choice("mode", mode, MODES)
    x = checked_samples(x)
    fewest, most = _range_of_groups(n_clusters, count=x.shape[1])
    measured = influences(model, x)
    scores = separability_scores(measured, mode=mode, bias=bias)
    tried = [_Partition.of(groups, scores) for groups in _partitions(scores) if fewest <= len(groups) <= most]
    if verbose and not quiet:
        for partition in tried:
            say(str(partition))
    passing = [partition for partition in tried if partition.largest < score_th and partition.ratio < res_th]
    together = _Partition.of([list(range(x.shape[1]))], scores)
    found = max(passing, key=lambda partition: len(partition.groups), default=together)
    inactive = rest(measured.active, count=x.shape[1])
    if not quiet:
        finding = _finding(found, tried, inactive=inactive)
        say(f"{mode} separability {finding} (thresholds {score_th:g}, {res_th:g}){inactive_text(inactive)}")
    return {
        "hessian": scores.to(x),
        "n_groups": len(found.groups),
        "labels": [next(k for k, group in enumerate(found.groups) if i in group) for i in range(x.shape[1])],
        "groups": found.groups,
        "residual_ratio": found.ratio,
        "inactive": inactive,
    }


def test_separability(
    model: Function,
    x: Any,
    groups: Sequence[Sequence[int]],
    mode: str = "add",
    threshold: float = 1e-2,
    bias: float = 0,
    *,
    quiet: bool = False,
) -> bool:
    """Test whether the function is a sum, or a product, of functions of the given groups of inputs.

    The statistic is the largest score, as in `detect_separability`, of two inputs in different groups.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,); the first output is looked at.
    x : Tensor (N, I)
        Samples.
    groups : list of lists of int
        Inputs, counted from 0. Those that are in no group make up one more.
    mode : {'add', 'mul'}
        Sum or product.
    threshold : float
        The statistic below which the function is separable.
    bias : float
        For products: look at ``f + bias``.
    quiet : bool
        Print no summary.

    Returns
    -------
    bool

    Raises
    ------
    ArgumentError
        If `mode` is unknown, `groups` overlap or name inputs that do not exist, or derivatives of the function tell
        nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 3) * 2 - 1
    >>> f = lambda x: x[:, 0] ** 2 * (x[:, 1] + x[:, 2])
    >>> test_separability(f, x, [[0], [1, 2]], mode="mul", quiet=True)
    True
    >>> test_separability(f, x, [[0], [1, 2]], mode="add", quiet=True)
    False

    References
    ----------
    Udrescu and Tegmark 2020, arXiv 1905.11481 (AI Feynman). Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
    """
    check_choice("mode", mode, MODES)
    x = checked_samples(x)
    named = checked_groups(groups, count=x.shape[1])
    measured = influences(model, x)
    largest = largest_score(measured, named, mode=mode, bias=bias)
    separable = largest < threshold
    if not quiet:
        inactive = inactive_text(rest(measured.active, count=x.shape[1]))
        say(
            f"{mode} separability of {text(named)}: {'yes' if separable else 'no'}, scores between groups up to "
            f"{largest:.2g} (threshold {threshold:g}){inactive}"
        )
    return separable


test_separability.__test__ = False  # type: ignore[attr-defined]


def separability_scores(measured: Influences, *, mode: str, bias: float = 0.0) -> Tensor:
    """Return the scores (I, I) of all pairs of inputs, 0 for those without influence."""
    first, second, floors = measured.first, measured.second, measured.floors
    typical = (floors[:, None] * floors).sqrt()  # (I, I, N)
    if mode == "add":
        scores = mean_share(second, second.abs() + typical)
    else:
        values = measured.values + bias / measured.scale
        curved, steep = values * second, first[:, None] * first
        scores = mean_share(curved - steep, curved.abs() + steep.abs() + floored(values) * typical)
    active = torch.zeros(measured.count, dtype=torch.bool, device=scores.device)
    active[measured.active] = True
    return torch.where(active[:, None] & active, scores, torch.zeros_like(scores))


def largest_score(measured: Influences, groups: Sequence[Sequence[int]], *, mode: str, bias: float = 0.0) -> float:
    """Return the statistic of `test_separability`; the inputs in no group are one more."""
    others = rest(flatten(groups), count=measured.count)
    return _between(separability_scores(measured, mode=mode, bias=bias), [*groups, others])


def _range_of_groups(n_clusters: Any, *, count: int) -> tuple[int, int]:
    """Return the smallest and the largest number of groups to try."""
    if n_clusters is None:
        return 1, count
    ends = [n_clusters, n_clusters] if is_whole(n_clusters, 0) else list(n_clusters)
    if len(ends) != 2 or not 1 <= ends[0] <= ends[1] <= count:
        raise ArgumentError(
            f"`n_clusters` must be a number, or the first and the last number, of groups between 1 and {count}, the "
            f"number of inputs; got {n_clusters!r}."
        )
    return int(ends[0]), int(ends[1])


def _partitions(scores: Tensor) -> Iterator[list[list[int]]]:
    """Yield groups of inputs, from single ones to all together, joining those with the largest score between them."""
    count = len(scores)
    groups = {i: [i] for i in range(count)}
    yield list(groups.values())
    if count == 1:
        return
    from sklearn.cluster import AgglomerativeClustering

    distances = (1 - scores).clamp_min(0).fill_diagonal_(0).cpu().numpy()
    tree = AgglomerativeClustering(n_clusters=1, metric="precomputed", linkage="single").fit(distances)
    for step, (left, right) in enumerate(tree.children_):
        groups[count + step] = sorted(groups.pop(int(left)) + groups.pop(int(right)))
        yield sorted(groups.values())


def _between(scores: Tensor, groups: Sequence[Sequence[int]]) -> float:
    """Return the largest score of two inputs in different groups."""
    labels = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
    for label, group in enumerate(groups):
        labels[list(group)] = label
    across = scores[labels[:, None] != labels]
    return float(across.max()) if across.numel() else 0.0


def _residual_ratio(scores: Tensor, groups: Sequence[Sequence[int]]) -> float:
    """Return the sum of the scores between groups over that of all, each input counting 1 with itself."""
    whole = scores.clone().fill_diagonal_(1.0)
    within = sum(float(whole[group][:, group].sum()) for group in groups)
    return max(0.0, 1 - within / float(whole.sum()))


def _finding(found: _Partition, tried: Sequence[_Partition], *, inactive: Sequence[int]) -> str:
    """Write what `detect_separability` found; inputs without influence are no discovery."""

    def telling(partition: _Partition) -> int:
        return sum(not set(group) <= set(inactive) for group in partition.groups)

    if telling(found) > 1:
        return f"detected: {found}"
    others = [partition for partition in tried if telling(partition) > 1]
    nearest = min(others, key=lambda partition: partition.largest, default=None)
    return "not detected" if nearest is None else f"not detected; nearest: {nearest}"
