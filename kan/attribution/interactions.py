"""Which inputs act together: the sets of inputs on which the nodes of a layer depend.

Source: Liu et al. 2024, arXiv 2408.10205 (KAN 2.0), sec. 4.1.
"""

from __future__ import annotations

from collections import Counter

from torch import Tensor


def feature_interaction(
    scores: Tensor, *, neuron_th: float = 1e-2, feature_th: float = 1e-2
) -> dict[tuple[int, ...], int]:
    """Count the nodes that depend on each set of inputs.

    Parameters
    ----------
    scores : Tensor (nodes, inputs)
        How much each input matters for each node.
    neuron_th : float
        A node counts if its largest score is above this.
    feature_th : float
        A node depends on the inputs whose score is above this share of its largest.

    Returns
    -------
    dict
        From tuples of inputs, in ascending order, to numbers of nodes.

    Examples
    --------
    >>> import torch
    >>> feature_interaction(torch.tensor([[0.9, 0.0, 0.4], [0.0, 0.5, 0.0], [0.7, 0.0, 0.7], [0.0, 1e-3, 0.0]]))
    {(0, 2): 2, (1,): 1}
    """
    counts: Counter[tuple[int, ...]] = Counter()
    for row in scores:
        largest = row.max()
        if largest > neuron_th:
            counts[tuple((row > feature_th * largest).nonzero().flatten().tolist())] += 1
    return dict(counts)
