"""Reading the three files of pykan 0.2.8: `{path}_config.yml`, `{path}_state`, `{path}_cache_data`.

The YAML is read by a safe loader. pykan writes Python objects into it when `prune_input` hands on the base function in
place of its name, and when a number came from NumPy; pykan cannot read these itself. A few such tags are read here as
the value that they stand for, without making the object; any other is refused.

What pykan computes for an edge whose function is '0' is the constant d of its affine map, so such edges count as
symbolic where the affine map is not zero. `round`, `state_id`, `auto_save` and `ckpt_path` of the file are not taken
over: the loaded network starts a history of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
import yaml

from kan.checkpoints.archive import read_archive
from kan.checkpoints.state import AnyNetwork, Loaded
from kan.checkpoints.validation import check_functions, check_tensors
from kan.common.errors import ArgumentError
from kan.layers.symbolic_layer import IDLE
from kan.network import Network

_REQUIRED = ("width", "grid", "k", "base_fun_name")
_OPTIONAL = (
    "mult_arity",
    "symbolic_enabled",
    "affine_trainable",
    "grid_eps",
    "grid_range",
    "sp_trainable",
    "sb_trainable",
)
_PYTHON = "tag:yaml.org,2002:python/"
_BASE_FUNCTIONS = {
    "object:torch.nn.modules.activation.SiLU": "silu",
    "object:torch.nn.modules.linear.Identity": "identity",
    "name:kan.MultKAN.<lambda>": "zero",
}
_NUMBER_TYPE = re.compile(r"[iuf][1248]|b1")


class _ConfigLoader(yaml.SafeLoader):
    """A safe loader that reads a few Python tags as plain values."""


def _read_base_function(_loader: yaml.SafeLoader, node: yaml.Node) -> str:
    """Read a function as its name; what the node holds is not looked at."""
    return _BASE_FUNCTIONS[node.tag[len(_PYTHON) :]]


def _read_number_type(loader: yaml.SafeLoader, node: yaml.MappingNode) -> str:
    """Read the pickled `numpy.dtype` of a number as its code, byte order included."""
    fields = loader.construct_mapping(node, deep=True)
    code, order = fields["args"][0], fields["state"][1]
    if not _NUMBER_TYPE.fullmatch(code) or order not in ("<", ">", "|", "="):
        raise ArgumentError(f"its configuration holds a number of the unknown type {code!r}.")
    return f"{order}{code}"


def _read_number(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> Any:
    """Read a pickled NumPy number as Python's."""
    number_type, content = loader.construct_sequence(node, deep=True)
    return np.frombuffer(content, dtype=number_type)[0].item()


def _read_list(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> list[Any]:
    """Read a tuple as a list."""
    return loader.construct_sequence(node, deep=True)


for _tag in _BASE_FUNCTIONS:
    _ConfigLoader.add_constructor(_PYTHON + _tag, _read_base_function)
for _module in ("core", "_core"):
    _ConfigLoader.add_constructor(f"{_PYTHON}object/apply:numpy.{_module}.multiarray.scalar", _read_number)
_ConfigLoader.add_constructor(f"{_PYTHON}object/apply:numpy.dtype", _read_number_type)
_ConfigLoader.add_constructor(f"{_PYTHON}tuple", _read_list)


def has_pykan_files(path: Path) -> bool:
    """Whether pykan saved a network under `path`."""
    return _file(path, "_config.yml").is_file() and _file(path, "_state").is_file()


def load_pykan(path: Path, network_class: Callable[..., AnyNetwork]) -> Loaded[AnyNetwork]:
    """Load what pykan saved under `path`."""
    config = _read_config(_file(path, "_config.yml"))
    tensors = read_archive(_file(path, "_state"))
    if not isinstance(tensors, Mapping):
        raise ArgumentError(f"{str(path) + '_state'!r} holds no state_dict.")
    check_tensors(config, tensors)
    optional = {name: config[name] for name in _OPTIONAL if name in config}
    network = network_class(
        width=config["width"], grid=config["grid"], k=config["k"], base_fun=config["base_fun_name"], **optional
    )
    network.to(dtype=tensors["act_fun.0.coef"].dtype)
    network.load_state_dict(dict(tensors))
    _set_functions(network, config)
    return Loaded(network, str(config.get("device", "cpu")), {"cache_data": _read_data(network, path)})


def _file(path: Path, ending: str) -> Path:
    """Return one of the three files."""
    return path.with_name(path.name + ending)


def _read_config(file: Path) -> dict[str, Any]:
    """Return the configuration."""
    with file.open(encoding="utf-8") as stream:
        config = yaml.load(stream, Loader=_ConfigLoader)  # noqa: S506 - a subclass of SafeLoader
    if not isinstance(config, dict) or not all(name in config for name in _REQUIRED):
        raise ArgumentError(f"{str(file)!r} is no configuration of pykan, which names {', '.join(_REQUIRED)}.")
    return config


def _set_functions(network: Network, config: Mapping[str, Any]) -> None:
    """Give the symbolic edges their functions."""
    for number, layer in enumerate(network.symbolic_fun):
        names = config[f"symbolic.funs_name.{number}"]
        if [len(row) for row in names] != [layer.in_dim] * layer.out_dim:
            raise ArgumentError(f"its function names of layer {number} do not fit the width {config['width']}.")
        check_functions(name for row in names for name in row)
        moved = layer.affine.any(dim=2)
        for j, row in enumerate(names):
            for i, name in enumerate(row):
                if name != IDLE or moved[j, i]:
                    layer.set_edge(i, j, name)


def _read_data(network: Network, path: Path) -> torch.Tensor | None:
    """Return the last input that pykan saw, if it was saved and fits."""
    file = _file(path, "_cache_data")
    data = read_archive(file) if file.is_file() else None
    fits = isinstance(data, torch.Tensor) and data.ndim == 2 and data.shape[1] == network.n_columns
    return data if fits else None
