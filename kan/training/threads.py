"""One thread for small networks.

Several threads that share a small operation wait for each other longer than they compute, and on a machine whose cores
are busy, or fewer than torch believes (containers), they wait for the scheduler: on two busy cores, steps of the hello
example took twenty times as long with two threads as with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Products in one evaluation, for which a core takes some tenths of a millisecond.
_MOST_PRODUCTS = 2**20


@contextmanager
def threads_for(products: int) -> Iterator[None]:
    """Have torch compute with one thread within, if there are few products to compute; else with as many as it has."""
    before = torch.get_num_threads()
    # Threads take over the number that is set when they start: those that start during another fit restore nothing.
    if before == 1 or products > _MOST_PRODUCTS:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
