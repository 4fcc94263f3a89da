"""The code in README.md runs as it stands and prints what README.md says, and README.zh.md says the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")


def test_the_first_code_block_is_the_set_up() -> None:
    block = README.split("```", 2)[1]
    assert [line.split("#")[0].split() for line in block.splitlines()[1:]] == [["make", "demo"], ["make", "test"]]


def test_the_example_prints_what_it_says() -> None:
    code, after = README.split("```python\n", 1)[1].split("```\n", 1)
    said = "\n".join(line for line in after.splitlines() if line.startswith("    "))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    # The digits that follow are rounding, and differ between machines.
    printed, said = ([line.strip().split(", r2")[0] for line in text.splitlines()[:4]] for text in (done.stdout, said))
    assert printed == said
    assert printed[3] == "formula: exp(x_2**2 + sin(pi*x_1))"


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    missing = [link for link in links if not link.startswith("http") and not (ROOT / link).exists()]
    assert missing == []


def code_blocks(text: str) -> list[str]:
    """Return the blocks between fences, without comments, and those that are indented."""
    fenced = [
        re.sub(r"\s*#.*", "", block) for block in re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]
    return fenced + re.findall(r"(?:^    \S.*\n(?:    .*\n)*)", text, re.MULTILINE)


def shape_of_tables(text: str) -> list[int]:
    """Return the number of cells of every row."""
    return [line.count("|") for line in text.splitlines() if line.startswith("|")]


@pytest.mark.parametrize(
    "part",
    [
        code_blocks,
        shape_of_tables,
        lambda text: re.findall(r"\]\(([^)]+)\)", text)[1:],  # the first leads to the other language
        lambda text: [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)],
        lambda text: sorted(re.findall(r"\d+(?:[.,]\d+)*(?:e-\d+)?", text)),
        lambda text: sorted(re.findall(r"`[^`\n]+`", text)),
    ],
    ids=["code", "tables", "links", "headings", "figures", "names"],
)
def test_the_chinese_translation_keeps_in_step(part: Callable[[str], list[Any]]) -> None:
    assert part(CHINESE) == part(README)
