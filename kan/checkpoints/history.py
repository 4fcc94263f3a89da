"""The versions of a model: what was done to it, and the way back.

A version is named `round.state`: recording a step adds one to the state, rewinding adds one to the round. Versions are
kept in memory. Copies, and versions that are checked out, go on in a round of their own too. Deviations from pykan:
nothing is written to disk unless a folder is named; a child (of `prune`, `refine`, `copy`) continues the history of its
parent in a log of its own; rewinding leaves the model as it is and gives back another one; no round is opened twice, so
that no name stands for two versions.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Callable

import torch

from kan.checkpoints.files import load_checkpoint
from kan.checkpoints.run_folder import write_version
from kan.checkpoints.state import AnyNetwork, NetworkState, size_of
from kan.common.console import say
from kan.common.errors import ArgumentError, StateError, is_whole
from kan.network import Network

MAX_VERSIONS = 100
MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Version:
    """One version: its name, and where its state is."""

    name: str
    state: NetworkState | None = None
    file: Path | None = None


class History:
    """The log of a model and its versions.

    In memory, the newest 100 versions are kept as long as their tensors together take no more than 256 MiB; of older
    ones the lines of the log stay, and with a folder their files.

    Parameters
    ----------
    folder : str or path, optional
        Where every version is also written, in a sub-folder for this run that is made with the first version. By
        default nothing is written.
    start : str
        The version at which the history starts.

    Examples
    --------
    >>> from kan.network import Network
    >>> network, history = Network([2, 3, 1]), History()
    >>> history.begin(network), history.record(network, "fit")
    ('0.0', '0.1')
    >>> older, its_history = history.rewind("0.0", Network)
    rewind to model version 0.0, renamed as 1.0
    >>> its_history.record(older, "prune")
    '1.1'
    >>> print(its_history.text())
    ### Round 0 ###
    init => 0.0
    0.0 => fit => 0.1
    ### Round 1 ###
    1.0 => prune => 1.1
    """

    def __init__(self, folder: str | Path | None = None, *, start: str = "0.0") -> None:
        # Absolute, for the program may change its directory.
        self.folder = None if folder is None else Path(folder).absolute()
        self.round, self.state_id = _numbers(start)
        self._lines: list[str] = []
        self._versions: dict[str, Version] = {}
        self._run: Path | None = None

    @property
    def version(self) -> str:
        """The version that the model has now."""
        return f"{self.round}.{self.state_id}"

    @property
    def versions(self) -> list[str]:
        """The versions in the log, oldest first."""
        return list(self._versions)

    def lines(self, k: int | str = "all") -> list[str]:
        """Return the last `k` lines of the log, or all."""
        if k == "all":
            return list(self._lines)
        if not is_whole(k, 0):
            raise ArgumentError(f"`k` must be 'all' or a whole number of lines of at least 0; got {k!r}.")
        return self._lines[max(len(self._lines) - int(k), 0) :]

    def text(self, k: int | str = "all") -> str:
        """Return the last `k` lines of the log, or all, as text."""
        return "\n".join(self.lines(k))

    def begin(self, network: Network, method: str = "init") -> str:
        """Open the first round with a network that `method` has made, and return the version."""
        self._add(network, [f"### Round {self.round} ###", f"{method} => {self.version}"])
        return self.version

    def record(self, network: Network, method: str) -> str:
        """Record the network as `method` left it, and return the new version.

        Raises
        ------
        CheckpointError
            If it cannot be written to the folder; in memory it is recorded all the same.
        """
        before = self.version
        self.state_id += 1
        self._add(network, [f"{before} => {method} => {self.version}"])
        return self.version

    def fork(self) -> History:
        """Return an independent history that goes on from here. The versions are shared, for they do not change."""
        child = copy.copy(self)
        child._lines, child._versions = list(self._lines), dict(self._versions)
        return child

    def branch(self, version: str | None = None) -> History:
        """Return an independent history that goes on from `version`, by default from here, in the next free round."""
        child = self.fork()
        number, child.state_id = _numbers(self.version if version is None else self._find(version).name)
        taken = {_numbers(name)[0] for name in self._versions}
        child.round = next(free for free in count(number + 1) if free not in taken)
        return child

    def checkout(
        self,
        version: str,
        network_class: Callable[..., AnyNetwork],
        *,
        device: str | torch.device | None = None,
    ) -> AnyNetwork:
        """Return a new network as it was in `version`.

        Parameters
        ----------
        version : str
            Such as '0.1'.
        network_class : type
            The class of the network, or a function that takes the same arguments.
        device : str or torch.device, optional
            By default the device it was on.

        Raises
        ------
        ArgumentError
            If there never was such a version.
        StateError
            If its tensors are not kept any more.
        """
        found = self._find(version)
        if found.state is not None:
            return found.state.build(network_class, device=device)
        if found.file is not None and found.file.is_file():
            return load_checkpoint(found.file, network_class, device=device)
        where = "" if found.file is None else f", and its file {str(found.file)!r} is gone"
        raise StateError(
            f"version {found.name} is not kept any more{where}: in memory are the last {MAX_VERSIONS} versions "
            f"up to {MAX_BYTES / 2**20:g} MiB. With `ckpt_path` all versions are kept on disk."
        )

    def rewind(
        self,
        version: str,
        network_class: Callable[..., AnyNetwork],
        *,
        device: str | torch.device | None = None,
    ) -> tuple[AnyNetwork, History]:
        """Return a new network as it was in `version`, and its history, which opens a new round.

        This history stays as it is. The arguments and errors are those of `checkout`.
        """
        network = self.checkout(version, network_class, device=device)
        child = self.fork()
        child.round, child.state_id = self.round + 1, _numbers(version)[1]
        child._add(network, [f"### Round {child.round} ###"])
        say(f"rewind to model version {version}, renamed as {child.version}")
        return network, child

    def _find(self, version: str) -> Version:
        """Return the entry of a version."""
        found = self._versions.get(str(version))
        if found is None:
            known = ", ".join(self._versions) or "none"
            raise ArgumentError(f"there is no version {version!r}; the versions of this model are {known}.")
        return found

    def _add(self, network: Network, lines: Sequence[str]) -> None:
        """Add the network as the current version, with its lines of the log."""
        name, before = self.version, list(self._lines)
        self._lines.extend(lines)
        # A state too large to be kept is not even copied.
        fits = size_of(dict(network.named_parameters())) <= MAX_BYTES
        entry = Version(name, NetworkState.capture(network) if fits else None)
        self._versions[name] = entry
        self._forget_oldest()
        if self.folder is not None:
            file = write_version(network, name=name, folder=self.folder, run=self._run, before=before, new=lines)
            self._run = file.parent
            self._versions[name] = replace(entry, file=file)

    def _forget_oldest(self) -> None:
        """Drop the tensors of the oldest versions beyond what is kept in memory."""
        count = size = 0
        for name, entry in reversed(list(self._versions.items())):
            if entry.state is None:
                continue
            count, size = count + 1, size + entry.state.nbytes
            if count > MAX_VERSIONS or size > MAX_BYTES:
                self._versions[name] = replace(entry, state=None)

    def __deepcopy__(self, memo: Any) -> History:
        """Return an independent history; the versions are shared."""
        return self.fork()

    def __getstate__(self) -> dict[str, Any]:
        """Leave states with functions that cannot be pickled out of a pickle; a model without them can be saved."""
        versions = {
            name: entry if _can_be_pickled(entry.state) else replace(entry, state=None)
            for name, entry in self._versions.items()
        }
        return {**self.__dict__, "_versions": versions}


def _numbers(version: str) -> tuple[int, int]:
    """Return the round and the state of a version's name."""
    parts = str(version).split(".")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ArgumentError(f"a version is named 'round.state', such as '0.1'; got {version!r}.")
    return int(parts[0]), int(parts[1])


def _can_be_pickled(state: NetworkState | None) -> bool:
    """Whether the functions of a state, if it has any, can be pickled."""
    if state is None:
        return True
    base_fun = state.settings["base_fun"]
    if isinstance(base_fun, str) and not any(state.functions):
        return True
    try:
        pickle.dumps((base_fun, state.functions))
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True
