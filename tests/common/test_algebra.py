"""Names of sympy that star imports give."""

from __future__ import annotations

import pytest
import sympy

import kan
from kan.common import algebra


@pytest.mark.parametrize("name", algebra.__all__)
def test_every_name_is_that_of_sympy(name: str) -> None:
    assert getattr(algebra, name) is getattr(sympy, name) is getattr(kan, name)


def test_other_names_are_missing_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ordered'"):
        algebra.ordered  # noqa: B018
