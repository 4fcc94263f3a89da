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

from _science_published import PUBLISHED, Figures
from hello import PYKAN, find_pykan

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "_science_cases.py"
SECONDS, FAILURE = "seconds of CPU", "failure"
COLUMNS = ("example", "figure", "published", f"pykan {PYKAN}", "here")

# What pykan 0.2.8 cannot run: arguments that only its notebooks have, and Levenberg-Marquardt.
HERE_ONLY = ("lagrangian", "oscillator", "invariants", "law_and_determinant", "law_and_products")


def published(case: str, found: Figures) -> bool:
    """Tell whether the formula is the published one."""
    return found["formula"] == PUBLISHED[case]["formula"] and exact(found)


def exact(found: Figures) -> bool:
    """Tell whether the formula equals the data to rounding."""
    return float(found["formula, test RMSE"]) < 1e-12


REQUIRED: dict[str, Callable[[Figures], bool]] = {
    "scores": lambda found: float(found["largest error"]) < 0.02,
    "inputs": lambda found: found["kept inputs"] == "0, 1, 2, 3, 4",
    "product": lambda found: float(found["formula, test RMSE"]) < 1e-15,
    "mass": lambda found: published("mass", found),
    "majority": lambda found: found["right on test data"] == "100.0%",
    "straight": lambda found: float(found["LM, 8 starts, test RMSE, largest of 8 seeds"]) < 3.84e-4,
    "lagrangian": lambda found: "sqrt(1 - v**2)" in found["formula"],
    "invariants": lambda found: float(found["loss, formula, worst of three starts"]) < 1e-20,
    "relation": lambda found: found["inputs that are related"] in ("x4, x5", "x1, x3", "x2, x3"),
    "oscillator": lambda found: abs(float(found["ratio of the squares"]) - 1) < 1e-3,
    "law_and_determinant": exact,
    "stress": lambda found: published("stress", found),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("PYKAN_PYTHON")
    parser.add_argument("--pykan", metavar="PYTHON", default=default, help=f"python with pykan {PYKAN} ($PYKAN_PYTHON)")
    parser.add_argument("--cases", nargs="+", choices=PUBLISHED, default=list(PUBLISHED), help="which examples (all)")
    parser.add_argument("--limit", metavar="SECONDS", type=float, default=300, help="for an example in pykan (300)")
    parser.add_argument("--output", metavar="FILE", type=Path, help="also write the table into this file")
    arguments = parser.parse_args()
    pykan = find_pykan(arguments.pykan)
    rows, failed, above = [], [], []
    for number, case in enumerate(arguments.cases, start=1):
        print(f"{number}/{len(arguments.cases)} {case}", end="", flush=True)
        here = run(sys.executable, case, source=HERE.parent)
        there = run(pykan, case, limit=arguments.limit) if pykan is not None and case not in HERE_ONLY else {}
        print(f": {here[SECONDS]} s" + (f", pykan {there.get(SECONDS, there.get(FAILURE))}" if there else ""))
        if case in REQUIRED and not REQUIRED[case](here):
            failed.append(case)
        above += [f"{case} ({name})" for name in here if exceeds(name, here[name], PUBLISHED[case].get(name, ""))]
        for name, figure in here.items():
            rows.append((case, name, PUBLISHED[case].get(name, ""), there.get(name, there.get(FAILURE, "")), figure))
        if arguments.output is not None:
            arguments.output.write_text("\n".join(table(rows)) + "\n", encoding="utf-8")
    print("\n" + "\n".join(table(rows)))
    print(f"\nabove the published figure: {', '.join(above) or 'none'}")
    print(f"not reached: {', '.join(failed)}" if failed else "all that must hold holds")
    return 1 if failed else 0


def run(python: str, case: str, *, source: Path | None = None, limit: float | None = None) -> Figures:
    """Run an example in a process and a directory of its own, and return what it measured.

    Of an example that fails, or takes longer than `limit` seconds, it returns the reason; without a limit, it exits.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    environment.pop("PYTHONPATH", None)
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    command = [python, str(PROGRAM), case]
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=limit
            )
    except subprocess.TimeoutExpired:
        return {FAILURE: f"over {limit:.0f} s"}
    except subprocess.CalledProcessError as failure:
        if limit is None:
            sys.exit(f"{python} failed at {case!r}:\n{failure.stderr[-2000:]}")
        return {FAILURE: failure.stderr.strip().splitlines()[-1].split(":")[0]}
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def exceeds(name: str, ours: str, published: str) -> bool:
    """Tell whether an error is larger than the published one, or r2 smaller."""
    try:
        difference = float(ours) - float(published)
    except ValueError:
        return False
    return difference < 0 if "r2" in name else difference > 0


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
