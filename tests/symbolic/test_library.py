from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import sympy
import torch

from kan.common.errors import ArgumentError
from kan.symbolic import library as library_module
from kan.symbolic.library import SYMBOLIC_LIB, SymbolicFunction, add_symbolic, check_function, lookup

# pykan 0.2.8's names, order and complexities.
PYKAN = {
    "x": 1, "x^2": 2, "x^3": 3, "x^4": 3, "x^5": 3, "1/x": 2, "1/x^2": 2, "1/x^3": 3, "1/x^4": 4, "1/x^5": 5,
    "sqrt": 2, "x^0.5": 2, "x^1.5": 4, "1/sqrt(x)": 2, "1/x^0.5": 2, "exp": 2, "log": 2, "abs": 3, "sin": 2, "cos": 2,
    "tan": 3, "tanh": 3, "sgn": 3, "arcsin": 4, "arccos": 4, "arctan": 4, "arctanh": 4, "0": 0, "gaussian": 3,
}  # fmt: skip


@pytest.fixture
def library():
    """Give the table, and put it back as it was."""
    before = dict(SYMBOLIC_LIB)
    yield SYMBOLIC_LIB
    SYMBOLIC_LIB.clear()
    SYMBOLIC_LIB.update(before)


def test_names_order_and_complexities_are_those_of_pykan():
    assert [(name, entry.complexity) for name, entry in SYMBOLIC_LIB.items()] == list(PYKAN.items())


def test_entries_unpack_and_index_like_tuples_of_four():
    torch_fun, sympy_fun, complexity, guarded_fun = SYMBOLIC_LIB["exp"]
    assert SYMBOLIC_LIB["exp"][0] is torch_fun
    assert SYMBOLIC_LIB["exp"][1] is sympy_fun
    assert SYMBOLIC_LIB["exp"][2] == complexity == 2
    assert SYMBOLIC_LIB["exp"][3] is guarded_fun
    assert isinstance(SYMBOLIC_LIB["exp"], tuple)


@pytest.mark.parametrize("name", PYKAN)
def test_torch_sympy_and_guarded_sides_are_one_function(name):
    entry = SYMBOLIC_LIB[name]
    symbol = sympy.Symbol("x")
    formula = sympy.sympify(entry.sympy_fun(symbol))
    points = torch.tensor([0.31, 0.57, 0.83], dtype=torch.float64)
    expected = torch.tensor([float(formula.subs(symbol, point)) for point in points.tolist()], dtype=torch.float64)
    torch.testing.assert_close(entry.torch_fun(points), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(entry.guarded_fun(points, 1000.0)[1], expected, rtol=1e-12, atol=1e-12)


def test_table_can_be_pickled_and_copied():
    x = torch.tensor([0.5])
    for table in (pickle.loads(pickle.dumps(SYMBOLIC_LIB)), copy.deepcopy(SYMBOLIC_LIB)):
        assert list(table) == list(SYMBOLIC_LIB)
        assert all(torch.equal(table[name].torch_fun(x), SYMBOLIC_LIB[name].torch_fun(x)) for name in table)


def test_importing_the_package_does_not_import_sympy():
    modules = "kan.symbolic.library, kan.symbolic.rounding"
    # Some versions of torch import sympy themselves.
    before, after = (
        "import sys, torch; before = 'sympy' in sys.modules",
        "sys.exit(not before and 'sympy' in sys.modules)",
    )
    code = f"{before}; import {modules}; {after}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(library_module.__file__).parents[2])


def test_added_function_has_a_name_in_formulas_and_works_with_singularities_avoided(library):
    add_symbolic("J0", torch.special.bessel_j0, c=3)
    entry = lookup("J0")
    assert entry.complexity == 3
    assert entry.sympy_fun(sympy.Symbol("t")) == sympy.Function("J0")(sympy.Symbol("t"))
    x = torch.tensor([0.0, 2.0])
    assert torch.equal(entry.guarded_fun(x, 10.0)[1], torch.special.bessel_j0(x))


def test_added_function_keeps_the_guard_it_came_with(library):
    add_symbolic("1/(1-x)", lambda x: 1 / (1 - x), fun_singularity=lambda x, y_th: ((), torch.full_like(x, y_th)))
    assert lookup("1/(1-x)").guarded_fun(torch.ones(1), 7.0)[1].item() == 7.0


def test_bare_tuple_written_into_the_table_is_taken(library):
    library["cosh"] = (torch.cosh, sympy.cosh, 5, lambda x, y_th: ((), torch.cosh(x)))
    assert isinstance(lookup("cosh"), SymbolicFunction)


@pytest.mark.parametrize("name", ["", " x", "a'b", 'a"b', "a\nb", "a\\b", 3, None])
def test_names_that_cannot_be_used_are_refused(library, name):
    with pytest.raises(ArgumentError, match="name"):
        add_symbolic(name, torch.sin)
    assert list(SYMBOLIC_LIB) == list(PYKAN)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"fun": 3}, "fun"),
        ({"fun": torch.sin, "c": -1}, "`c`"),
        ({"fun": torch.sin, "c": math.nan}, "`c`"),
        ({"fun": torch.sin, "c": "1"}, "`c`"),
        ({"fun": torch.sin, "fun_singularity": 1}, "fun_singularity"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(library, arguments, word):
    with pytest.raises(ArgumentError, match=word):
        add_symbolic("f", **arguments)


def test_unknown_name_is_answered_with_the_choices_closest_first():
    with pytest.raises(ArgumentError, match=r"'sine'; the library has 'sin', .*'gaussian'"):
        lookup("sine")


def test_unhashable_name_is_refused_as_well():
    with pytest.raises(ArgumentError, match="no symbolic function"):
        lookup(["sin"])


def test_functions_are_tried_where_there_are_numbers():
    with torch.device("meta"), pytest.raises(ArgumentError, match="elementwise"):
        check_function(lambda x: x.numpy())
