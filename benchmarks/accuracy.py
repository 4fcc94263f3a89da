"""How accurate are fits? Functions of the literature, and the Poisson equation, against the best published KANs.

    python benchmarks/accuracy.py --output accuracy.md

The problems, with ranges, shapes and published figures, are in `_accuracy_problems.py`, the differential equations in
`_accuracy_poisson.py`. One procedure serves all functions: in double precision, with uniform knots,

    model = KAN(width=..., grid=3, grid_eps=1.0, seed=seed).double()
    model.fit(dataset, opt="LM", steps=40, grids=[3, 5, 10, 20, 50, 100, 120], n_starts=24, restore_best=True)

called grid by grid, so that it can be left: before a grid with more parameters than training samples, and before one
that the time limit would not see the end of. What counts is the network of the grid with the smallest error
on 1000 samples of their own, which have also chosen among the starts; its error is measured on 3000 others.

Rows that are in the output file already are kept, so a run can be interrupted and continued; `--only` selects rows by a
part of their names or groups. Times are those of the processor, with one thread unless `--threads` says otherwise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from _accuracy_poisson import POISSON, Poisson, solve
from _accuracy_problems import PROBLEMS, Problem

from kan import KAN

GRIDS = (3, 5, 10, 20, 50, 100, 120)
STARTS, STEPS = 24, 40
VALIDATION, TEST = 1000, 3000
# What the seconds on one grid grow by to the next, about.
_GROWTH = 1.8
# Of the steps on the first grid, this share is those of the best start.
_SHARE_OF_BEST = 0.15

HEAD = (
    "| group | problem | shape | seed | grid | error | published | better by | aim | met | seconds |",
    "|---|---|---|---:|---:|---:|---:|---:|---:|---|---:|",
)


class Result(NamedTuple):
    """What was reached: the error, the grid it was reached on, and the seconds that it took."""

    error: float
    grid: int
    seconds: float


def sample(problem: Problem, number: int, generator: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs (number, variables) and labels (number, 1)."""
    x = np.stack([generator.uniform(low, high, number) for low, high in problem.ranges], axis=1)
    return torch.from_numpy(x), torch.from_numpy(np.asarray(problem.function(*x.T)))[:, None]


def fit(problem: Problem, *, seed: int, limit: float) -> Result:
    """Fit one function."""
    generator = np.random.default_rng(seed)
    names = {"train": problem.train, "test": VALIDATION}
    dataset = {}
    for name, number in names.items():
        dataset[f"{name}_input"], dataset[f"{name}_label"] = sample(problem, number, generator)
    x, y = sample(problem, TEST, generator)
    begin = time.process_time()
    model = KAN(width=list(problem.width), grid=GRIDS[0], grid_eps=1.0, seed=seed, auto_save=False).double()
    best = Result(float("inf"), GRIDS[0], 0.0)
    error, before = best.error, 0.0
    for grid in GRIDS:
        size, spent = model.n_edge * (grid + model.k + 1), time.process_time() - begin
        if grid > GRIDS[0] and (size > problem.train or spent + _GROWTH * before > limit):
            break
        options = {"n_starts": STARTS} if grid == GRIDS[0] else {"grids": [grid]}
        results = model.fit(dataset, opt="LM", steps=STEPS, restore_best=True, progress=False, **options)
        before = time.process_time() - begin - spent
        if grid == GRIDS[0]:
            before *= _SHARE_OF_BEST
        if results["test_loss"].min() < best.error:
            with torch.no_grad():
                error = float((model(x) - y).square().mean().sqrt())
            best = Result(float(results["test_loss"].min()), grid, 0.0)
    return Result(error, best.grid, time.process_time() - begin)


def row(problem: Problem | Poisson, result: Result, *, seed: int) -> str:
    """Return one line of the table."""
    published, aim = problem.published, problem.aim if problem.aim is not None else problem.published
    ratio = "" if published is None else f"{published / result.error:.3g}"
    met = "" if aim is None else ("yes" if result.error <= aim else "no")
    cells = [problem.group, problem.name, str(problem.width), seed, result.grid, f"{result.error:.2e}"]
    cells += ["" if number is None else f"{number:.2e}" for number in (published,)]
    cells += [ratio, "" if aim is None else f"{aim:.2e}", met, f"{result.seconds:.1f}"]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def done(lines: Iterable[str]) -> set[tuple[str, str, str]]:
    """Return group, name and seed of the rows of a table."""
    cells = ([cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if line.startswith("|"))
    return {(entry[0], entry[1], entry[3]) for entry in cells}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="parts of names or groups of rows; all by default")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a row of a function")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="a file for the table; its rows are not computed again")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    known = arguments.output.read_text().splitlines() if arguments.output and arguments.output.exists() else []
    finished = done(known)
    lines = list(known or HEAD)
    print("\n".join(lines))
    for problem in (*PROBLEMS, *POISSON):
        words = (problem.group, problem.name)
        if arguments.only and not any(part in word for part in arguments.only for word in words):
            continue
        for seed in arguments.seeds:
            if (*words, str(seed)) in finished:
                continue
            if isinstance(problem, Poisson):
                result = Result(*solve(problem, seed=seed))
            else:
                result = fit(problem, seed=seed, limit=arguments.limit)
            lines.append(row(problem, result, seed=seed))
            print(lines[-1], flush=True)
            if arguments.output:
                arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
