"""The one hierarchy of errors that this library raises on purpose.

Every member is a :class:`KANError` and also the builtin kind that fits, so ``except ValueError`` keeps working
in scripts that know nothing of this library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

_LONGEST = 80


class KANError(Exception):
    """Base class of all errors that the library raises on purpose."""


class ArgumentError(KANError, ValueError):
    """An argument has a value, a shape or a type that cannot be used."""


class StateError(KANError, RuntimeError):
    """The model is not in the state that the call needs, for example it has not seen any data."""


class FormulaError(KANError, ValueError):
    """The network cannot be written as a formula, or an expression cannot be used."""


class CheckpointError(KANError, RuntimeError):
    """A checkpoint cannot be read or written."""


def shown(value: object) -> str:
    """Return a value as it is written, or its type where that would be long."""
    text = repr(value)
    return text if len(text) <= _LONGEST and "\n" not in text else f"a {type(value).__name__}"


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise an :class:`ArgumentError` that lists `choices` unless `value` is one of them."""
    allowed = list(choices)
    if value not in allowed:
        listed = ", ".join(repr(choice) for choice in allowed)
        raise ArgumentError(f"`{name}` must be one of {listed}; got {shown(value)}.")


def as_whole(value: Any) -> int | None:
    """Return `value` as an int if it is a whole number of any type (2.0, numpy's, a tensor), else None."""
    try:
        return int(value) if not isinstance(value, bool) and bool(int(value) == value) else None
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def is_whole(value: Any, least: int) -> bool:
    """Whether `value` is a whole number of any type, and at least `least`."""
    number = as_whole(value)
    return number is not None and number >= least


def check_whole(name: str, value: Any, least: int) -> int:
    """Return `value` as an int, or raise an :class:`ArgumentError` unless it is a whole number of at least `least`."""
    number = as_whole(value)
    if number is None or number < least:
        raise ArgumentError(f"`{name}` must be a whole number of at least {least}; got {shown(value)}.")
    return number


def check_seed(value: Any) -> int:
    """Return `value` as an int, or raise an :class:`ArgumentError` unless it is a whole number."""
    number = as_whole(value)
    if number is None:
        raise ArgumentError(f"`seed` must be a whole number; got {shown(value)}.")
    return number


def check_number(name: str, value: Any, *, least: float = -math.inf, most: float = math.inf) -> float:
    """Return `value` as a float, or raise an :class:`ArgumentError` unless it is a finite number within the limits."""
    try:
        number = float(value) if not isinstance(value, str) else math.nan
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if not (math.isfinite(number) and least <= number <= most):
        if math.isfinite(least) and math.isfinite(most):
            wanted = f"a number between {least:g} and {most:g}"
        else:
            wanted = f"a finite number of at least {least:g}" if math.isfinite(least) else "a finite number"
        raise ArgumentError(f"`{name}` must be {wanted}; got {shown(value)}.")
    return number


def check_positive(name: str, value: Any) -> float:
    """Return `value` as a float, or raise an :class:`ArgumentError` unless it is a finite number above zero."""
    number = check_number(name, value)
    if number <= 0:
        raise ArgumentError(f"`{name}` must be positive; got {shown(value)}.")
    return number


def check_range(name: str, limits: Any) -> tuple[float, float]:
    """Return `limits` as two floats, or raise an :class:`ArgumentError` unless they are a finite, ordered pair."""
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise ArgumentError(f"`{name}` must be a pair (lowest, highest); got {limits!r}.") from None
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ArgumentError(f"`{name}` must be a finite pair (lowest, highest) in this order; got {limits!r}.")
    return low, high
