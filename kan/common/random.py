"""Random streams that belong to whoever draws from them, so that models leave torch's generator alone."""

from __future__ import annotations

import torch


def stream(*seeds: int) -> torch.Generator:
    """Return a CPU generator for the given seeds; a single seed gives the numbers of ``torch.manual_seed(seed)``."""
    generator = torch.Generator()
    mixed = seeds[0]
    for seed in seeds[1:]:
        # Knuth's multiplicative hash spreads neighbouring seeds over the whole 63-bit range.
        mixed = (mixed * 2654435761 + seed * 40503 + 1) % (2**63 - 1)
    generator.manual_seed(mixed)
    return generator
