"""Times forward and backward passes here and in other libraries, in turns, shape by shape.

    python benchmarks/layers.py --pykan /path/to/venv-of-pykan/bin/python \
        --efficient-kan /path/to/efficient-kan/src --fastkan /path/to/fast-kan

Peers are pykan 0.2.8 (by default and in its `speed()` mode), efficient-kan, FastKAN with 8 grids, MLPs of the same
width and of the same number of parameters, and the floor: the bare matrix products that our formulation needs. Those
whose place is not given are left out, visibly. Two processes, one with pykan and one with all others, work in turns;
the times shown are medians over all calls of a round, and over the rounds; a ratio is taken within each round.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from hello import find_pykan, processor

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "_layers_worker.py"

PYKAN = ("pykan", "pykan speed")
SLOW = 2.0  # seconds of a call beyond which it is not repeated
PLAIN = ("MLP, same width", "MLP, same size", "floor")
TITLES = {
    "forward": "Forward",
    "training": "Forward and backward of the mean square error",
    "fit": "The same, as `fit` evaluates it",
    "penalties": "The same with the penalties",
}
FEW = {"fit": ("here",), "penalties": ("here", "pykan")}  # those that take part


class Shape(NamedTuple):
    width: list[int]
    samples: int
    grid: int = 5

    def __str__(self) -> str:
        grid = "" if self.grid == 5 else f", G={self.grid}"
        return f"{self.width}, N={self.samples}{grid}".replace(", ", ",").replace(",N", ", N").replace(",G", ", G")


SHAPES = (
    Shape([2, 5, 1], 1000),
    Shape([4, 16, 16, 1], 1000),
    Shape([784, 64, 10], 256),
    Shape([256, 256], 1024),
    Shape([1000, 1000, 1], 100),
    *(Shape([10, 10], 4096, grid) for grid in (5, 20, 50, 200)),
)

Results = dict[str, dict[str, list[dict[str, float]]]]


class Worker:
    """A process that builds and times contestants."""

    def __init__(self, python: str, *, threads: int, paths: list[str]) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MPLBACKEND": "agg"}
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [python, str(PROGRAM), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.folder.name,
            env=environment,
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended with {self.process.wait()}.")  # type: ignore[index]
        answer: dict[str, Any] = json.loads(line)
        return answer

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


def main() -> int:
    arguments = read_arguments()
    workers = start_workers(arguments)
    result: dict[str, Any] = {"machine": describe(arguments, workers), "times": {}, "memory": {}}
    print(result["machine"], "\n")
    for shape in SHAPES:
        if arguments.shapes is None or any(text in str(shape) for text in arguments.shapes):
            measure(shape, workers, arguments, result)
    for worker in {id(worker): worker for worker in workers.values()}.values():
        worker.leave()
    for title, rows in tables(result, arguments.statistic):
        print(f"\n{title}\n\n" + "\n".join(layout(rows)))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten: {arguments.output}")
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    place = os.environ.get
    parser.add_argument("--pykan", metavar="PYTHON", default=place("PYKAN_PYTHON"), help="its python ($PYKAN_PYTHON)")
    parser.add_argument(
        "--efficient-kan", metavar="FOLDER", default=place("EFFICIENT_KAN"), help="what holds efficient_kan/"
    )
    parser.add_argument("--fastkan", metavar="FOLDER", default=place("FASTKAN"), help="what holds fastkan/ ($FASTKAN)")
    parser.add_argument("--shapes", nargs="+", metavar="TEXT", help="only shapes whose name has one of these in it")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these contestants besides this library")
    parser.add_argument("--what", nargs="+", choices=TITLES, default=list(TITLES), help="what to time (all)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--knots", choices=("uniform", "adaptive"), default="uniform")
    parser.add_argument("--compile", action="store_true", help="also time this library under torch.compile")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu, or cuda (cpu)")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (2)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (5)")
    parser.add_argument("--seconds", type=float, default=0.3, help="time for each contestant in each round (0.3)")
    parser.add_argument(
        "--clock",
        choices=("wall", "processor"),
        default="wall",
        help="processor: for a machine in use (wall)",
    )
    parser.add_argument("--statistic", choices=("median", "min"), default="median", help="of the calls of a round")
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write all figures here")
    return parser.parse_args()


def start_workers(arguments: argparse.Namespace) -> dict[str, Worker]:
    """Return the process of every contestant that there is."""
    places = {"efficient-kan": arguments.efficient_kan, "FastKAN": arguments.fastkan}
    for name, place in places.items():
        if place is None:
            print(f"LEFT OUT: {name}; its place is not given. See README.md here.")
        elif not Path(place).is_dir():
            sys.exit(f"{place} is no folder.")
    paths = [str(HERE.parent), *(str(Path(place).resolve()) for place in places.values() if place is not None)]
    ours = Worker(sys.executable, threads=arguments.threads, paths=paths)
    workers = {"here": ours}
    if arguments.compile:
        workers["here compiled"] = ours
    python = find_pykan(arguments.pykan)
    if python is not None:
        workers.update(dict.fromkeys(PYKAN, Worker(python, threads=arguments.threads, paths=[])))
    workers.update({name: ours for name, place in places.items() if place is not None})
    workers.update(dict.fromkeys(PLAIN, ours))
    chosen = arguments.only
    return {name: worker for name, worker in workers.items() if chosen is None or name in ("here", *chosen)}


def describe(arguments: argparse.Namespace, workers: dict[str, Worker]) -> str:
    versions = workers["here"].ask("versions", device=arguments.device)
    gpu = f"{versions['gpu']}, " if versions["gpu"] else ""
    return (
        f"{arguments.dtype}, {arguments.knots} knots, k=3, {arguments.threads} thread(s), {arguments.rounds} rounds, "
        f"{arguments.clock} time; "
        f"{gpu}{processor()}, Python {versions['python']}, torch {versions['torch']}."
    )


def measure(shape: Shape, workers: dict[str, Worker], arguments: argparse.Namespace, result: dict[str, Any]) -> None:
    """Measure all contestants at one shape, in turns."""
    names = []
    for name, worker in workers.items():
        options = {name: getattr(arguments, name) for name in ("dtype", "knots", "device")}
        options.update(shape._asdict())
        answer = worker.ask("start", name=name, **options)
        if "failed" in answer:
            print(f"{shape}: {name} left out: {answer['failed']}")
        else:
            names.append(name)
    for what in arguments.what:
        entrants = [name for name in names if name in FEW.get(what, names)]
        result["times"].setdefault(what, {})[str(shape)] = in_turns(shape, what, entrants, workers, arguments)
    kept = {name: workers[name].ask("memory", name=name) for name in names if name not in ("floor", "here compiled")}
    result["memory"][str(shape)] = {name: answer for name, answer in kept.items() if "failed" not in answer}
    for worker in workers.values():
        worker.ask("clear")
    print(f"{shape}: done", flush=True)


def in_turns(
    shape: Shape, what: str, names: list[str], workers: dict[str, Worker], arguments: argparse.Namespace
) -> dict[str, list[dict[str, float]]]:
    """Time contestants round by round; before the first, a round to warm up."""
    times: dict[str, list[dict[str, float]]] = {}
    for name in names:
        answer = workers[name].ask("time", name=name, what=what, seconds=0, clock=arguments.clock)
        if "failed" in answer:
            print(f"{shape}: {what} of {name} left out: {answer['failed']}")
        else:
            times[name] = [answer]
    slow = {name for name, (answer,) in times.items() if answer["min"] > SLOW}
    for turn in range(arguments.rounds):
        for name in (name for name in times if name not in slow):
            answer = workers[name].ask("time", name=name, what=what, seconds=arguments.seconds, clock=arguments.clock)
            times[name] = [*times[name], answer] if turn else [answer]
    return times


def tables(result: dict[str, Any], statistic: str) -> list[tuple[str, list[list[str]]]]:
    """Return the tables: first row the heads, first column the shapes."""
    found = [(TITLES[what], time_rows(times, statistic)) for what, times in result["times"].items()]
    if {"fit", "penalties"} <= set(result["times"]):
        found.append(("Cost of the penalties here", penalty_rows(result["times"], statistic)))
    for what, title in (("kept", "Memory kept between forward and backward"), ("peak", "Most memory at once")):
        found.append((title, memory_rows(result["memory"], what)))
    return found


def time_rows(times: Results, statistic: str) -> list[list[str]]:
    """Milliseconds here, and how many times longer others take."""
    names = names_in(times)
    rows = [["shape", "here (ms)", *(f"{name} / here" for name in names if name != "here")]]
    for shape, found in times.items():
        here = [entry[statistic] for entry in found["here"]]
        row = [shape, f"{1000 * median(here):.3f}"]
        for name in names[1:]:
            ratios = [entry[statistic] / ours for entry, ours in zip(found.get(name, []), here)]
            row.append(f"{median(ratios):.2f}" if ratios else "")
        rows.append(row)
    return rows


def penalty_rows(times: dict[str, Results], statistic: str) -> list[list[str]]:
    rows = [["shape", "with / without"]]
    for shape, found in times["penalties"].items():
        pairs = zip(found["here"], times["fit"][shape]["here"])
        rows.append([shape, f"{median(slow[statistic] / fast[statistic] for slow, fast in pairs):.2f}"])
    return rows


def memory_rows(memory: dict[str, dict[str, dict[str, int]]], what: str) -> list[list[str]]:
    names = names_in(memory)
    rows = [["shape", *(f"{name} (MB)" for name in names)]]
    for shape, found in memory.items():
        rows.append([shape, *(f"{found[name][what] / 1e6:.2f}" if name in found else "" for name in names)])
    return rows


def names_in(found: dict[str, dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for entries in found.values() for name in entries))


def layout(rows: list[list[str]]) -> list[str]:
    """Lay out rows as a Markdown table."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    rule = "|" + "|".join("-" * (width + 1) + (":" if n else "-") for n, width in enumerate(widths)) + "|"
    lines = []
    for row in rows:
        aligned = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        lines.append(f"| {' | '.join(aligned)} |")
    return [lines[0], rule, *lines[1:]]


if __name__ == "__main__":
    raise SystemExit(main())
