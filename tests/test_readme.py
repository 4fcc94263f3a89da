"""The code in README.md runs as it stands, and prints what README.md says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
