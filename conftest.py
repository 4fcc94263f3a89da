"""What every test and every docstring's example runs under: a directory of its own, few threads, no window.

This file lies at the root because a conftest reaches what lies beside and below it: `tests/` and `kan/`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

# Set before anything can import matplotlib: no test opens a window.
os.environ["MPLBACKEND"] = "agg"

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent

# The same examples in every run: a failure is a change of the code, not of the dice.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    # Each example is a pure function of its arguments; the fixtures below only guard the surroundings.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Compute with one thread: tests are small, and others run beside them."""
    torch.set_num_threads(1)
    torch.set_warn_always(True)  # some of torch's warnings come once a process: no test passes because of another


def visible(folder: Path) -> set[str]:
    """Return the names in `folder` that a person would notice."""
    return {path.name for path in folder.iterdir() if not path.name.startswith((".", "__"))}


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run the test in a directory of its own, and fail it when it leaves something in the repository."""
    before = visible(ROOT)
    monkeypatch.chdir(tmp_path)
    yield
    left = sorted(visible(ROOT) - before)
    assert not left, f"the test left {left} in the repository"


@pytest.fixture(autouse=True)
def own_defaults() -> Iterator[None]:
    """Give the next test torch's default dtype back."""
    dtype = torch.get_default_dtype()
    yield
    torch.set_default_dtype(dtype)


@pytest.fixture
def global_generators_untouched() -> Iterator[None]:
    """Fail the test when it drew from, or seeded, a generator that belongs to the whole process."""
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    assert torch.equal(torch.get_rng_state(), torch_state), "torch's global generator was used"
    assert all(np.array_equal(now, then) for now, then in zip(np.random.get_state(), numpy_state)), (
        "numpy's global generator was used"
    )
    assert random.getstate() == python_state, "the global generator of `random` was used"
