"""How accurate are fits? Functions of the literature, and the Poisson equation, against the best published KANs.

    python benchmarks/accuracy.py --output accuracy.md

The problems, with ranges, shapes and published figures, are in `_accuracy_problems.py`, the differential equations in
`_accuracy_poisson.py`. One procedure serves all functions: in double precision, with uniform knots,

    model = KAN(width=..., grid=3, grid_eps=1.0, seed=seed).double()
    model.fit(dataset, opt="LM", steps=40, grids=[3, 5, 10, 20, 50, 100, 200], n_starts=24, restore_best=True)

called grid by grid, so that it can be left: before a grid with more parameters than training samples, and before one
that the time limit would not see the end of. What counts is the network of the grid with the smallest error
on 1000 samples of their own, which have also chosen among the starts; its error is measured on 3000 others. Samples are
uniform, but the training samples begin with the corners of the ranges, where there are few variables: sums over inputs
are often largest there, and hidden layers, whose grids span what they got in training, would have to guess.

If that smallest error is not ten times below the published one (or at the aim, where there is another, or at 1e-6 where
nothing was published) and there is time, the procedure begins again with other starts, until half of the time is over:
on 3, 10 and 20 intervals in turn, for some functions oscillate so fast that few intervals do not show it (on 10 and 20
only where parameters are at most a tenth of the samples). An attempt is given up as soon as a grid hardly lowers its
error, or an earlier one was better on the same grid. The best is refined for the rest of the time.

Rows that are in the output file already are kept, so a run can be interrupted and continued; `--only` selects rows by a
part of their names or groups. Times are those of the processor, with one thread unless `--threads` says otherwise.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from _accuracy_poisson import POISSON, Poisson, solve
from _accuracy_problems import PROBLEMS, Problem

from kan import KAN

GRIDS = (3, 5, 10, 20, 50, 100, 200)
# The grids of the starts, in turn.
FIRST_GRIDS = (3, 10, 20)
STARTS, STEPS = 24, 40
VALIDATION, TEST = 1000, 3000
# Corners are at most this share of the training samples.
_MOST_CORNERS = 0.1
# Below this share of the published error, a result is good enough.
_ENOUGH = 0.1
# And this, where none was published.
_SMALL = 1e-6
# No attempt begins later than after this share of the time: the best needs the rest.
_TIME_OF_ATTEMPTS = 0.5
# A finer grid that does not divide the error by as much says that the start was a bad one.
_LEAST_GAIN = 1.4
# Of the steps with all starts, this share is those of one.
_SHARE_OF_ONE = 0.15
# Starts are drawn on grids on which the network has at most this share of numbers per training sample.
_MOST_OF_STARTS = 0.1

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


def training_sample(problem: Problem, generator: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return samples of which the first are the corners of the ranges, unless these would be many."""
    x, y = sample(problem, problem.train, generator)
    number = 2 ** len(problem.ranges)
    if number <= _MOST_CORNERS * problem.train:
        corners = np.array(list(itertools.product(*problem.ranges)), dtype=float)
        x[:number] = torch.from_numpy(corners)
        y[:number] = torch.from_numpy(np.asarray(problem.function(*corners.T)))[:, None]
    return x, y


class Attempts:
    """Fits of one function, of which the best counts.

    Parameters
    ----------
    problem : Problem
    seed : int
        Of data and starts.
    limit : float
        Seconds.
    """

    def __init__(self, problem: Problem, *, seed: int, limit: float) -> None:
        generator = np.random.default_rng(seed)
        self.problem, self.limit, self.begin = problem, limit, time.process_time()
        train, validation = training_sample(problem, generator), sample(problem, VALIDATION, generator)
        self.dataset = dict(zip(("train_input", "train_label", "test_input", "test_label"), (*train, *validation)))
        self.test = sample(problem, TEST, generator)
        self.seeds = np.random.SeedSequence(seed).generate_state(1000)
        self.reached: dict[int, float] = {}  # on every grid, the best attempt's error on the validation data
        self.best, self.leader = float("inf"), KAN(width=list(problem.width), auto_save=False)
        self.seconds = 0.0  # of the last grid
        self.result = Result(float("inf"), 0, 0.0)

    @property
    def spent(self) -> float:
        """The seconds until now."""
        return time.process_time() - self.begin

    @property
    def is_enough(self) -> bool:
        """Whether no other attempt is needed."""
        problem = self.problem
        if problem.published is None:
            return self.best <= _SMALL
        return self.best <= (_ENOUGH * problem.published if problem.aim is None else problem.aim)

    def run(self) -> Result:
        """Make attempts while there is time and need, and refine the best one for the rest of the time."""
        longest = 0.0
        for seed, first in zip(self.seeds, itertools.cycle(FIRST_GRIDS)):
            if first > GRIDS[0] and self.size(first) > _MOST_OF_STARTS * self.problem.train:
                continue
            longest = max(longest, self.attempt(int(seed), first))
            if self.is_enough or self.spent + longest > _TIME_OF_ATTEMPTS * self.limit:
                break
        if not self.is_enough:
            self.refine(self.leader, self.best, least_gain=1.0)
        return self.result._replace(seconds=self.spent)

    def attempt(self, seed: int, first: int) -> float:
        """Fit from starts on the grid `first`, and on the grids that follow; return the seconds of the starts."""
        begin, width = self.spent, list(self.problem.width)
        model = KAN(width=width, grid=first, grid_eps=1.0, seed=seed, auto_save=False).double()
        error = self.fit(model, n_starts=STARTS)
        of_starts = self.spent - begin
        self.seconds = _SHARE_OF_ONE * of_starts
        if self.is_ahead(first, error):
            self.refine(model, error, least_gain=_LEAST_GAIN)
        return of_starts

    def refine(self, model: KAN, error: float, *, least_gain: float) -> None:
        """Go on to finer grids while that divides the error by `least_gain`, and the attempt is ahead of others."""
        for grid in (grid for grid in GRIDS if grid > model.grid):
            growth = (self.size(grid) / self.size(int(model.grid))) ** 2
            if self.size(grid) > self.problem.train or self.spent + growth * self.seconds > self.limit:
                break
            begin, before = self.spent, error
            error = self.fit(model, grids=[grid])
            self.seconds = self.spent - begin
            if not self.is_ahead(grid, error) or error * least_gain > before:
                break

    def is_ahead(self, grid: int, error: float) -> bool:
        """Whether this is the best attempt so far on a grid, and take note of it."""
        ahead = error < self.reached.get(grid, float("inf"))
        if ahead:
            self.reached[grid] = error
        return ahead

    def size(self, grid: int) -> int:
        """Return how many numbers the network has."""
        width = self.problem.width
        return sum(a * b for a, b in zip(width, width[1:])) * (grid + 3 + 1)

    def fit(self, model: KAN, **options: Any) -> float:
        """Train on one grid, take note of the result, and return the error on the validation data."""
        results = model.fit(self.dataset, opt="LM", steps=STEPS, restore_best=True, progress=False, **options)
        error = min(results["test_loss"])
        if error < self.best:
            x, y = self.test
            with torch.no_grad():
                test_error = float((model(x) - y).square().mean().sqrt())
            self.best, self.leader, self.result = error, model, Result(test_error, int(model.grid), 0.0)
        return error


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
                result = Attempts(problem, seed=seed, limit=arguments.limit).run()
            lines.append(row(problem, result, seed=seed))
            print(lines[-1], flush=True)
            if arguments.output:
                arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
