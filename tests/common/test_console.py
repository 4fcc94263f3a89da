"""The one place that prints."""

from __future__ import annotations

import pytest

from kan.common.console import progress_bar, say


def test_say_writes_a_line_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    say("saving model version 0.1")
    assert capsys.readouterr() == ("saving model version 0.1\n", "")


def test_a_hidden_bar_shows_nothing_and_hands_on_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress_bar(range(3), shown=False)) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_shown_bar_counts_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress_bar(range(3), shown=True, ncols=80)) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
