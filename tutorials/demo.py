"""The hello example: a network learns a function from samples, and then tells its formula.

    make demo

or, where the package is installed, ``python tutorials/demo.py``. A picture of every stage goes into
./demo-pictures.
The exit code is 0 if the formula is found. ``hellokan.ipynb`` tells the same story at more length.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import sympy
import torch

from kan import KAN, create_dataset

PICTURES = Path("demo-pictures")
# What pykan 0.2.8 reaches with the same settings, from the notebook that its authors published.
TEST_RMSE_OF_PYKAN = {
    "fit": 1.77e-2,
    "prune, fit": 1.72e-2,
    "refine, fit": 4.73e-4,
    "symbolic, fit": 7.20e-11,
}


def f(x: torch.Tensor) -> torch.Tensor:
    """Compute what the network is to find out: exp(sin(pi x_1) + x_2^2)."""
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def main() -> int:
    torch.set_default_dtype(torch.float64)
    dataset = create_dataset(f, n_var=2)
    report = Report("exp(sin(pi*x_1) + x_2**2), of which the network sees 1000 samples")

    # Two inputs, five nodes, one output; every edge is a spline. The penalty fades out what is not
    # needed.
    model = KAN(width=[2, 5, 1], grid=3, k=3, seed=42)
    model.get_act(dataset)
    report.picture("create", model)
    results = model.fit(dataset, opt="LBFGS", steps=50, lamb=1e-3, progress=False)
    report.stage("fit", model, results)

    # What faded is removed; the rest learns without the penalty.
    model = model.prune()
    results = model.fit(dataset, opt="LBFGS", steps=50, progress=False)
    report.stage("prune, fit", model, results)

    # Finer splines, which start as the coarse ones were.
    model = model.refine(10)
    results = model.fit(dataset, opt="LBFGS", steps=50, progress=False)
    report.stage("refine, fit", model, results)

    # Each spline is replaced by the function with a name that fits it best; then only constants are
    # left to learn.
    model.auto_symbolic(verbose=0)
    results = model.fit(dataset, opt="LBFGS", steps=50, progress=False)
    report.stage("symbolic, fit", model, results)

    # Constants close to pi, e and simple fractions become these, as far as the outputs change by
    # less than 0.1 %.
    print()
    formulas, (x_1, x_2) = model.symbolic_formula(tolerance=1e-3)
    report.picture("formula", model, formulas[0])
    print(f"\nPictures of the stages: {PICTURES}/")

    found = formulas[0] == sympy.exp(sympy.sin(sympy.pi * x_1) + x_2**2)
    print("The formula is found." if found else "The formula is NOT found.")
    return 0 if found else 1


class Report:
    """Prints a line and draws a picture for every stage."""

    def __init__(self, title: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        print(f"{title}\n")
        print("stage          network    train RMSE   test RMSE   pykan 0.2.8   seconds")
        self.pictures = 0
        self.start = time.perf_counter()

    def stage(self, name: str, model: KAN, results: dict[str, Any]) -> None:
        seconds = time.perf_counter() - self.start
        train, test = results["train_loss"][-1], results["test_loss"][-1]
        shape = str([nodes for nodes, _ in model.width])
        pykan = TEST_RMSE_OF_PYKAN[name]
        print(f"{name:14} {shape:10} {train:10.2e} {test:11.2e} {pykan:13.2e} {seconds:9.1f}")
        self.picture(name, model)

    def picture(self, name: str, model: KAN, output: Any = "$f$") -> None:
        self.pictures += 1
        figure = model.plot(in_vars=["$x_1$", "$x_2$"], out_vars=[output], title=name)
        figure.savefig(PICTURES / f"{self.pictures}-{name.replace(', ', '-')}.png", dpi=200)
        self.start = time.perf_counter()


if __name__ == "__main__":
    raise SystemExit(main())
