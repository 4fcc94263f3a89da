"""Every function and method of pykan 0.2.8 that exists here takes the same arguments.

`pykan_api.json` lists pykan's public names, their parameters in order, and the defaults.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kan import SYMBOLIC_LIB

API: dict[str, Any] = json.loads((Path(__file__).parent / "pykan_api.json").read_text(encoding="utf-8"))
REQUIRED = "<required>"

# Methods that are those of nn.Module, which take more than pykan's.
OF_THE_MODULE = {"to"}

# Defaults that differ on purpose, by method (or class and method) and parameter.
OTHER_DEFAULTS: dict[tuple[str, str], Any] = {
    ("__init__", "base_fun"): "silu",  # a name, which a checkpoint can hold; pykan's layer has a module here
    ("__init__", "ckpt_path"): None,  # nothing is written unless asked for
    ("plot", "folder"): None,
    ("refine", "new_grid"): None,  # `grid` is another name for it
    ("fit", "lr"): None,  # each optimiser has its own
    ("reg", "reg_metric"): "edge_forward_spline_n",  # those of `fit`; pykan has none
    ("reg", "lamb_l1"): 1.0,
    ("reg", "lamb_entropy"): 2.0,
    ("reg", "lamb_coef"): 0.0,
    ("reg", "lamb_coefdiff"): 0.0,
    ("get_reg", "reg_metric"): "edge_forward_spline_n",
    ("get_reg", "lamb_l1"): 1.0,
    ("get_reg", "lamb_entropy"): 2.0,
    ("get_reg", "lamb_coef"): 0.0,
    ("get_reg", "lamb_coefdiff"): 0.0,
    ("MLP.reg", "reg_metric"): "w",
    ("MLP.get_reg", "reg_metric"): "w",
    ("suggest_symbolic", "r2_loss_fun"): None,  # the documented functions
    ("suggest_symbolic", "c_loss_fun"): None,
}

Entry = tuple[str, Any]


def entries() -> Iterator[Entry]:
    """Yield the full name of every function, method and property of pykan, and its parameters."""
    for module, names in API.items():
        for name, content in names.items():
            if "methods" in content:
                yield f"{module}.{name}", "class"
                for method, parameters in content["methods"].items():
                    yield f"{module}.{name}.{method}", parameters
            else:
                yield f"{module}.{name}", content


def find(name: str) -> Any:
    """Return what a full name stands for, or raise ImportError or AttributeError."""
    module = next(entry for entry in sorted(API, key=len, reverse=True) if name.startswith(f"{entry}."))
    found: Any = importlib.import_module(module)
    for part in name[len(module) + 1 :].split("."):
        found = inspect.getattr_static(found, part) if inspect.isclass(found) else getattr(found, part)
    return found


HERE = list(entries())
WITH_PARAMETERS = [
    (name, parameters)
    for name, parameters in HERE
    if isinstance(parameters, list) and name.rsplit(".", 1)[-1] not in {"SYMBOLIC_LIB", *OF_THE_MODULE}
]


def function(name: str) -> Any:
    found = find(name)
    return found.__func__ if isinstance(found, (classmethod, staticmethod)) else found


def parameters_of(name: str) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(function(name)).parameters.values())
    return parameters[1:] if parameters and parameters[0].name in ("self", "cls") else parameters


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", [name for name, _ in HERE])
def test_it_is_there(name: str) -> None:
    assert find(name) is not None


@pytest.mark.parametrize(("name", "parameters"), WITH_PARAMETERS, ids=[name for name, _ in WITH_PARAMETERS])
def test_parameters_keep_names_and_order(name: str, parameters: list[Any]) -> None:
    ours = parameters_of(name)
    assert [entry.name for entry in ours[: len(parameters)]] == [entry for entry, _ in parameters]
    assert all(entry.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for entry in ours[: len(parameters)])


@pytest.mark.parametrize(("name", "parameters"), WITH_PARAMETERS, ids=[name for name, _ in WITH_PARAMETERS])
def test_new_parameters_are_optional_and_by_keyword(name: str, parameters: list[Any]) -> None:
    for added in parameters_of(name)[len(parameters) :]:
        assert added.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD), added
        assert added.kind is inspect.Parameter.VAR_KEYWORD or added.default is not added.empty, added


@pytest.mark.parametrize(("name", "parameters"), WITH_PARAMETERS, ids=[name for name, _ in WITH_PARAMETERS])
def test_defaults_are_those_of_pykan(name: str, parameters: list[Any]) -> None:
    for ours, (parameter, default) in zip(parameters_of(name), parameters):
        value = REQUIRED if ours.default is ours.empty else plain(ours.default)
        of_class, of_method = ".".join(name.split(".")[-2:]), name.rsplit(".", maxsplit=1)[-1]
        expected = OTHER_DEFAULTS.get((of_class, parameter), OTHER_DEFAULTS.get((of_method, parameter), default))
        assert value == expected, parameter


# Constructors are documented by their classes, and the guards of singularities by the first of them.
EXPLAINED = [name for name, _ in WITH_PARAMETERS if "__init__" not in name and not name.startswith("kan.utils.f_")]


@pytest.mark.parametrize("name", EXPLAINED)
def test_help_explains_every_parameter_and_shows_an_example(name: str) -> None:
    text = inspect.getdoc(function(name)) or ""
    _, _, explained = text.partition("Parameters\n----------\n")
    lacking = [each.name for each in parameters_of(name) if not re.search(rf"\b{each.name}\b", explained)]
    assert lacking == []
    assert ">>> " in text


def test_the_library_has_the_functions_of_pykan_in_their_order_and_with_their_complexity() -> None:
    expected = API["kan.utils"]["SYMBOLIC_LIB"]
    ours = {name: entry[2] for name, entry in SYMBOLIC_LIB.items() if name in expected}
    assert list(ours.items()) == list(expected.items())
