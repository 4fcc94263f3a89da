"""Properties with special setters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from kan.common.errors import ArgumentError

if TYPE_CHECKING:
    settled = property
else:

    class settled(property):  # noqa: N801 - used like `property`
        """A property that may be set to the value it has: scripts put back what they have read, or gave.

        A setter, where there is one, returns the value in the form in which it is read. Before the constructor has run,
        as in subclasses that call it later, nothing follows from the rest: a value that is set is kept until then.

        Examples
        --------
        >>> class Square:
        ...     @settled
        ...     def corners(self):
        ...         return 4
        >>> square = Square()
        >>> square.corners = 4
        >>> square.corners = 5
        Traceback (most recent call last):
        kan.common.errors.ArgumentError: `corners` is 4 and follows from the rest of the object; it cannot be set to 5.
        """

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            try:
                return super().__get__(instance, owner)
            except AttributeError:
                if self.fget.__name__ in vars(instance):
                    return vars(instance)[self.fget.__name__]
                raise

        def __set__(self, instance: Any, value: Any) -> None:
            try:
                present = self.fget(instance)
            except AttributeError:
                vars(instance)[self.fget.__name__] = value
                return
            if self.fset is not None:
                value = self.fset(instance, value)
            if not _is_same(value, present):
                raise ArgumentError(
                    f"`{self.fget.__name__}` is {present!r} and follows from the rest of the object; "
                    f"it cannot be set to {value!r}."
                )


def _is_same(value: Any, present: Any) -> bool:
    """Whether `value` says the same as `present`; a device may be given by its name, and without its number."""
    if str(value) == str(present):
        return True
    return isinstance(present, torch.device) and str(value) == present.type
