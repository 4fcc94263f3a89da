"""The edges of a sparse start: every node is connected to its nearest neighbour in the next layer."""

from __future__ import annotations

import torch
from torch import Tensor


def sparse_mask(in_dim: int, out_dim: int) -> Tensor:
    """Return a mask (I, O) that connects every input with its nearest output, and every output with its nearest input.

    Parameters
    ----------
    in_dim, out_dim : int
        I and O.

    Examples
    --------
    >>> from kan.layers.sparse import sparse_mask
    >>> sparse_mask(2, 4)
    tensor([[1., 1., 0., 0.],
            [0., 0., 1., 1.]])
    """
    mask = torch.zeros(in_dim, out_dim)
    if in_dim == 0 or out_dim == 0:
        return mask
    # In pykan's arithmetic: where two nodes are equally near, its rounding decides.
    inputs = torch.arange(in_dim) / in_dim + 1 / (2 * in_dim)
    outputs = torch.arange(out_dim) / out_dim + 1 / (2 * out_dim)
    distance = (inputs[:, None] - outputs[None, :]).abs()
    mask[torch.arange(in_dim), distance.argmin(dim=1)] = 1
    mask[distance.argmin(dim=0), torch.arange(out_dim)] = 1
    return mask
