"""The only place that prints, and the only place that makes progress bars."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any


def say(text: str) -> None:
    """Print one message that pykan's users expect to see on standard output."""
    sys.stdout.write(text + "\n")


def progress_bar(iterable: Iterable[Any], *, shown: bool, **options: Any) -> Any:
    """Wrap `iterable` in a tqdm bar that fits the place: a notebook, a terminal, or nothing when not `shown`."""
    with warnings.catch_warnings():
        # In a notebook without ipywidgets tqdm.auto falls back to text; its hint about that helps nobody.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    return tqdm(iterable, disable=not shown, **options)
