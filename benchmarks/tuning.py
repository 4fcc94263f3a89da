"""The experiments behind `docs/guides/tuning.md`: what the shape, the grid, the data, penalties and optimisers do.

    python benchmarks/tuning.py                  all tables, in a quarter of an hour on one core
    python benchmarks/tuning.py shape penalty    some of them

Every number is a test RMSE of exp(sin(pi x_1) + x_2^2), whose standard deviation is 1.5, on 1000 samples without noise;
where no seed is named, the median of three.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

from kan import KAN, create_dataset

STEPS = 50
SEEDS = (0, 1, 2)


def f(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)


def g(x: torch.Tensor) -> torch.Tensor:
    first = torch.sin(torch.pi * (x[:, [0]] ** 2 + x[:, [1]] ** 2))
    second = torch.sin(torch.pi * (x[:, [2]] ** 2 + x[:, [3]] ** 2))
    return torch.exp((first + second) / 2)


SPARSE = {
    "exp(sin(pi x_1) + x_2^2)": f,
    "exp(-x_1^2 - x_2^2)": lambda x: torch.exp(-(x**2).sum(dim=1, keepdim=True)),
    "tanh(3 x_1 - 2 x_2^2)": lambda x: torch.tanh(3 * x[:, [0]] - 2 * x[:, [1]] ** 2),
    "x_1^2 + sin(pi x_2)": lambda x: x[:, [0]] ** 2 + torch.sin(torch.pi * x[:, [1]]),
    "|x_1| + x_2": lambda x: x[:, [0]].abs() + x[:, [1]],
}


def samples(count: int = 1000, *, noise: float = 0.0, n_var: int = 2, seed: int = 1) -> dict[str, torch.Tensor]:
    dataset = create_dataset(f if n_var == 2 else g, n_var=n_var, train_num=count)
    dataset["train_label"] = dataset["train_label"] + noise * normal(count, seed=seed)
    return dataset


def normal(count: int, *, seed: int) -> torch.Tensor:
    """Return noise. The seed of the inputs, 0, would make it a function of them."""
    return torch.randn(count, 1, generator=torch.Generator().manual_seed(seed))


def fit(model: Any, dataset: dict[str, torch.Tensor], **options: Any) -> tuple[float, float]:
    results = model.fit(dataset, **{"steps": STEPS, "progress": False, **options})
    return results["train_loss"][-1], results["test_loss"][-1]


def medians(errors: list[list[float]]) -> list[float]:
    """Return the median of each column; a row is what one seed gives."""
    return [statistics.median(column) for column in zip(*errors)]


def row(*cells: Any) -> None:
    print(
        "| " + " | ".join(f"{cell:.1e}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True
    )


def head(*cells: str) -> None:
    print()
    row(*cells)
    row(*["---", *["---:"] * (len(cells) - 1)])


def shape() -> None:
    head("width", "parameters", *(f"seed {seed}" for seed in SEEDS))
    four = ([4, 3, 1], [4, 9, 1], [4, 2, 1, 1], [4, 4, 2, 1], [4, 9, 9, 1])
    for width in ([2, 1], [2, 1, 1], [2, 2, 1], [2, 5, 1], [2, 20, 1], [2, 5, 5, 1], *four):
        dataset, errors = samples(n_var=width[0]), []
        for seed in SEEDS:
            model = KAN(width=width, grid=3, k=3, seed=seed)
            errors.append(fit(model, dataset)[1])
        row(width, sum(p.numel() for p in model.act_fun.parameters() if p.requires_grad), *errors)


def starts() -> None:
    head(
        "width", "opt", *(f"one start, seed {seed}" for seed in SEEDS), *(f"best of 16, seed {seed}" for seed in SEEDS)
    )
    for width in ([2, 1, 1], [4, 2, 1, 1]):
        dataset = samples(n_var=width[0])
        for opt in ("LBFGS", "LM"):
            errors = [
                fit(KAN(width=width, grid=3, k=3, seed=seed), dataset, opt=opt, n_starts=number)[1]
                for number in (1, 16)
                for seed in SEEDS
            ]
            row(width, opt, *errors)


def refinement() -> None:
    head("intervals", "at once: training", "test", "refined: training", "test", "refined, LM: training", "test")
    dataset, models = samples(), {}
    for intervals in (3, 6, 12, 25, 50, 100):
        errors: list[list[float]] = []
        for seed in SEEDS:
            direct = KAN(width=[2, 1, 1], grid=intervals, k=3, seed=seed)
            errors.append([*fit(direct, dataset, n_starts=16)])
            for opt in ("LBFGS", "LM"):
                coarse = models.get((opt, seed))
                model = coarse.refine(intervals) if coarse else KAN(width=[2, 1, 1], grid=intervals, k=3, seed=seed)
                errors[-1] += fit(model, dataset, opt=opt, n_starts=1 if coarse else 16)
                models[opt, seed] = model
        row(intervals, *medians(errors))


def data() -> None:
    head("intervals", "100 samples: training", "test", "1000 samples: training", "test")
    for intervals in (3, 5, 10, 20):
        errors: list[list[float]] = []
        for seed in SEEDS:
            models = [KAN(width=[2, 5, 1], grid=intervals, k=3, seed=seed) for _ in range(2)]
            errors.append([*fit(models[0], samples(100)), *fit(models[1], samples(1000))])
        row(intervals, *medians(errors))


def penalty() -> None:
    head("lamb", *(f"seed {seed}: error" for seed in SEEDS), *(f"seed {seed}: nodes, edges" for seed in SEEDS))
    dataset = samples()
    for lamb in (0.0, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1):
        errors, left = [], []
        for seed in SEEDS:
            model = KAN(width=[2, 5, 1], grid=3, k=3, seed=seed)
            errors.append(fit(model, dataset, lamb=lamb)[1])
            pruned = model.prune()
            left.append(f"{pruned.width[1][0]}, {pruned.n_edge}")
        row(f"{lamb:g}", *errors, *left)


def sparsity() -> None:
    columns = ("one start", "16 starts", "16 starts, lamb=3e-3")
    head("function", *(f"{column}, seed {seed}" for column in columns for seed in SEEDS))
    for name, function in SPARSE.items():
        dataset = create_dataset(function, n_var=2)
        left = []
        for number, lamb in ((1, 1e-3), (16, 1e-3), (16, 3e-3)):
            for seed in SEEDS:
                model = KAN(width=[2, 5, 1], grid=3, k=3, seed=seed)
                fit(model, dataset, lamb=lamb, n_starts=number)
                left.append(model.prune().n_edge)
        row(name, *left)


def noise() -> None:
    head("intervals", "plain: training", "test", "lamb=1e-3: training", "test", "best step: test")
    dataset = samples(300, noise=0.1)
    for intervals in (3, 5, 10, 20):
        errors: list[list[float]] = []
        for seed in SEEDS:
            plain, paid, stopped = (KAN(width=[2, 5, 1], grid=intervals, k=3, seed=seed) for _ in range(3))
            errors.append([*fit(plain, dataset), *fit(paid, dataset, lamb=1e-3)])
            stopped.fit(dataset, steps=STEPS, patience=10, restore_best=True, progress=False)
            errors[-1].append(float(stopped.evaluate(dataset)["test_loss"]))
        row(intervals, *medians(errors))


def formulas() -> None:
    head("noise", "right names", "right formula", "splines, against the truth", "formula, against the truth")
    truth = samples()
    for level in (0.01, 0.1, 0.3, 1.0):
        names, exact, splines, named = 0, 0, [], []
        for seed in range(10):
            dataset = samples(noise=level, seed=1 + seed)
            dataset["test_label"] = dataset["test_label"] + level * normal(1000, seed=100 + seed)
            model = refined_while_it_helps(KAN(width=[2, 5, 1], grid=3, k=3, seed=seed), dataset)
            splines.append(float(model.evaluate(truth)["test_loss"]))
            model.auto_symbolic(lib=["x", "x^2", "x^3", "exp", "log", "sin"], verbose=0)
            fit(model, dataset)
            named.append(float(model.evaluate(truth)["test_loss"]))
            found = [name for layer in model.symbolic_fun for row in layer.funs_name for name in row]
            names += found == ["sin", "x^2", "exp"]
            # Three times what the noise leaves uncertain in a function of some ten constants.
            formula = model.symbolic_formula(tolerance=min(0.5, 3 * level / 1.5 * 0.1), verbose=False)[0][0]
            exact += str(formula) == "exp(x_2**2 + sin(pi*x_1))"
        row(f"{level:g}", f"{names} of 10", f"{exact} of 10", sorted(splines)[5], sorted(named)[5])


def refined_while_it_helps(model: Any, dataset: dict[str, torch.Tensor]) -> Any:
    """Return the model, fitted, pruned, and refined until the error on the noisy test labels no longer falls."""
    fit(model, dataset, lamb=3e-3)
    best = model.prune()
    error = fit(best, dataset)[1]
    for intervals in (5, 8, 12):
        finer = best.refine(intervals)
        if (finer_error := fit(finer, dataset)[1]) > 0.99 * error:
            break
        best, error = finer, finer_error
    return best


def optimiser() -> None:
    head("options", "seconds", *(f"seed {seed}" for seed in SEEDS))
    dataset = samples()
    for options in (
        {"opt": "LBFGS", "steps": 50},
        {"opt": "LM", "steps": 50},
        {"opt": "Adam", "steps": 500},
        {"opt": "Adam", "steps": 500, "lr": 0.1},
        {"opt": "Adam", "steps": 500, "lr": 0.001},
    ):
        start = time.process_time()
        errors = [fit(KAN(width=[2, 5, 1], grid=5, k=3, seed=seed), dataset, **options)[1] for seed in SEEDS]
        text = ", ".join(f"{name}={value!r}" for name, value in options.items())
        row(f"`{text}`", f"{(time.process_time() - start) / len(SEEDS):.1f}", *errors)


def precision() -> None:
    head("dtype", "3 intervals", "10", "30", "symbolic")
    for dtype in (torch.float32, torch.float64):
        dataset = {name: values.to(dtype) for name, values in samples().items()}
        errors: list[list[float]] = []
        for seed in SEEDS:
            model = KAN(width=[2, 1, 1], grid=3, k=3, seed=seed).to(dtype)
            errors.append([fit(model, dataset, n_starts=16)[1]])
            for intervals in (10, 30):
                model = model.refine(intervals)
                errors[-1].append(fit(model, dataset)[1])
            model.auto_symbolic(verbose=0)
            errors[-1].append(fit(model, dataset)[1])
        row(str(dtype).split(".")[1], *medians(errors))


EXPERIMENTS = (shape, starts, refinement, data, penalty, sparsity, noise, formulas, optimiser, precision)
TABLES = {table.__name__: table for table in EXPERIMENTS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help=f"which to print, of {', '.join(TABLES)} (all)")
    arguments = parser.parse_args()
    for name in arguments.tables:
        if name not in TABLES:
            parser.error(f"there is no table {name!r}")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    for name in arguments.tables or TABLES:
        print(f"\n## {name}")
        TABLES[name]()


if __name__ == "__main__":
    main()
