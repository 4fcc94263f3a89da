"""What is loaded when it is asked for."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import sympy
import torch

from kan.common.lazy import lazy_name


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
    assert lazy_name(name) is meant


def test_pictures_and_bars_are_there_too() -> None:
    import matplotlib.pyplot
    import tqdm

    assert lazy_name("plt") is matplotlib.pyplot
    assert lazy_name("tqdm") is tqdm.tqdm


def test_modules_can_be_used_without_an_import_of_their_own() -> None:
    names = "MLP", "compiler", "experiment", "feynman"
    program = f"import kan; print(*(getattr(kan, name).__name__ for name in {names}))"
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout.split() == [f"kan.{name}" for name in names]


def test_other_names_are_missing_attributes() -> None:
    with pytest.raises(AttributeError, match="no attribute 'pandas'"):
        lazy_name("pandas")
