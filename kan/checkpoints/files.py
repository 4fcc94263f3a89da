"""Checkpoints: one file that holds a network, and the reader for it and for pykan's three files.

The file is a `torch.save` archive of one dict of tensors and plain values:

    format, version         what it is
    settings                arguments of the constructor
    state                   the state_dict, names of the symbolic functions included
    trainable, training     which parameters are trained; training or evaluation mode
    device                  where the network was
    draws                   how often it has drawn random numbers
    data                    None, or the inputs that it has seen

Deviations from pykan: one file in place of three, replaced in one step; the training data stay out of it unless asked
for; and a file decides nothing about where a program writes (`ckpt_path`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Callable

import torch
from torch import Tensor, nn

from kan.checkpoints.archive import read_archive, reading, write_archive
from kan.checkpoints.pykan_files import has_pykan_files, load_pykan
from kan.checkpoints.state import AnyNetwork, Loaded, NetworkState, cloned, usable_device
from kan.checkpoints.validation import check_extra_states, check_functions, check_tensors
from kan.common.errors import ArgumentError, CheckpointError, check_whole
from kan.common.extra_state import unpack
from kan.layers.symbolic_layer import ANONYMOUS
from kan.network import Network, check_layers

FORMAT = "kan network"
FORMAT_VERSION = 1
SUFFIXES = (".pt", ".pth")
_NAMED_BASE_FUNCTIONS = {nn.SiLU: "silu", nn.Identity: "identity"}


def checkpoint_file(path: str | os.PathLike[str]) -> Path:
    """Return the file that `save_checkpoint` writes for `path`: `path` itself if it ends in .pt or .pth, else path.pt.

    Examples
    --------
    >>> checkpoint_file("mark").name, checkpoint_file("runs/0.1").name, checkpoint_file("best.pt").name
    ('mark.pt', '0.1.pt', 'best.pt')
    """
    path = Path(path)
    if not path.name:
        raise ArgumentError(f"`path` must name a file, such as './model'; got {str(path)!r}.")
    return path if path.suffix in SUFFIXES else path.with_name(path.name + SUFFIXES[0])


def save_checkpoint(network: Network, path: str | os.PathLike[str], *, with_data: bool = False) -> Path:
    """Save a network to one file.

    Parameters
    ----------
    network : Network
    path : str or path
        The file, or its name without ``.pt``. Missing folders are created.
    with_data : bool
        Save also the inputs that the network has seen, which plots, attribution and symbolic fits refer to.

    Returns
    -------
    Path
        The file. It appears complete or not at all; an older file is replaced in the last step.

    Raises
    ------
    CheckpointError
        If the network holds a function without a name, or the file cannot be written.
    StateError
        If it holds layers of another class than `KANLayer`, or with settings of their own, or with tensors that are
        computed from other parameters, which nothing could load again.

    Examples
    --------
    >>> from kan.network import Network
    >>> save_checkpoint(Network([2, 3, 1]), "mark").name
    'mark.pt'
    >>> load_checkpoint("mark", Network).width
    [[2, 0], [3, 0], [1, 0]]
    """
    _check_nameable(network)
    check_layers(network)
    for layer in network.act_fun:
        layer.check_settable()
    state = NetworkState.capture(network)
    content = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "settings": _plain({**state.settings, "base_fun": _base_function_name(network)}),
        "state": dict(state.tensors),
        "trainable": dict(state.trainable),
        "training": state.training,
        "device": state.device,
        "draws": state.draws,
        "data": _data_of(network) if with_data else None,
    }
    file = checkpoint_file(path)
    write_archive(content, file)
    return file


def load_checkpoint(
    path: str | os.PathLike[str],
    network_class: Callable[..., AnyNetwork],
    *,
    device: str | torch.device | None = None,
) -> AnyNetwork:
    """Load a network that `save_checkpoint`, or pykan 0.2.8, has saved.

    Parameters
    ----------
    path : str or path
        What was given to `save_checkpoint` or to pykan's `saveckpt`. If both are there, the file of this library wins.
    network_class : type
        The class of the network, or a function that takes the same arguments.
    device : str or torch.device, optional
        By default the device it was saved from, or the CPU if that does not exist here.

    Returns
    -------
    Network
        A network equal to the one that was saved.

    Raises
    ------
    CheckpointError
        If there is no checkpoint, it is damaged or foreign, or it uses a symbolic function that the library does not
        know. Nothing in the file is executed.
    """
    loaded = _load(Path(path), network_class)
    # Outside of what is blamed on the file: a device that the caller named may not exist here.
    network = loaded.network.to(usable_device(loaded.device) if device is None else device)
    inputs = {name: None if data is None else network.checked_input(data) for name, data in loaded.data.items()}
    network.cache_data, network._reference = inputs.get("cache_data"), inputs.get("reference")
    return network


def _load(path: Path, network_class: Callable[..., AnyNetwork]) -> Loaded[AnyNetwork]:
    """Load what was saved under `path`."""
    file = checkpoint_file(path)
    if not file.is_file() and has_pykan_files(path):
        with reading(path):
            return load_pykan(path, network_class)
    for candidate in (file, path):
        if candidate.is_file():
            with reading(candidate):
                return _load_own(candidate, network_class)
    raise CheckpointError(
        f"there is no checkpoint {str(path)!r}: neither the file {str(checkpoint_file(path))!r} "
        f"nor pykan's {str(path) + '_config.yml'!r} and {str(path) + '_state'!r}."
    )


def _load_own(file: Path, network_class: Callable[..., AnyNetwork]) -> Loaded[AnyNetwork]:
    """Load a file in this library's format."""
    content = _checked_content(read_archive(file), file)
    settings, tensors = content["settings"], content["state"]
    check_tensors(settings, tensors)
    check_functions(_function_names(tensors))
    draws = check_whole("draws", content.get("draws", 0), 0)
    state = NetworkState(settings, tensors, content["trainable"], content["training"], content["device"], draws=draws)
    network = state.build(network_class, device="cpu")
    check_extra_states(network)
    data = content["data"] or {}
    for entry in data.values():
        if entry is not None:
            network.checked_input(entry)
    return Loaded(network, state.device, data)


def _checked_content(content: Any, file: Path) -> dict[str, Any]:
    """Return the content of a file if it has the fields of the format."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            f"{str(file)!r} is no checkpoint of this library. A state_dict is loaded with `model.load_state_dict`, "
            "and pykan's checkpoint by its path without '_config.yml' or '_state'."
        )
    if content.get("version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{str(file)!r} has version {content.get('version')!r} of the format, and this library reads version "
            f"{FORMAT_VERSION}: load it with the version of the library that wrote it, or a newer one."
        )
    kinds: dict[str, Any] = {
        "settings": dict,
        "state": dict,
        "trainable": dict,
        "training": bool,
        "device": str,
        "data": (dict, type(None)),
    }
    for name, kind in kinds.items():
        if not isinstance(content.get(name), kind):
            raise CheckpointError(f"the field {name!r} of {str(file)!r} is missing or damaged.")
    return content


def _function_names(tensors: Mapping[str, Any]) -> Iterable[Any]:
    """Return the names of all symbolic functions in a `state_dict` of this library."""
    for key, value in tensors.items():
        if key.startswith("symbolic_fun.") and key.endswith("._extra_state"):
            for row in unpack(value)["funs_name"]:
                yield from row


def _data_of(network: Network) -> dict[str, Any]:
    """Return the inputs that the network has seen."""
    seen = cloned(None if network.cache_data is None else network.cache_data.cpu())
    if network._reference is network.cache_data:
        return {"cache_data": seen, "reference": seen}
    return {
        "cache_data": seen,
        "reference": cloned(None if network._reference is None else network._reference.cpu()),
    }


def _check_nameable(network: Network) -> None:
    """Raise an error if an edge carries a function that a file cannot hold."""
    for number, layer in enumerate(network.symbolic_fun):
        for j, row in enumerate(layer.funs_name):
            if ANONYMOUS in row:
                raise CheckpointError(
                    f"edge ({number}, {row.index(ANONYMOUS)}, {j}) carries a function without a name, which a file "
                    "cannot hold: register it with `add_symbolic(name, function)` and set the edge by that name. "
                    "`copy()` works without a name."
                )


def _base_function_name(network: Network) -> str:
    """Return the name of the base function.

    Raises
    ------
    CheckpointError
        If it has none.
    """
    base_fun = network.constructor_arguments()["base_fun"]
    name = base_fun if isinstance(base_fun, str) else _NAMED_BASE_FUNCTIONS.get(type(base_fun))
    if name is None:
        raise CheckpointError(
            f"the base function {base_fun!r} has no name, and a file cannot hold a function. Build the model with "
            "base_fun='silu', 'identity' or 'zero', or save `model.state_dict()` and load it into a model that was "
            "built with the same `base_fun`. `copy()` works with any."
        )
    return name


def _plain(value: Any) -> Any:
    """Return settings as plain values: NumPy's numbers and tensors of one element become Python's."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, Tensor) or hasattr(value, "tolist"):
        return _plain(value.tolist())
    raise CheckpointError(f"a checkpoint holds numbers, strings and lists only; one of the settings is {value!r}.")
