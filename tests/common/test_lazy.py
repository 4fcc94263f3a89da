"""Names of other libraries, loaded when they are asked for."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import sympy
import torch

from kan.common.lazy import star_name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("np", np),
        ("torch", torch),
        ("nn", torch.nn),
        ("sympy", sympy),
        ("nsimplify", sympy.nsimplify),
        ("copy", copy),
    ],
)
def test_names_stand_for_what_notebooks_expect(name: str, meant: object) -> None:
    assert star_name(name) is meant


def test_pictures_and_bars_are_there_too() -> None:
    import matplotlib.pyplot
    import tqdm

    assert star_name("plt") is matplotlib.pyplot
    assert star_name("tqdm") is tqdm.tqdm


def test_other_names_are_missing_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'pandas'"):
        star_name("pandas")
