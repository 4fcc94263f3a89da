"""The tree of a function: which inputs are combined first, which of the results next, up to the output.

A group of inputs that is a symmetry acts through one number (see `symmetry`), which is a node of the tree. Such groups
behave as the modules of a graph do: from two of them that overlap, the union is one too. So the tree is found from its
leaves: for every two blocks, the smallest symmetric group that holds both is grown by adding each input on which the
direction of the gradient depends; the smallest of these groups, joined where they overlap, are the blocks of the next
level. No group is missed because of the order in which inputs come, nor one of three inputs no two of which belong
together.

Deviations from pykan: it joins blocks greedily, pair by pair, and at the first level takes any group that leaves out no
input for a symmetry, so that F(h(x0, x1), x2) has no tree; it differentiates anew for every trial; it lets an input
without influence join the first group; and at the root a product goes before a sum, however badly it fits, where here
the better one does. Inputs without influence hang at the root.

Source: Möhring and Radermacher 1984, Substitution decomposition for discrete structures and connections with
combinatorial optimization, Ann. Discrete Math. 19, for modules; Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from kan.common.console import say
from kan.common.errors import ArgumentError
from kan.hypothesis.general import general_score
from kan.hypothesis.groups import checked_groups, flatten, inactive_text, rest, text
from kan.hypothesis.influences import Function, Influences, checked_samples, influences
from kan.hypothesis.separability import MODES, largest_score
from kan.hypothesis.symmetry import dependence, pair_dependence

Groups = list[list[int]]
Levels = list[Groups]

# Enough to see most of what is no symmetry.
_FEW_SAMPLES = 100


def get_molecule(model: Function, x: Any, sym_th: float = 1e-3, verbose: bool = True) -> Levels:
    """Find how the inputs are combined, level by level.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,); the first output is looked at.
    x : Tensor (N, I)
        Samples.
    sym_th : float
        Threshold of the statistic of `test_symmetry`: 1e-3 suits exact functions, 3e-2 networks.
    verbose : bool
        Print the levels.

    Returns
    -------
    list
        The levels, each a list of groups, each a list of inputs: first every input by itself, last all together. Inputs
        come in the order of the tree's leaves.

    Raises
    ------
    ArgumentError
        If derivatives of the function tell nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 4) * 2 - 1
    >>> f = lambda x: torch.exp(x[:, 0] * x[:, 2]) + (x[:, 1] ** 2 + x[:, 3] ** 2) ** 2
    >>> for level in get_molecule(f, x, verbose=False):
    ...     print(level)
    [[0], [2], [1], [3]]
    [[0, 2], [1, 3]]
    [[0, 2, 1, 3]]

    References
    ----------
    Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
    """
    measured = influences(model, checked_samples(x))
    levels = find_levels(measured, threshold=sym_th)
    if verbose:
        say_levels(levels, measured=measured)
    return levels


def get_tree_node(
    model: Function, x: Any, moleculess: Sequence[Any], sep_th: float = 1e-2, skip_test: bool = True
) -> tuple[list[list[int]], list[list[str]]]:
    """Say what every node of a tree does with the nodes below it.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,), three times differentiable; the first output is looked at.
    x : Tensor (N, I)
        Samples.
    moleculess : list
        The levels that `get_molecule` returned.
    sep_th : float
        Threshold of the statistics of `test_separability` and `test_general_separability`.
    skip_test : bool
        Do not test what the nodes do.

    Returns
    -------
    arities : list of lists of int
        For every level but the first, how many nodes every node combines.
    properties : list of lists of str
        What every node does with them: 'Id', nothing, since there is only one; 'Add' or 'Mul', the sum or product of a
        function of each, which can be established for the last node only; 'GS', a function of such a sum (general
        separability); '' anything else, or not tested. Nodes without influence do not count. Where sum and product
        both pass, the one with the smaller statistic is given.

    Raises
    ------
    ArgumentError
        If `moleculess` is not a tree of the inputs, or derivatives of the function tell nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 4) * 2 - 1
    >>> f = lambda x: torch.exp(x[:, 0] * x[:, 2]) + (x[:, 1] ** 2 + x[:, 3] ** 2) ** 2
    >>> levels = get_molecule(f, x, verbose=False)
    >>> get_tree_node(f, x, levels, skip_test=False)
    ([[2, 2], [2]], [['GS', 'GS'], ['Add']])

    References
    ----------
    Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
    """
    x = checked_samples(x)
    levels = _checked_levels(moleculess, count=x.shape[1])
    measured = None if skip_test else influences(model, x)
    return arities_of(levels), find_properties(model, measured, levels, threshold=sep_th)


def find_levels(measured: Influences, *, threshold: float) -> Levels:
    """Return what `get_molecule` returns."""
    inactive = [[i] for i in rest(measured.active, count=measured.count)]
    blocks = [[i] for i in measured.active]
    levels = [blocks + inactive]
    growth = _Growth(measured, threshold=threshold)
    while len(blocks) > 1:
        blocks = _joined(growth, blocks)
        if len(blocks) > 1:
            levels.append(blocks + inactive)
    levels.append([flatten(blocks + inactive)])
    return _in_order_of_leaves(levels)


def find_properties(
    model: Function, measured: Influences | None, levels: Levels, *, threshold: float
) -> list[list[str]]:
    """Return the properties that `get_tree_node` returns, untested without `measured`."""
    properties = []
    for lower, upper in zip(levels, levels[1:]):
        row = []
        for node in upper:
            children = children_of(node, lower)
            if measured is not None:
                children = [child for child in children if set(child) & set(measured.active)]
            if len(children) <= 1:
                row.append("Id")
            elif measured is None:
                row.append("")
            else:
                is_root = len(upper) == 1
                row.append(_property(model, measured, children, is_root=is_root, threshold=threshold))
        properties.append(row)
    return properties


def arities_of(levels: Levels) -> list[list[int]]:
    """Return how many nodes every node combines, for every level but the first."""
    return [[len(children_of(node, lower)) for node in upper] for lower, upper in zip(levels, levels[1:])]


def children_of(node: Sequence[int], lower: Groups) -> Groups:
    """Return the groups of the level below that make up `node`, in their order."""
    return [group for group in lower if set(group) <= set(node)]


def say_levels(levels: Levels, *, measured: Influences) -> None:
    """Print the levels of a tree."""
    for number, groups in enumerate(levels):
        say(f"level {number}: {text(groups)}")
    inactive = rest(measured.active, count=measured.count)
    if inactive:
        say(inactive_text(inactive).strip())


class _Growth:
    """Grows groups of inputs into symmetric ones."""

    def __init__(self, measured: Influences, *, threshold: float) -> None:
        self._measured = measured
        self._threshold = threshold
        self._of_pairs: dict[frozenset[int], set[int]] = {}
        self._of_groups: dict[frozenset[int], set[int]] = {}
        for i, j in enumerate(measured.active):
            self._look_at_pairs(j, measured.active[i + 1 :])

    def smallest_symmetric(self, group: frozenset[int], blocks: Groups) -> frozenset[int]:
        """Return the smallest symmetric union of blocks that holds `group`."""
        while True:
            pivot = min(group)
            offenders = set().union(*(self._of_pairs[frozenset((pivot, i))] for i in group - {pivot})) - group
            offenders = offenders or self._offenders(group)
            if not offenders:
                return group
            group = group.union(*(block for block in blocks if not offenders.isdisjoint(block)))

    def _look_at_pairs(self, i: int, partners: list[int]) -> None:
        """Find inputs on which the direction of pairs with `i` depends for certain, from some of the samples.

        Most pairs are no symmetry by far; so it takes few evaluations with all samples to find those that are one.
        """
        if not partners:
            return
        every = max(1, len(self._measured.x) // _FEW_SAMPLES)
        depends = pair_dependence(self._measured, i, partners, every=every).amax(dim=0) >= self._threshold  # (P, I)
        for j, row in zip(partners, depends.tolist()):
            self._of_pairs[frozenset((i, j))] = {b for b in self._measured.active if row[b]} - {i, j}

    def _offenders(self, group: frozenset[int]) -> set[int]:
        """Return the inputs on which the direction of a group depends, from all samples."""
        if group not in self._of_groups:
            members = sorted(group)
            outside = rest(members, count=self._measured.count)
            depends = (dependence(self._measured, members) >= self._threshold).any(dim=0)
            offenders = {b for b, offends in zip(outside, depends.tolist()) if offends}
            self._of_groups[group] = offenders & set(self._measured.active)
        return self._of_groups[group]


def _joined(growth: _Growth, blocks: Groups) -> Groups:
    """Return the blocks of the next level; all in one when no smaller symmetric groups are left."""
    everything = frozenset(flatten(blocks))
    groups = _symmetric_groups(growth, blocks) - {everything}
    smallest = {group for group in groups if not any(other < group for other in groups)}
    while True:
        overlap = next(((a, b) for a, b in combinations(smallest, 2) if a & b), None)
        if overlap is None:
            break
        smallest = (smallest - set(overlap)) | {growth.smallest_symmetric(overlap[0] | overlap[1], blocks)}
    joined = [sorted(group) for group in smallest or {everything}]
    covered = set(flatten(joined))
    return sorted(joined + [block for block in blocks if not set(block) <= covered], key=min)


def _symmetric_groups(growth: _Growth, blocks: Groups) -> set[frozenset[int]]:
    """Return the smallest symmetric group around every two blocks, pairs that overlap being joined.

    When two pairs of blocks are symmetries and have a block in common, so is the third pair of these blocks, and it is
    not looked at: a sum of many inputs takes as many trials as it has inputs, and not their square.
    """
    chains = {i: frozenset(block) for i, block in enumerate(blocks)}  # of pairs that overlap
    larger = set()
    for i, j in combinations(chains, 2):
        if chains[i] is chains[j]:
            continue
        pair = frozenset(blocks[i] + blocks[j])
        group = growth.smallest_symmetric(pair, blocks)
        if group != pair:
            larger.add(group)
            continue
        chain = chains[i] | chains[j]
        chains.update({k: chain for k in chains if chains[k] <= chain})
    of_pairs = {chain for i, chain in chains.items() if len(chain) > len(blocks[i])}
    return larger | {growth.smallest_symmetric(chain, blocks) for chain in of_pairs}


def _property(model: Function, measured: Influences, children: Groups, *, is_root: bool, threshold: float) -> str:
    """Return what a node does with two or more children."""
    if is_root:
        active = [[i for i in child if i in measured.active] for child in children]
        scores = {mode: largest_score(measured, active, mode=mode) for mode in MODES}
        best = min(scores, key=lambda mode: scores[mode])
        if scores[best] < threshold:
            return {"add": "Add", "mul": "Mul"}[best]
    return "GS" if general_score(model, measured, children) < threshold else ""


def _in_order_of_leaves(levels: Levels) -> Levels:
    """Order every level, and the inputs in every group, as the leaves of the drawn tree."""
    ordered = [levels[-1]]
    for lower in reversed(levels[:-1]):
        ordered.insert(0, flatten_groups([children_of(node, lower) for node in ordered[0]]))
    place = {i: position for position, i in enumerate(flatten(ordered[0]))}
    return [[sorted(group, key=place.__getitem__) for group in level] for level in ordered]


def flatten_groups(nested: Sequence[Groups]) -> Groups:
    """Return all groups of several lists, in order."""
    return [group for groups in nested for group in groups]


def _checked_levels(levels: Any, *, count: int) -> Levels:
    """Return the levels of a tree as lists, or raise."""
    checked = [checked_groups(groups, count=count) for groups in levels]
    complete = all(sorted(flatten(groups)) == list(range(count)) for groups in checked)
    nested = all(
        sorted(flatten(children_of(node, lower))) == sorted(node)
        for lower, upper in zip(checked, checked[1:])
        for node in upper
    )
    if len(checked) < 2 or len(checked[-1]) != 1 or not (complete and nested):
        raise ArgumentError(
            "`moleculess` must hold the levels of a tree as `get_molecule` returns them: every level groups all "
            "inputs, each group being made of groups of the level before, and the last level has one group; got "
            f"{levels!r}."
        )
    return checked
