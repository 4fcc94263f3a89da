from __future__ import annotations

import pytest
import sympy

from kan.common.errors import ArgumentError
from kan.plotting.labels import Ruler, check_names, fit_row, label_text


def test_strings_are_used_as_they_are():
    assert label_text("$x_1$ in m") == "$x_1$ in m"
    assert label_text("price ($)") == "price ($)"


def test_expressions_are_written_in_latex():
    assert label_text(sympy.Symbol("x_1") ** 2) == "$x_{1}^{2}$"


@pytest.mark.parametrize("name", ["$\\frac{x$", "1 $ and 2 $^$", "$\\nosuchcommand$"])
def test_text_that_is_no_mathematics_is_written_plainly(name):
    assert label_text(name).replace(r"\$", "$") == name
    Ruler().measure(label_text(name), size=10)


def test_latex_that_matplotlib_lacks_is_written_as_str():
    x = sympy.Symbol("x")
    expression = sympy.Piecewise((x, x > 0), (0, True))
    assert label_text(expression) == str(expression)


def test_anything_else_is_written_as_str():
    assert label_text(3) == "3"


def _fit(names, *, slot, widest=18.0):
    return fit_row(names, slot=slot, size=16.0, widest=widest, ruler=Ruler())


def test_short_names_keep_their_size():
    row = _fit(["x", "y"], slot=1.0)
    assert (row.size, row.turned) == (16.0, False)
    assert row.slot <= 1.0


def test_empty_names_take_no_room():
    row = _fit(["", ""], slot=1.0)
    assert (row.size, row.turned) == (16.0, False)
    assert _fit([""], slot=1.0).slot == 0


def test_long_names_shrink_until_they_fit():
    row = _fit(["temperature", "y"], slot=1.0)
    assert 0.6 * 16 <= row.size < 16.0
    assert row.slot == pytest.approx(1.0)


def test_longer_names_are_turned():
    row = _fit(["temperature of air", "y"], slot=0.5)
    assert row.turned
    assert row.slot <= 0.5


def test_names_too_long_to_turn_get_more_room():
    row = _fit(["the temperature of the air at noon on the roof of the house", "y"], slot=0.5)
    assert not row.turned
    assert row.slot > 0.5


def test_a_name_never_takes_more_than_the_widest_room():
    row = _fit(["w" * 1000], slot=2.0, widest=18.0)
    assert row.slot <= 18.0 + 1e-9


def test_lines_of_a_name_are_measured_together():
    one, two = Ruler().measure("ab", size=10), Ruler().measure("ab\nab", size=10)
    assert two[0] == pytest.approx(one[0], rel=0.05)
    assert two[1] + two[2] > 1.8 * (one[1] + one[2])


def test_the_number_of_names_is_checked():
    check_names("in_vars", None, 3)
    with pytest.raises(ArgumentError, match=r"`in_vars` must hold 3 names.*got 2"):
        check_names("in_vars", ["a", "b"], 3)
