"""When grids are updated during training."""

from __future__ import annotations

from dataclasses import dataclass


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
