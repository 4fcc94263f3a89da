"""Properties with a setter of a kind of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kan.common.errors import ArgumentError

if TYPE_CHECKING:
    settled = property
else:

    class settled(property):  # noqa: N801 - used like `property`
        """A property that may be set to the value it has: scripts put back what they have read.

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

        def __set__(self, instance: Any, value: Any) -> None:
            present = self.fget(instance)
            # A device may be given by its name.
            if value is not present and str(value) != str(present):
                raise ArgumentError(
                    f"`{self.fget.__name__}` is {present!r} and follows from the rest of the object; "
                    f"it cannot be set to {value!r}."
                )
