"""Everything that makes a network what it is, apart from the data it has seen, as a value that does not change.

Files, the version history and copies all go through it, so that what one of them keeps all of them keep: settings,
parameters, symbolic functions, which parameters are trained, the mode of training or evaluation, dtype and device.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, TypeVar

import torch
from torch import Tensor

from kan.common.errors import StateError
from kan.network import Network, check_layers

AnyNetwork = TypeVar("AnyNetwork", bound=Network)
# For every edge layer, the functions that have no name, by (input, output).
Functions = tuple[Mapping[tuple[int, int], Callable[..., Any]], ...]


@dataclass(frozen=True)
class NetworkState:
    """The state of a network at one moment; it is never changed, so it can be shared.

    Attributes
    ----------
    settings : mapping
        Arguments for the constructor. Where a program writes its files is not one of them.
    tensors : mapping
        The `state_dict`: tensors on the CPU, and the extra states.
    trainable : mapping
        Which parameters are trained.
    training : bool
        Whether the network was in training mode.
    device : str
        Where it was.
    functions : tuple of mapping
        Symbolic functions without a name.
    draws : int
        How often the network has drawn random numbers.
    obstacle : str
        Why no network of this state can be built, where layers are others than the constructor makes.

    Examples
    --------
    >>> from kan.network import Network
    >>> state = NetworkState.capture(Network([2, 3, 1], grid=5))
    >>> state.build(Network).grid
    5
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, Any]
    trainable: Mapping[str, bool]
    training: bool
    device: str
    functions: Functions = ()
    draws: int = 0
    obstacle: str = ""

    @classmethod
    def capture(cls, network: Network) -> NetworkState:
        """Return the state of `network`, sharing nothing with it."""
        settings = {
            name: value
            for name, value in network.constructor_arguments().items()
            if name not in ("ckpt_path", "device")
        }
        obstacle = ""
        try:
            check_layers(network)
        except StateError as error:
            obstacle = str(error)
        return cls(
            settings=copy.deepcopy(settings),
            tensors={name: _detached(value) for name, value in network.state_dict().items()},
            trainable={name: parameter.requires_grad for name, parameter in network.named_parameters()},
            training=network.training,
            device=str(network.device),
            functions=copy.deepcopy(_unnamed_functions(network)),
            draws=network._draws,
            obstacle=obstacle,
        )

    @property
    def nbytes(self) -> int:
        """The memory of the tensors."""
        return size_of(self.tensors)

    def build(
        self, network_class: Callable[..., AnyNetwork], *, device: str | torch.device | None = None
    ) -> AnyNetwork:
        """Return a new network of this state, on `device` or else where it was, or on the CPU if that is not here.

        Raises
        ------
        StateError
            If parameters were computed from others, or layers are of other classes, which a new network does not have.
        """
        if self.obstacle:
            raise StateError(self.obstacle)
        network = network_class(**copy.deepcopy(dict(self.settings)))
        computed = [f"`{name}`" for name, _ in network.named_parameters() if name not in self.tensors]
        if computed:
            raise StateError(
                f"this version cannot be built again, for {', '.join(computed)} was computed from other parameters. "
                "Remove parametrisations (`torch.nn.utils.parametrize.remove_parametrizations`, "
                "`torch.nn.utils.prune.remove`) before steps that you may want to go back to."
            )
        network.to(dtype=self.tensors["act_fun.0.coef"].dtype)
        self.apply_to(network)
        return network.to(usable_device(self.device) if device is None else device)

    def apply_to(self, network: Network) -> None:
        """Give `network`, which has the same settings, this state."""
        for layer, functions in zip(network.symbolic_fun, copy.deepcopy(self.functions)):
            for (i, j), function in functions.items():
                layer.set_edge(i, j, function)
        network.load_state_dict(dict(self.tensors))
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(self.trainable.get(name, parameter.requires_grad))
        torch.nn.Module.train(network, self.training)  # subclasses have methods `train` that train
        network._draws = self.draws

    def __deepcopy__(self, memo: Any) -> NetworkState:
        """Return the same object: nothing changes it."""
        return self


@dataclass(frozen=True)
class Loaded(Generic[AnyNetwork]):
    """What a reader found in a file: the network, on the CPU, its device, and inputs that it has seen."""

    network: AnyNetwork
    device: str
    data: Mapping[str, Any] = field(default_factory=dict)


def copy_network(network: AnyNetwork) -> AnyNetwork:
    """Return an equal network that shares nothing with `network`, data included.

    Parameters that are not trained stay so, and so does the mode of training or evaluation. Symbolic functions without
    a name and base functions given as callables are kept; no file is written.

    Examples
    --------
    >>> import torch
    >>> from kan.network import Network
    >>> network = Network([2, 3, 1])
    >>> twin = copy_network(network)
    >>> x = torch.rand(5, 2)
    >>> torch.equal(twin(x), network(x))
    True
    """
    twin = network.rebuild(base_fun=copy.deepcopy(network.constructor_arguments()["base_fun"]))
    NetworkState.capture(network).apply_to(twin)
    twin.cache_data = cloned(network.cache_data)
    same = network._reference is network.cache_data
    twin._reference = twin.cache_data if same else cloned(network._reference)
    return twin


def size_of(tensors: Mapping[str, Any]) -> int:
    """Return the bytes of the tensors in a `state_dict`."""
    return sum(entry.numel() * entry.element_size() for entry in tensors.values() if isinstance(entry, Tensor))


def cloned(tensor: Tensor | None) -> Tensor | None:
    """Return a copy without the rest of the storage that a view may hang on, and without a graph."""
    return None if tensor is None else tensor.detach().clone(memory_format=torch.contiguous_format)


def usable_device(name: str) -> torch.device:
    """Return the device with this name if this machine has it, else the CPU."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        # torch asserts that it was compiled for the device.
        return torch.device("cpu")
    return torch.device("cpu") if device.type == "meta" else device


def _detached(value: Any) -> Any:
    """Return an entry of a `state_dict` on its own, on the CPU."""
    return cloned(value.detach().cpu()) if isinstance(value, Tensor) else copy.deepcopy(value)


def _unnamed_functions(network: Network) -> Functions:
    """Return the symbolic functions that have no name."""
    return tuple({(i, j): function for (j, i), function in layer._callables.items()} for layer in network.symbolic_fun)
