"""Parameters of every layer, read and written as a list: ``model.node_bias[0] = ...`` is ``model.node_bias_0 = ...``.

pykan keeps the parameters twice, in a list, which counts, and under their names, of which optimisers and `state_dict`
know; here the list is a view of the latter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from kan.common.errors import ArgumentError

# The parameters that a network has after every edge layer, in the order of pykan's `state_dict`.
AFFINE = ("node_bias", "node_scale", "subnode_bias", "subnode_scale")


class Listed(property):
    """The parameters `{name}_0`, `{name}_1`, ... of a network with `depth` layers, as an attribute of that name.

    Examples
    --------
    >>> class Network(nn.Module):
    ...     depth = 1
    ...     bias = Listed("The bias of every layer.")
    ...
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.bias_0 = nn.Parameter(torch.zeros(2))
    >>> network = Network()
    >>> network.bias[0] = torch.ones(2)
    >>> network.bias_0
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, doc: str) -> None:
        super().__init__()
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, network: Any, owner: type | None = None) -> Any:
        return self if network is None else _Parameters(network, self.name)

    def __set__(self, network: Any, values: Iterable[Any]) -> None:
        present, values = _Parameters(network, self.name), list(values)
        if len(values) != len(present):
            raise ArgumentError(
                f"`{self.name}` must have an entry for each of {len(present)} layers; got {len(values)}."
            )
        for layer, value in enumerate([present.checked(layer, value) for layer, value in enumerate(values)]):
            present[layer] = value


class _Parameters(list):
    """The parameters of one name, in order; what is put into their place is registered with the network."""

    def __init__(self, network: Any, name: str) -> None:
        super().__init__(getattr(network, f"{name}_{layer}") for layer in range(network.depth))
        self._network, self._name = network, name

    def checked(self, layer: int, value: Any) -> nn.Parameter:
        """Return a value for a layer as a parameter, a new one unless it is one, or raise."""
        before = self[layer]
        if not isinstance(value, nn.Parameter):
            value = torch.as_tensor(value, dtype=before.dtype, device=before.device)
            value = nn.Parameter(value.detach().clone(), requires_grad=before.requires_grad)
        if value.shape != before.shape:
            raise ArgumentError(
                f"`{self._name}[{layer}]` must have shape {tuple(before.shape)}; got {tuple(value.shape)}."
            )
        return value

    def __setitem__(self, layer: Any, value: Any) -> None:
        layer = range(len(self))[layer]
        value = self.checked(layer, value)
        super().__setitem__(layer, value)
        setattr(self._network, f"{self._name}_{layer}", value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Make copies and pickles plain lists, without the network."""
        return list, (list(self),)
