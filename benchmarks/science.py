"""The examples of the science toolbox: published figures, those of pykan 0.2.8 on this machine, and those of this tree.

    python benchmarks/science.py --pykan /path/to/venv-of-pykan/bin/python

Each example of ``_science_cases.py`` runs in a process and a directory of its own, here and, where an interpreter with
pykan 0.2.8 is named, there too. The exit code is 0 if everything that must hold holds: the scores are right, the inputs
kept are the right ones, the formulas are exact.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hello import PYKAN, find_pykan

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "_science_cases.py"
COLUMNS = ("example", "figure", "published", f"pykan {PYKAN}", "here")

Figures = dict[str, str]

# From the executed notebooks of pykan.
PUBLISHED: dict[str, Figures] = {
    "scores": {"feature scores": "0.8916, 0.5155, 0.1079, 0.0040"},
    "inputs": {"test RMSE": "5.46e-02", "kept inputs": "0, 1, 2, 3, 4, 64"},
    "product": {"splines, test RMSE": "1.66e-07", "formula, test RMSE": "1.28e-16", "formula": "x_1*x_2"},
    "mass": {"splines, test RMSE": "1.99e-05", "formula": "m0/sqrt(1 - v**2/c**2)"},
    "stress": {
        "splines, test RMSE": "5.88e-07",
        "formula, test RMSE": "6.78e-09",
        "formula": "0.42*F11*F21 + 0.42*F12*F22 + 0.42*F13*F23",
    },
}

REQUIRED: dict[str, Callable[[Figures], bool]] = {
    "scores": lambda found: float(found["largest error"]) < 0.02,
    "inputs": lambda found: found["kept inputs"] == "0, 1, 2, 3, 4",
    "product": lambda found: float(found["formula, test RMSE"]) < 1e-15,
    "mass": lambda found: found["formula"] == PUBLISHED["mass"]["formula"] and exact(found),
    "stress": lambda found: found["formula"] == PUBLISHED["stress"]["formula"] and exact(found),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("PYKAN_PYTHON")
    parser.add_argument("--pykan", metavar="PYTHON", default=default, help=f"python with pykan {PYKAN} ($PYKAN_PYTHON)")
    parser.add_argument("--cases", nargs="+", choices=PUBLISHED, default=list(PUBLISHED), help="which examples (all)")
    arguments = parser.parse_args()
    pykan = find_pykan(arguments.pykan)
    rows, failed = [], []
    for case in arguments.cases:
        here = run(sys.executable, case, source=HERE.parent)
        there = run(pykan, case) if pykan is not None else {}
        if not REQUIRED[case](here):
            failed.append(case)
        for name, figure in here.items():
            rows.append((case, name, PUBLISHED[case].get(name, ""), there.get(name, ""), figure))
            print(" | ".join(rows[-1]), flush=True)
    print("\n" + "\n".join(table(rows)))
    print(f"\nnot reached: {', '.join(failed)}" if failed else "\nall reached")
    return 1 if failed else 0


def run(python: str, case: str, *, source: Path | None = None) -> Figures:
    """Run an example in a process and a directory of its own, and return what it measured."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    environment.pop("PYTHONPATH", None)
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    command = [python, str(PROGRAM), case]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"{python} failed at {case!r}:\n{done.stderr[-2000:]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def exact(found: Figures) -> bool:
    """Tell whether the formula equals the data to rounding."""
    return float(found["formula, test RMSE"]) < 1e-12


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """Lay out the figures as a Markdown table, each example named once."""
    named = [(case if first else "", *rest) for first, (case, *rest) in zip(firsts(rows), rows)]
    widths = [max(len(cell) for cell in column) for column in zip(COLUMNS, *named)]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths))} |" for row in (COLUMNS, *named)]
    return [lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]]


def firsts(rows: list[tuple[str, ...]]) -> list[bool]:
    """Tell which rows begin an example."""
    return [not index or rows[index - 1][0] != row[0] for index, row in enumerate(rows)]


if __name__ == "__main__":
    raise SystemExit(main())
