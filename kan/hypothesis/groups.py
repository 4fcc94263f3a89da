"""Groups of inputs: checked, completed and written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kan.common.errors import ArgumentError


def checked_group(group: Any, *, count: int) -> list[int]:
    """Return a group of inputs as a list of ints.

    Raises
    ------
    ArgumentError
        If it is not a list of different inputs between 0 and `count` - 1.
    """
    try:
        members = [int(entry) for entry in group]
        whole = all(member == entry for member, entry in zip(members, group))
    except (TypeError, ValueError):
        members, whole = [-1], False
    if not whole or len(set(members)) < len(members) or not all(0 <= member < count for member in members):
        raise ArgumentError(f"a group must be a list of different inputs between 0 and {count - 1}; got {group!r}.")
    return members


def checked_groups(groups: Any, *, count: int) -> list[list[int]]:
    """Return groups as lists of ints.

    Raises
    ------
    ArgumentError
        If one is not a group, or two have an input in common.
    """
    if isinstance(groups, (str, int)) or not isinstance(groups, Iterable):
        raise ArgumentError(f"`groups` must be a list of groups, such as [[0, 1], [2]]; got {groups!r}.")
    checked = [checked_group(group, count=count) for group in groups]
    members = flatten(checked)
    if len(set(members)) < len(members):
        raise ArgumentError(f"the groups must have no input in common; got {groups!r}.")
    return checked


def flatten(groups: Iterable[Sequence[int]]) -> list[int]:
    """Return the members of all groups, in order."""
    return [member for group in groups for member in group]


def rest(group: Iterable[int], *, count: int) -> list[int]:
    """Return the inputs that are not in `group`, ascending."""
    members = set(group)
    return [i for i in range(count) if i not in members]


def text(groups: Iterable[Sequence[int]]) -> str:
    """Write groups for a summary: ``[0, 1] | [2]``."""
    return " | ".join(str(list(group)) for group in groups)


def inactive_text(inactive: Sequence[int]) -> str:
    """Write, for the end of a summary, which inputs do not matter."""
    if not inactive:
        return ""
    noun, verb = ("input", "has") if len(inactive) == 1 else ("inputs", "have")
    return f" ({noun} {', '.join(map(str, inactive))} {verb} no influence)"
