"""What is loaded when it is asked for."""

from __future__ import annotations

import ast
import copy
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch

import kan
from kan.common import algebra
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
        ("re", re),
        ("Symbol", sympy.Symbol),
    ],
)
def test_names_stand_for_what_notebooks_expect(name: str, meant: object) -> None:
    assert lazy_name(name) is meant


def test_pictures_and_bars_are_there_too() -> None:
    import matplotlib.pyplot
    import tqdm

    assert lazy_name("plt") is matplotlib.pyplot
    assert lazy_name("tqdm") is tqdm.tqdm


@pytest.mark.parametrize("loaded_before", [True, False])
def test_pandas_is_loaded_when_something_of_it_is_used(loaded_before: bool, tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("def read_csv(path): return path\n")
    program = (
        "import pandas\n" * loaded_before + "import sys\nfrom kan import *\n"
        f"assert ('pandas' in sys.modules) is {loaded_before}\n"
        "assert pd.read_csv('data.csv') == 'data.csv'"
    )
    paths = os.pathsep.join([str(tmp_path), str(Path(kan.__file__).parent.parent)])
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": paths})


def test_star_import_does_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    pandas = lazy_name("pd")
    with pytest.raises(ModuleNotFoundError, match="pandas"):
        pandas.read_csv  # noqa: B018
    assert not hasattr(pandas, "__wrapped__")
    assert "pandas" in repr(pandas)


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
    *libraries, of_sympy = block.body
    assert ast.unparse(of_sympy) == "from kan.common.algebra import *"
    for node in libraries:
        for alias in node.names:
            where = (node.module, alias.name) if isinstance(node, ast.ImportFrom) else (alias.name, None)
            seen[alias.asname or alias.name] = where
    same = {"nn": ("torch", "nn"), "pd": ("pandas", None)}
    assert seen == {**_STAR_NAMES, **same}
    assert set(algebra.__all__) <= set(kan.__all__)
