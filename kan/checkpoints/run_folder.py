"""The version history on disk: one folder for every run, `{folder}/run-0001/` with `0.0.pt`, `0.1.pt`, `history.txt`.

Two histories never write into each other's versions: a history goes on in its folder only while the log there is its
own log so far, and claims the name of a version before it writes it. Else it starts a folder of its own. This holds
between copies of a model, parents and children, and processes; nothing has to be remembered for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from kan.checkpoints.files import save_checkpoint
from kan.common.console import say
from kan.common.errors import CheckpointError
from kan.network import Network

LOG = "history.txt"


def write_version(
    network: Network, *, name: str, folder: Path, run: Path | None, before: Sequence[str], new: Sequence[str]
) -> Path:
    """Save a version and its lines of the log.

    Parameters
    ----------
    network : Network
    name : str
        The version's.
    folder : Path
        Where the folders of the runs are.
    run : Path, optional
        The folder in which this history wrote last.
    before, new : sequence of str
        The log so far, and the lines that are added.

    Returns
    -------
    Path
        The file of the version, in the folder of the run.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    try:
        if run is not None and _read_log(run) == _text(before):
            with contextlib.suppress(FileExistsError):
                return _write(network, run=run, name=name, lines=new)
        return _write(network, run=_new_run(folder), name=name, lines=[*before, *new])
    except OSError as error:
        raise CheckpointError(
            f"version {name} could not be written to {str(folder)!r}: {error.strerror or error}. "
            "It is kept in memory; `saveckpt(path)` saves it elsewhere."
        ) from error


def _write(network: Network, *, run: Path, name: str, lines: Sequence[str]) -> Path:
    """Write a version that is not in the folder yet, and add `lines` to the log there."""
    file = run / f"{name}.pt"
    file.open("xb").close()  # the claim
    try:
        save_checkpoint(network, file)
    except BaseException:
        file.unlink()
        with contextlib.suppress(OSError):
            run.rmdir()  # only if it is empty
        raise
    with (run / LOG).open("a", encoding="utf-8") as stream:
        stream.write(_text(lines))
    say(f"saving model version {name}")
    return file


def _new_run(folder: Path) -> Path:
    """Make the next free folder for a run."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(path.name[4:]) for path in folder.glob("run-*") if path.name[4:].isdecimal()]
    number = max(numbers, default=0)
    while True:
        number += 1
        run = folder / f"run-{number:04d}"
        with contextlib.suppress(FileExistsError):
            run.mkdir()
            say(f"checkpoint directory created: {run}")
            return run


def _read_log(run: Path) -> str | None:
    """Return the log of a folder, if there is one."""
    try:
        return (run / LOG).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _text(lines: Sequence[str]) -> str:
    """Return lines as the text of a file."""
    return "".join(f"{line}\n" for line in lines)
