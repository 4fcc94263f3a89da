"""Networks made by their settings, whatever constructors subclasses have."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar, cast

from kan.network.model import Model

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
