"""Checkpoints, copies, and the history of versions.

Deviations from pykan: versions are kept in memory and written only where `ckpt_path` names a folder; a checkpoint is
one file; a child of `prune`, `refine` or `copy` continues its parent's history in a log of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from kan.checkpoints import History, copy_network, load_checkpoint, save_checkpoint
from kan.checkpoints.archive import read_archive, write_archive
from kan.common.console import say
from kan.common.properties import settled
from kan.network import Network, make

Self = TypeVar("Self", bound="Versions")


class Versions(Network):
    """The part of a model that remembers."""

    auto_save: bool
    ckpt_path: str | None
    _history: History

    def _start_versions(
        self, *, auto_save: bool, ckpt_path: str | None, first_init: bool, state_id: int, round_id: int
    ) -> None:
        """Open the history; a model that continues another gets that one's instead."""
        self.auto_save, self.ckpt_path = auto_save, ckpt_path
        self._history = History(ckpt_path, start=f"{round_id}.{state_id}")
        if auto_save and first_init:
            self.begin_history("init")

    @settled
    def round(self) -> int:
        """How often this model's history was rewound."""
        return self._history.round

    @settled
    def state_id(self) -> int:
        """The number of this version in its round."""
        return self._history.state_id

    def constructor_arguments(self) -> dict[str, Any]:
        """Return the arguments with which the constructor makes a model of the same shape and behaviour."""
        return {
            **super().constructor_arguments(),
            "auto_save": self.auto_save,
            "ckpt_path": self.ckpt_path,
            "first_init": False,
        }

    def begin_history(self, method_name: str) -> None:
        """Begin the history of a new model with this state, as the version that `method_name` made."""
        self._history.begin(self, method_name)

    def log_history(self, method_name: str) -> None:
        """Record this state as the version that `method_name` made; without `auto_save` do nothing.

        Parameters
        ----------
        method_name : str
            What `history` shows.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1], seed=0)
        >>> model.act_fun[0].coef.data *= 2
        >>> model.log_history("doubled")
        >>> model.history(1)
        0.0 => doubled => 0.1
        """
        if self.auto_save:
            self._history.record(self, method_name)

    def _continued(self, child: Self, method: str, *, log_history: bool = True) -> Self:
        """Give a child of this model its history, and record the child as what `method` made."""
        child._history = self._history.fork()
        if log_history:
            child.log_history(method)
        return child

    def saveckpt(self, path: str = "model", *, with_data: bool = False) -> None:
        """Save the model to one file.

        Parameters
        ----------
        path : str
            The file, or its name without ``.pt``. Missing folders are created.
        with_data : bool
            Save also the inputs that the model has seen.

        Raises
        ------
        CheckpointError
            If the file cannot be written; an older one is then intact.

        Examples
        --------
        >>> from kan import KAN
        >>> KAN(width=[2, 5, 1], grid=5, k=3, seed=0).saveckpt("./mark")
        >>> KAN.loadckpt("./mark").width
        [[2, 0], [5, 0], [1, 0]]
        """
        save_checkpoint(self, path, with_data=with_data)

    @classmethod
    def loadckpt(cls: type[Self], path: str = "model", *, device: Any = None) -> Self:
        """Load a model that `saveckpt` has saved, here or in pykan 0.2.8.

        Parameters
        ----------
        path : str
            What was given to `saveckpt`.
        device : str or torch.device, optional
            By default where the model was saved from, if that device exists here.

        Raises
        ------
        CheckpointError
            If the file is damaged, or is no checkpoint. Nothing in it is executed.

        Examples
        --------
        >>> from kan import KAN
        >>> KAN(width=[2, 5, 1], seed=0).saveckpt("mark")
        >>> KAN.loadckpt("mark").width
        [[2, 0], [5, 0], [1, 0]]
        """
        # pykan's files do not say that the model is no new one; its history begins below.
        model = load_checkpoint(path, partial(make, cls, first_init=False), device=device)
        if model.auto_save:
            model.begin_history("load")
        return model

    def save_ckpt(self, name: str, folder: str = "./model_ckpt") -> None:
        """Save the parameters, as pykan 0.0.x does; `saveckpt` saves the whole model.

        Parameters
        ----------
        name, folder : str
            The file and where it is; a missing folder is created.
        """
        _warn_of_old_name("save_ckpt", "saveckpt")
        write_archive(dict(self.state_dict()), Path(folder, name))
        say(f"save this model to {Path(folder, name)}")

    def load_ckpt(self, name: str, folder: str = "./model_ckpt") -> None:
        """Take the parameters that `save_ckpt` has saved from a model of the same shape.

        Raises
        ------
        CheckpointError
            If there is no such file, or it is damaged. Nothing in it is executed.
        """
        _warn_of_old_name("load_ckpt", "loadckpt")
        self.load_state_dict(read_archive(Path(folder, name)))

    def copy(self: Self) -> Self:
        """Return an equal model that shares nothing with this one; its history continues in a round of its own.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[1, 1], seed=0)
        >>> twin = model.copy()
        >>> twin.act_fun[0].coef.data *= 2
        >>> bool((model.act_fun[0].coef == twin.act_fun[0].coef).any())
        False
        """
        twin = copy_network(self)
        twin._history = self._history.branch()
        return twin

    def rewind(self: Self, model_id: str) -> Self:
        """Return the model as it was in an earlier version, and open a new round of the history.

        Parameters
        ----------
        model_id : str
            A version 'round.state', such as '0.1'; see `history`.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 5, 1], seed=0)
        >>> model.remove_edge(0, 0, 0)
        >>> model = model.rewind("0.0")
        rewind to model version 0.0, renamed as 1.0
        >>> model.n_edge
        15
        """
        model, history = self._history.rewind(model_id, self._maker(), device=self.device)
        model._history = history
        return self._with_data(model)

    def checkout(self: Self, model_id: str) -> Self:
        """Return the model as it was in an earlier version; its history continues in a round of its own.

        Parameters
        ----------
        model_id : str
            A version 'round.state', such as '0.1'; see `history`.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 5, 1], seed=0)
        >>> model.remove_edge(0, 0, 0)
        >>> model.checkout("0.0").n_edge
        15
        """
        model = self._history.checkout(model_id, self._maker(), device=self.device)
        model._history = self._history.branch(model_id)
        return self._with_data(model)

    def history(self, k: int | str = "all") -> None:
        """Print the last `k` lines of the history.

        Parameters
        ----------
        k : int or str
            'all' prints the whole history.

        Examples
        --------
        >>> from kan import KAN
        >>> model = KAN(width=[2, 1], seed=0)
        >>> model.remove_edge(0, 0, 0)
        >>> model.history()
        ### Round 0 ###
        init => 0.0
        0.0 => remove_edge => 0.1
        """
        say(self._history.text(k))

    def _maker(self: Self) -> Callable[..., Self]:
        """Return what makes an earlier version; versions do not name the folder that they are kept in."""
        return partial(make, type(self), ckpt_path=self.ckpt_path)

    def _with_data(self: Self, model: Self) -> Self:
        """Let an earlier version of this model refer to the same data."""
        if model.n_columns == self.n_columns:
            model.cache_data, model._reference = self.cache_data, self._reference
        return model


def _warn_of_old_name(old: str, new: str) -> None:
    """Say what pykan 0.0.x's method is called today."""
    warnings.warn(f"`{old}` keeps the parameters only; `{new}` is for whole models.", DeprecationWarning, stacklevel=3)
