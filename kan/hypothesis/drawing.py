"""The tree of a function as a picture.

Deviations from pykan: names of inputs can be given (there they end in a NameError), the Figure is returned, and see
`tree` and :mod:`kan.plotting.tree`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kan.common.console import say
from kan.common.errors import check_choice
from kan.hypothesis.groups import flatten, rest
from kan.hypothesis.influences import Function, checked_samples, influences
from kan.hypothesis.tree import children_of, find_levels, find_properties, say_levels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_tree(
    model: Function,
    x: Any,
    in_var: Sequence[Any] | None = None,
    style: str = "tree",
    sym_th: float = 1e-3,
    sep_th: float = 1e-1,
    skip_sep_test: bool = False,
    verbose: bool = False,
) -> Figure:
    """Find how a function combines its inputs, and draw it as a tree.

    Parameters
    ----------
    model : callable or torch.nn.Module
        Maps (N, I) to (N, O) or (N,), three times differentiable; the first output is looked at.
    x : Tensor (N, I)
        Samples.
    in_var : sequence of str or sympy expressions, optional
        Names of the inputs; x_1, x_2, ... by default.
    style : {'tree', 'box'}
        Nodes with general separability as fans, sums and products as symbols, anything else as boxes; or all as boxes
        with the names of `get_tree_node`.
    sym_th : float
        Threshold of the statistic of `test_symmetry`: 1e-3 suits exact functions, 3e-2 networks.
    sep_th : float
        Threshold of the statistics of `test_separability` and `test_general_separability`.
    skip_sep_test : bool
        Do not test what the nodes do.
    verbose : bool
        Print the levels and what their nodes do.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it by itself; in a script use ``figure.savefig("tree.png")``.

    Raises
    ------
    ArgumentError
        If `style` is unknown, names are missing, or derivatives of the function tell nothing at `x`.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(100, 4) * 2 - 1
    >>> f = lambda x: torch.exp(x[:, 0] * x[:, 2]) + (x[:, 1] ** 2 + x[:, 3] ** 2) ** 2
    >>> figure = plot_tree(f, x, in_var=["a", "b", "c", "d"])

    References
    ----------
    Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.2.
    """
    from kan.plotting.labels import check_names
    from kan.plotting.tree import STYLES, TreeNode, TreePicture, draw_tree

    x = checked_samples(x)
    check_choice("style", style, STYLES)
    check_names("in_var", in_var, x.shape[1])
    names = [f"$x_{{{i + 1}}}$" for i in range(x.shape[1])] if in_var is None else list(in_var)
    measured = influences(model, x)
    levels = find_levels(measured, threshold=sym_th)
    properties = find_properties(model, None if skip_sep_test else measured, levels, threshold=sep_th)
    if verbose:
        say_levels(levels, measured=measured)
        say(
            "nodes, from the first level up: " + " / ".join(" ".join(kind or "?" for kind in row) for row in properties)
        )

    leaves = flatten(levels[0])
    idle = set(rest(measured.active, count=measured.count))
    nodes = [
        [
            TreeNode(tuple(lower.index(child) for child in children_of(node, lower)), kind)
            for node, kind in zip(upper, row)
        ]
        for lower, upper, row in zip(levels, levels[1:], properties)
    ]
    picture = TreePicture(
        [names[i] for i in leaves], nodes, frozenset(place for place, i in enumerate(leaves) if i in idle)
    )
    return draw_tree(picture, style=style)
