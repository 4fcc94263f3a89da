"""Data sets: sampled from a function, split from data at hand, widened by auxiliary variables."""

from __future__ import annotations

from kan.datasets.augment import augment_input
from kan.datasets.from_data import create_dataset_from_data
from kan.datasets.synthetic import create_dataset

__all__ = ["augment_input", "create_dataset", "create_dataset_from_data"]
