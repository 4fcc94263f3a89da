"""Fits c*f(a*x + b) + d for every function of the library, here and by pykan 0.2.8's brute force, to many edges.

    python benchmarks/affine.py --pykan /path/to/venv-of-pykan/bin/python

The edges are described in ``_affine_edges.py``. For each of them and each function r2 of the parameters that both
return is computed here, in float64, on the same data; what is shown is how often ours is lower by more than 1e-6, and
where. Then both fit the whole library to larger edges, in turns, and the time per edge is shown. pykan evaluates
30 603 points (a, b) per function on all samples, which takes some ten seconds an edge: `--save` keeps what it found,
`--load` takes it from there. The exit code is 1 if ours is lower anywhere but on noise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from _affine_edges import Edge, edges, large_edges
from hello import find_pykan, processor

from kan.symbolic import SYMBOLIC_LIB, fit_affine

PROGRAM = Path(__file__).resolve().parent / "_affine_pykan.py"
ALIASES = {"x^0.5", "1/x^0.5"}
SEARCHED = [name for name in SYMBOLIC_LIB if name not in {"0", "x", *ALIASES}]
TOLERANCE = 1e-6
KINDS = ("signals", "noise alone")
Fits = dict[str, Any]


def main() -> int:
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    python = None if arguments.pykan is None and arguments.load is not None else find_pykan(arguments.pykan)
    chosen = list(edges(arguments.seed))[:: arguments.every]
    ours, theirs = compare(chosen, read_or_run(arguments, python, chosen))
    lines = ["", *quality(chosen, ours, theirs)]
    lower = [(theirs[key] - value, *key) for key, value in ours.items() if value < theirs.get(key, -1) - TOLERANCE]
    for gap, number, name in sorted(lower, reverse=True)[:20]:
        lines.append(f"  {name:9} lower by {gap:.1e} (pykan {theirs[number, name]:.6f}): {chosen[number].name}")
    if arguments.timed:
        lines += ["", *times(arguments, python)]
    print("\n".join(lines))
    return int(any(chosen[number].is_signal for _, number, _ in lower))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("PYKAN_PYTHON")
    parser.add_argument("--pykan", metavar="PYTHON", default=default, help="python with pykan 0.2.8 ($PYKAN_PYTHON)")
    parser.add_argument("--seed", type=int, default=0, help="of the edges (0)")
    parser.add_argument("--every", type=int, default=1, help="take every n-th edge only (1)")
    parser.add_argument("--timed", type=int, default=3, help="edges of 1000 samples that are timed (3)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (1)")
    parser.add_argument("--save", type=Path, help="write what pykan finds here, a line of JSON per edge")
    parser.add_argument("--load", type=Path, help="take what pykan found for the same edges from here")
    return parser.parse_args()


def read_or_run(arguments: argparse.Namespace, python: str | None, chosen: Sequence[Edge]) -> list[Fits]:
    """Return pykan's fits to the edges: from a file, by running it, or none."""
    if arguments.load is not None:
        return [json.loads(line) for line in arguments.load.read_text(encoding="utf-8").splitlines()]
    if python is None:
        return []
    return run_pykan(python, chosen, SEARCHED, threads=arguments.threads, copy=arguments.save)


def run_pykan(
    python: str, chosen: Sequence[Edge], names: Sequence[str], *, threads: int, copy: Path | None = None
) -> list[Fits]:
    """Let pykan fit the functions to the edges, in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MPLBACKEND": "agg"}
    environment.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edges.npz"
        np.savez(path, **{f"{key}{n}": getattr(edge, key) for n, edge in enumerate(chosen) for key in "xy"})
        command = [python, str(PROGRAM), str(path), str(threads), *names]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"{python} failed:\n{done.stderr[-2000:]}")
    if copy is not None:
        copy.write_text(done.stdout, encoding="utf-8")
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(chosen: Sequence[Edge], pykan: Sequence[Fits]) -> tuple[dict[Any, float], dict[Any, float]]:
    """Return r2 by edge and function, ours and pykan's."""
    ours: dict[Any, float] = {}
    theirs: dict[Any, float] = {}
    for number, edge in enumerate(chosen):
        x, y = torch.from_numpy(edge.x), torch.from_numpy(edge.y)
        fit = fit_affine(x, y, SEARCHED)
        for name, params in zip(SEARCHED, fit.params.tolist()):
            ours[number, name] = explained(name, params, x, y)
            if number < len(pykan):
                theirs[number, name] = explained(name, pykan[number]["params"][name], x, y)
    return ours, theirs


def explained(name: str, params: Sequence[float], x: torch.Tensor, y: torch.Tensor) -> float:
    """Return r2 of parameters; pykan takes the values of a function where it is not finite as zero."""
    a, b, c, d = params
    residual = y - (c * torch.nan_to_num(SYMBOLIC_LIB[name].torch_fun(a * x + b)) + d)
    return float(1 - residual.square().sum() / (y - y.mean()).square().sum())


def quality(chosen: Sequence[Edge], ours: dict[Any, float], theirs: dict[Any, float]) -> list[str]:
    """Lay out as a Markdown table how r2 compares."""
    lines = ["| edges | fits | lower by > 1e-6 | higher by > 1e-6 | lowest gain | median gain | largest gain |"]
    lines.append("|-------|-----:|----------------:|-----------------:|------------:|------------:|-------------:|")
    for kind in KINDS:
        own = [key for key in ours if chosen[key[0]].is_signal == (kind == KINDS[0]) and key in theirs]
        gains = [ours[key] - theirs[key] for key in own]
        if gains:
            lower, higher = sum(gain < -TOLERANCE for gain in gains), sum(gain > TOLERANCE for gain in gains)
            ends = f"{min(gains):.1e} | {median(gains):.1e} | {max(gains):.1e}"
            lines.append(f"| {kind} | {len(gains)} | {lower} | {higher} | {ends} |")
    return lines


def times(arguments: argparse.Namespace, python: str | None) -> list[str]:
    """Time the whole library, one edge after the other in both; ours also with many edges together."""
    timed = list(large_edges(arguments.timed, 1000))
    names = list(SYMBOLIC_LIB)
    x, y = (torch.stack([torch.from_numpy(getattr(edge, key)) for edge in timed]) for key in "xy")
    fit_affine(x[0], y[0], names)  # the first call loads and allocates
    here, there = [], []
    for number, edge in enumerate(timed):
        here.append(min(seconds(x[number], y[number], names) for _ in range(5)))
        if python is not None:
            there += [fits["seconds"] for fits in run_pykan(python, [edge], names, threads=arguments.threads)]
    many = 25
    turns = [number % len(timed) for number in range(many)]
    together = min(seconds(x[turns], y[turns], names) for _ in range(3)) / many
    lines = [f"{len(names)} functions, 1000 samples, {arguments.threads} thread(s), {processor()}:"]
    lines.append(f"here  {1e3 * median(here):8.1f} ms an edge; {1e3 * together:.1f} ms with {many} edges in one call")
    if there:
        ratio = median(slow / fast for slow, fast in zip(there, here))
        lines.append(f"pykan {1e3 * median(there):8.1f} ms an edge, {ratio:.0f} times as long")
    return lines


def seconds(x: torch.Tensor, y: torch.Tensor, names: Sequence[str]) -> float:
    start = time.perf_counter()
    fit_affine(x, y, names)
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
