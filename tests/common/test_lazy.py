"""What is loaded when it is asked for."""

from __future__ import annotations

import ast
import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch

import kan
from kan.common.lazy import _STAR_NAMES, lazy_name


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


def test_type_checkers_see_the_same_names() -> None:
    module = ast.parse(Path(kan.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in module.body if isinstance(node, ast.If))
    seen = {}
    for node in block.body:
        for alias in node.names:
            where = (node.module, alias.name) if isinstance(node, ast.ImportFrom) else (alias.name, None)
            seen[alias.asname or alias.name] = where
    same = {"nn": ("torch", "nn")}
    assert seen == {**_STAR_NAMES, **same}
