"""The import paths and star names of pykan's scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
API = json.loads((Path(__file__).parent / "pykan_api.json").read_text(encoding="utf-8"))

# What notebooks use after `from kan import *`, and never import themselves.
RELIED_ON = {
    *("torch", "np", "plt", "nn", "tqdm", "sympy", "copy", "nsimplify", "ex_round"),
    *("os", "glob", "random", "re", "yaml", "pd", "latex", "symbols", "Symbol", "simplify", "expand", "lambdify"),
    *("diff", "solve", "Eq", "pi", "sqrt", "sin", "cos", "exp", "log", "preorder_traversal", "Float"),
    *("create_dataset", "create_dataset_from_data", "augment_input", "SYMBOLIC_LIB", "add_symbolic", "fit_params"),
    *("KAN", "MultKAN", "KANLayer", "Symbolic_KANLayer", "LBFGS"),
}


def run(code: str) -> str:
    """Run `code` in an interpreter of its own, warnings being errors."""
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_star_gives_the_names_that_notebooks_rely_on() -> None:
    names = set(run("from kan import *; print(*globals())").split())
    assert RELIED_ON - names == set()
    assert {*API["kan"]} - names == set()


def test_star_names_are_what_they_are_elsewhere() -> None:
    run(
        "from kan import *\n"
        "import copy as c, numpy, torch as t, sympy as s, tqdm as q, matplotlib.pyplot\n"
        "assert copy is c and np is numpy and torch is t and nn is t.nn and sympy is s and nsimplify is s.nsimplify\n"
        "assert plt is matplotlib.pyplot and tqdm is q.tqdm"
    )


def test_star_does_not_replace_builtins() -> None:
    run("import builtins\nfrom kan import *\nassert not [n for n in globals() if n[0] != '_' and hasattr(builtins, n)]")


@pytest.mark.parametrize("name", ["KANLayer", "Symbolic_KANLayer", "MultKAN", "LBFGS"])
def test_a_class_stays_a_class_after_the_module_of_its_name_is_imported(name: str) -> None:
    run(
        f"import kan, kan.{name}, importlib, sys\n"
        f"assert isinstance(kan.{name}, type)\n"
        f"assert kan.{name} is sys.modules['kan.{name}'].{name}\n"
        f"importlib.import_module('kan.{name}')\n"
        f"from kan import *\n"
        f"assert isinstance({name}, type) and isinstance(kan.{name}, type)"
    )


def test_import_paths_of_pykan() -> None:
    run(
        "from kan import KAN\n"
        "from kan.MultKAN import MultKAN, KAN\n"
        "from kan.KANLayer import KANLayer\n"
        "from kan.Symbolic_KANLayer import Symbolic_KANLayer\n"
        "from kan.LBFGS import LBFGS\n"
        "from kan.MLP import MLP\n"
        "from kan.experiment import runner1, pareto_frontier\n"
        "from kan.spline import B_batch, coef2curve, curve2coef, extend_grid\n"
        "from kan.utils import create_dataset, create_dataset_from_data, ex_round, augment_input, SYMBOLIC_LIB\n"
        "from kan.utils import batch_jacobian, batch_hessian, add_symbolic, fit_params, sparse_mask\n"
        "from kan.compiler import kanpiler, expr2kan, sf2kan, next_nontrivial_operation\n"
        "from kan.feynman import get_feynman_dataset\n"
        "from kan.utils import get_derivative, model2param\n"
        "from kan.hypothesis import detect_separability, test_separability, test_general_separability, plot_tree\n"
        "from kan.hypothesis import test_symmetry, test_symmetry_var, get_dependence, get_molecule, get_tree_node\n"
        "for name in ('KANLayer', 'Symbolic_KANLayer', 'MultKAN', 'LBFGS', 'MLP', 'spline', 'utils', 'experiment',\n"
        "             'compiler', 'feynman'):\n"
        "    exec(f'from kan.{name} import *')\n"
        "from kan.hypothesis import *"
    )


@pytest.mark.parametrize(
    ("door", "names"),
    [
        ("KANLayer", "KANLayer torch nn np coef2curve curve2coef B_batch extend_grid sparse_mask"),
        ("MultKAN", "KAN MultKAN KANLayer Symbolic_KANLayer LBFGS torch nn np plt tqdm sympy copy os random yaml pd"),
        ("MultKAN", "SYMBOLIC_LIB curve2coef plot_tree latex symbols simplify"),
        ("Symbolic_KANLayer", "Symbolic_KANLayer SYMBOLIC_LIB add_symbolic fit_params ex_round torch nn np sympy yaml"),
        ("spline", "B_batch extend_grid torch"),
        ("utils", "SYMBOLIC_LIB create_dataset torch np sympy yaml re lambdify"),
        ("MLP", "MLP LBFGS torch nn np plt tqdm"),
        ("hypothesis", "detect_separability plot_tree batch_jacobian batch_hessian torch np plt sympy copy latex"),
        ("compiler", "kanpiler MultKAN torch np sympy Symbol sin"),
        ("feynman", "get_feynman_dataset torch symbols cos pi"),
        (
            "experiment",
            "runner1 pareto_frontier KAN MultKAN KANLayer LBFGS torch nn np plt tqdm sympy copy os yaml latex",
        ),
    ],
)
def test_star_imports_of_the_doors_give_what_scripts_go_on_with(door: str, names: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from kan.{door} import *", namespace)
    assert {*names.split()} - {*namespace} == set()


def test_one_object_has_one_identity_on_every_path() -> None:
    run(
        "import kan\n"
        "from kan.utils import create_dataset, SYMBOLIC_LIB\n"
        "from kan.MultKAN import KAN, MultKAN\n"
        "from kan.spline import curve2coef\n"
        "assert kan.create_dataset is create_dataset and kan.SYMBOLIC_LIB is SYMBOLIC_LIB\n"
        "from kan.hypothesis import plot_tree\n"
        "assert kan.plot_tree is plot_tree\n"
        "assert kan.KAN is KAN is MultKAN and kan.curve2coef is curve2coef"
    )


def test_pytest_does_not_take_names_of_pykan_for_tests(tmp_path: Path) -> None:
    own = tmp_path / "test_own.py"
    own.write_text(
        "from kan import *\nfrom kan.hypothesis import *\ndef test_own(): assert not test_symmetry.__test__\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(own)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


def test_an_unknown_name_is_an_attribute_error() -> None:
    import kan

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kan.nothing  # noqa: B018
