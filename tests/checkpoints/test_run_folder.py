"""Folders of runs: never two histories in one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from kan.checkpoints.run_folder import write_version

LINES = ["### Round 0 ###", "init => 0.0"]


def write(network: Any, **changes: Any) -> Path:
    return write_version(
        network, **{"name": "0.0", "folder": Path("model"), "run": None, "before": [], "new": LINES, **changes}
    )


def test_runs_are_numbered_after_the_last_one(make: Any) -> None:
    for name in ("run-0007", "run-x", "other", "run-0003"):
        (Path("model") / name).mkdir(parents=True)
    assert write(make()).parent.name == "run-0008"


def test_a_folder_whose_log_differs_is_left_alone(make: Any) -> None:
    run = write(make()).parent
    (run / "history.txt").write_text("something else\n")
    file = write(make(), name="0.1", run=run, before=LINES, new=["0.0 => fit => 0.1"])
    assert file.parent != run
    assert (run / "history.txt").read_text() == "something else\n"


def test_a_version_that_another_process_has_claimed_is_left_alone(make: Any) -> None:
    run = write(make()).parent
    (run / "0.1.pt").write_text("being written")
    file = write(make(), name="0.1", run=run, before=LINES, new=["0.0 => fit => 0.1"])
    assert file.parent != run
    assert (run / "0.1.pt").read_text() == "being written"
    assert (file.parent / "history.txt").read_text().splitlines() == [*LINES, "0.0 => fit => 0.1"]


def test_a_folder_that_was_deleted_is_replaced(make: Any) -> None:
    file = write(make(), name="0.1", run=Path("model/run-0001"), before=LINES, new=["0.0 => fit => 0.1"])
    assert (file.parent / "history.txt").read_text().splitlines() == [*LINES, "0.0 => fit => 0.1"]


@pytest.mark.parametrize("writers", [8])
def test_writers_at_the_same_time_get_folders_of_their_own(make: Any, writers: int) -> None:
    networks, files = [make() for _ in range(writers)], []
    threads = [threading.Thread(target=lambda n=network: files.append(write(n))) for network in networks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({file.parent for file in files}) == writers
