"""When grids are updated during training, and through which numbers of intervals they are refined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kan.common.errors import ArgumentError
from kan.network import Network, of_each, per_layer


@dataclass(frozen=True)
class GridSchedule:
    """pykan's schedule: `number` updates, evenly spread over the steps from `start` to before `stop`."""

    enabled: bool
    number: int
    start: int
    stop: int

    def is_due(self, step: int) -> bool:
        """Whether grids are updated before this step."""
        if not self.enabled or self.number < 1 or not self.start <= step < self.stop:
            return False
        return step % max(self.stop // self.number, 1) == 0

    def is_over(self, step: int) -> bool:
        """Whether no update comes at or after this step."""
        return not self.enabled or self.number < 1 or step >= self.stop


def read_grids(network: Network, grids: Sequence[Any]) -> list[int | list[int]]:
    """Return the grids to train on, one after the other.

    Raises
    ------
    ArgumentError
        If one is not what `refine` takes, or has in some layer fewer intervals than the one before it (the network's
        own before the first), or is the one before it again.
    """
    if isinstance(grids, (str, bytes)) or not isinstance(grids, Sequence) or not grids:
        raise ArgumentError(f"`grids` must be a list of numbers of grid intervals, such as [5, 10, 20]; got {grids!r}.")
    found: list[int | list[int]] = []
    before = of_each(network.grid, network.depth)
    for number, entry in enumerate(grids):
        grid = per_layer(f"grids[{number}]", entry, network.depth, least=1)
        intervals = of_each(grid, network.depth)
        if any(new < old for new, old in zip(intervals, before)) or (number > 0 and intervals == before):
            raise ArgumentError(
                f"`grids` must increase, from the model's grid={network.grid} on; got {list(grids)!r}. Refining keeps "
                "the function only on finer grids."
            )
        found.append(grid)
        before = intervals
    return found
