"""The checks of a file before and after a network is made from it.

`load_state_dict` compares shapes too, but only after the constructor has reserved the memory that the settings ask for,
and it takes extra states as they come. Messages speak of the checkpoint as "it"; who reads the file adds its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from kan.common.errors import ArgumentError
from kan.common.extra_state import unpack
from kan.layers.symbolic_layer import ANONYMOUS
from kan.network import Network, Shape
from kan.symbolic.library import find


def check_tensors(settings: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    """Raise an `ArgumentError` unless the tensors of every layer are those that the settings ask for."""
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor) and tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise ArgumentError(f"the tensor {name!r} claims more elements than the file holds.")
    shape = Shape.parse(settings["width"], settings.get("mult_arity", 2))
    for layer in range(shape.depth):
        inputs, outputs = shape.nodes[layer], shape.subnodes[layer + 1]
        bases = _of_layer(settings["grid"], layer) + _of_layer(settings["k"], layer)
        _check_shape(tensors, f"act_fun.{layer}.coef", (inputs, outputs, bases))


def check_functions(names: Iterable[Any]) -> None:
    """Raise an `ArgumentError` unless all symbolic functions are in the library."""
    for name in names:
        if name == ANONYMOUS:
            raise ArgumentError("an edge carries a function without a name, which cannot be loaded from a file.")
        if find(name) is None:
            raise ArgumentError(
                f"it uses the symbolic function {name!r}, which is not in the library: "
                f"call `add_symbolic({name!r}, function)` before loading."
            )


def check_extra_states(network: Network) -> None:
    """Raise an `ArgumentError` if edges or inputs are named that the network does not have."""
    if not all(0 <= column < network.n_columns for column in network.input_id.tolist()):
        raise ArgumentError(
            f"its inputs are the columns {network.input_id.tolist()} of data with {network.n_columns} columns."
        )
    for layer in network.symbolic_fun:
        for j, i in unpack(layer.get_extra_state())["fixed"]:
            if not (0 <= i < layer.in_dim and 0 <= j < layer.out_dim):
                raise ArgumentError(f"it names the symbolic edge ({i}, {j}) of a layer that does not have it.")


def _of_layer(value: Any, layer: int) -> int:
    """Return the entry of one layer of a setting that is a number or a list."""
    return int(value[layer] if isinstance(value, (list, tuple)) else value)


def _check_shape(tensors: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> None:
    """Raise an `ArgumentError` unless there is a floating-point tensor of this name and shape."""
    tensor = tensors.get(name)
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise ArgumentError(f"it holds no numbers for {name!r}.")
    if tuple(tensor.shape) != shape:
        raise ArgumentError(f"{name!r} should have shape {shape} for its settings and has {tuple(tensor.shape)}.")
