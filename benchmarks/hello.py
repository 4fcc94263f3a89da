"""Times each stage of the hello example here and in pykan 0.2.8, side by side.

    python benchmarks/hello.py --pykan /path/to/venv-of-pykan/bin/python

Both run the same text, ``_hello_stages.py``, each time in a process and a directory of its own, in turns (here, pykan,
here, pykan, ...), so that a machine that slows down slows both. A ratio is taken within each pair of runs, and the
median over the pairs is shown. Without an interpreter that has pykan 0.2.8 only this library is timed.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "_hello_stages.py"
PYKAN = "0.2.8"

IMPORTS = ("import torch", "import kan", "import matplotlib, sympy")
STAGES = (
    "create",
    "fit with penalties",
    "plot",
    "prune, fit",
    "refine, fit",
    "auto_symbolic",
    "symbolic fit",
    "formula",
)
TOTAL = "end to end"
COLUMNS = ("stage", "here (s)", "pykan (s)", "ratio", "test RMSE here", "test RMSE pykan")

Run = dict[str, Any]


def main() -> int:
    arguments = read_arguments()
    python = find_pykan(arguments.pykan)
    ours: list[Run] = []
    theirs: list[Run] = []
    compileall.compile_dir(HERE.parent / "kan", quiet=1)  # as installing does
    for turn in range(1, arguments.runs + 1):
        ours.append(time_once(sys.executable, threads=arguments.threads, source=HERE.parent))
        report_turn(turn, "here ", ours[-1])
        if python is not None:
            theirs.append(time_once(python, threads=arguments.threads))
            report_turn(turn, "pykan", theirs[-1])
    text = "\n".join([*describe(ours, theirs, threads=arguments.threads), "", *table(ours, theirs)])
    print(f"\n{text}")
    if arguments.output is not None:
        save(arguments.output, text, {"here": ours, "pykan": theirs, "threads": arguments.threads})
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("PYKAN_PYTHON")
    parser.add_argument("--pykan", metavar="PYTHON", default=default, help=f"python with pykan {PYKAN} ($PYKAN_PYTHON)")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs (3)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (1)")
    parser.add_argument("--output", type=Path, help="also write the result here: .json with every run, or .md")
    arguments = parser.parse_args()
    if arguments.runs < 1 or arguments.threads < 1:
        parser.error("--runs and --threads must be at least 1")
    if arguments.output is not None and arguments.output.suffix not in (".json", ".md"):
        parser.error("--output must end in .json or .md")
    return arguments


def find_pykan(python: str | None) -> str | None:
    """Return the interpreter if it has pykan 0.2.8, and say so if there is none."""
    if python is None:
        print(f"NO COMPARISON: no python with pykan {PYKAN} given (--pykan or $PYKAN_PYTHON); see README.md here.\n")
        return None
    question = "import importlib.metadata as m; print(m.version('pykan'))"
    with tempfile.TemporaryDirectory() as folder:
        answer = subprocess.run([python, "-I", "-c", question], capture_output=True, text=True, cwd=folder, check=False)
    if answer.stdout.strip() != PYKAN:
        sys.exit(f"{python} must have pykan {PYKAN}; it has {answer.stdout.strip() or 'none'}.")
    return python


def time_once(python: str, *, threads: int, source: Path | None = None) -> Run:
    """Run the program in a process and a directory of its own, and return what it measured."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MPLBACKEND": "agg"}
    # Compiling a source file is no part of a stage: an installed package, as pykan is here, is compiled already.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.pop("PYTHONPATH", None)
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, str(PROGRAM), str(threads)],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
            check=False,
        )
    if done.returncode != 0:
        sys.exit(f"{python} failed:\n{done.stderr[-2000:]}")
    run: Run = json.loads(done.stdout.splitlines()[-1])
    run["seconds"][TOTAL] = sum(run["seconds"][stage] for stage in STAGES)
    return run


def report_turn(turn: int, who: str, run: Run) -> None:
    print(f"run {turn}, {who}: {run['seconds'][TOTAL]:6.2f} s   {run['formula']}", flush=True)


def describe(ours: list[Run], theirs: list[Run], *, threads: int) -> list[str]:
    """Say what was measured, on what."""
    versions = ours[0]["versions"]
    lines = [
        f"Medians of {len(ours)} run(s) each, in turns, {threads} thread(s); float64, [2, 5, 1], 50 LBFGS steps a fit.",
        f"Machine: {processor()}, {os.cpu_count()} CPUs; here Python {versions['python']}, torch {versions['torch']}",
    ]
    if theirs:
        versions = theirs[0]["versions"]
        lines[-1] += f"; pykan {PYKAN} Python {versions['python']}, torch {versions['torch']}"
    lines[-1] += "."
    return lines


def processor() -> str:
    """Return the processor's name as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def table(ours: list[Run], theirs: list[Run]) -> list[str]:
    """Lay out the medians as a Markdown table."""
    rows = [row(name, ours, theirs) for name in (*STAGES, TOTAL, *IMPORTS)]
    widths = [max(len(cell) for cell in column) for column in zip(COLUMNS, *rows)]

    def line(cells: tuple[str, ...]) -> str:
        aligned = [cells[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:]))]
        return f"| {' | '.join(aligned)} |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if n else "-") for n, width in enumerate(widths)) + "|"
    return [line(COLUMNS), rule, *(line(cells) for cells in rows)]


def row(name: str, ours: list[Run], theirs: list[Run]) -> tuple[str, ...]:
    """Return the cells of one stage: seconds, ratio, test RMSE at its end."""
    here = [run["seconds"][name] for run in ours]
    there = [run["seconds"][name] for run in theirs]
    ratio = ""
    if there and name not in IMPORTS:
        ratio = f"{median(slow / fast for slow, fast in zip(there, here)):.1f}"
    return (name, middle(here), middle(there), ratio, reached(name, ours), reached(name, theirs))


def middle(values: list[float]) -> str:
    return f"{median(values):.3f}" if values else ""


def reached(name: str, runs: list[Run]) -> str:
    values = [run["rmse"][name] for run in runs if name in run["rmse"]]
    return f"{median(values):.2e}" if values else ""


def save(path: Path, text: str, result: dict[str, Any]) -> None:
    path.write_text(json.dumps(result, indent=1) + "\n" if path.suffix == ".json" else text + "\n", encoding="utf-8")
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    raise SystemExit(main())
