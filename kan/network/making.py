"""Networks made by their settings, whatever constructors subclasses have, and which networks can be made again."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

from torch.nn.utils.parametrize import type_before_parametrizations

from kan.common.errors import StateError
from kan.layers import KANLayer
from kan.layers.base_functions import is_base_function
from kan.network.model import Model

if TYPE_CHECKING:
    from kan.network.network import Network

AnyModel = TypeVar("AnyModel", bound=Model)


def make(kind: type[AnyModel], **settings: Any) -> AnyModel:
    """Return a model of the first class in the line of `kind` whose constructor takes these settings by name.

    That is `kind` itself, unless a subclass has a constructor with parameters of its own: as in pykan, what is made of
    its models is then of the class that it is derived from.

    Examples
    --------
    >>> from kan import KAN
    >>> class Own(KAN):
    ...     def __init__(self, inputs):
    ...         super().__init__([inputs, 1])
    >>> type(make(Own, width=[2, 1], seed=0)).__name__
    'MultKAN'
    """
    for base in kind.__mro__:
        if issubclass(base, Model):
            try:
                inspect.signature(base).bind(**settings)
            except TypeError:
                continue
            return cast("AnyModel", base(**settings))
    return kind(**settings)


def own_settings(network: Network) -> dict[str, Any]:
    """Return what the layers can be given later: one value that all of them have, or a list of their own."""
    layers = [layer for layer in network.act_fun if isinstance(layer, KANLayer)]
    functions = [layer.base_fun for layer in layers if type(layer) is KANLayer]
    base_fun: Any = functions
    if all(is_base_function(function, network.base_fun_name) for function in functions):
        base_fun = network.base_fun_name
    elif all(function is functions[0] or repr(function) == repr(functions[0]) for function in functions):
        base_fun = functions[0]
    eps = [layer.grid_eps for layer in layers]
    return {"base_fun": base_fun, "grid_eps": eps[0] if len(set(eps)) == 1 else eps}


def check_layers(network: Network) -> None:
    """Raise a `StateError` if the layers are others than those that the constructor makes."""
    for number, layer in enumerate(network.act_fun):
        if type_before_parametrizations(layer) is not KANLayer:
            raise StateError(
                f"layer {number} is a {type(layer).__name__}, and a network that is built anew, as for this call, "
                f"has layers of type KANLayer only; `copy.deepcopy(model)` copies a model with any layers."
            )
    own = [name for name, value in own_settings(network).items() if isinstance(value, list)]
    if own:
        raise StateError(
            f"the layers have {' and '.join(own)} of their own, and a network that is built anew, as for this "
            "call, has one for all; `copy.deepcopy(model)` copies a model with any layers."
        )
