"""Examples of `science.py` about networks as such: their order, their losses, symbolic edges of special kinds."""

import math

import numpy as np
import torch
from _science_common import HERE, SEEDS, attempt, both_optimisers, brief, fit, over_seeds

from kan import KAN, create_dataset
from kan.MLP import MLP
from kan.utils import create_dataset_from_data, ex_round, get_derivative


def metrics():
    """Interp_9: the network whose picture is drawn by three metrics."""
    dataset = create_dataset(lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    return both_optimisers("", dataset)


def majority():
    """Interp_10A: the majority of three majorities of three bits; the order of the nodes shows the three."""
    np.random.seed(5)  # noqa: NPY002 - pykan splits data by it
    torch.manual_seed(5)
    bits = torch.tensor([[float(number >> place & 1) for place in range(9)] for number in range(512)])
    votes = (bits.reshape(-1, 3, 3).sum(dim=2) > 1.5).float()
    dataset = create_dataset_from_data(bits, (votes.sum(dim=1, keepdim=True) > 1.5).float())
    model = KAN(width=[9, 10, 10, 1], seed=5, noise_scale=1.0)
    options = {"lamb": 1e-3, "lamb_entropy": 5.0, "steps": 20, "stop_grid_update_step": 1000}
    model.fit(dataset, **options)
    perceptrons = [MLP(width=[9, 20, 20, 1], seed=seed) for seed in SEEDS]
    for perceptron in perceptrons:
        perceptron.fit(dataset, lamb=1e-4, lamb_entropy=2.0, steps=1000, reg_metric="w")
    return {
        "train RMSE": f"{error(model, dataset, 'train'):.2e}",
        "right on test data": f"{right(model, dataset):.1%}",
        **over_seeds("perceptron, train RMSE", [error(perceptron, dataset, "train") for perceptron in perceptrons]),
        "perceptrons, right on test data": f"{min(right(perceptron, dataset) for perceptron in perceptrons):.1%}",
        "connection cost, before and after": swapped(model, dataset),
    }


def pairs():
    """Interp_10B: five sums of two inputs each; the parities of five pairs of bits for the perceptron."""
    dataset = create_dataset(lambda x: x.reshape(-1, 5, 2).sum(dim=2), n_var=10)
    model = KAN(width=[10, 10, 5], seed=1)
    of_sums = fit(model, dataset, steps=20, lamb=1e-2)
    cost = swapped(model, dataset)
    bits = torch.tensor([[float(number >> place & 1) for place in range(10)] for number in range(1024)])
    dataset = create_dataset_from_data(bits, bits.reshape(-1, 5, 2).sum(dim=2) % 2)
    perceptron = MLP(width=[10, 20, 5], seed=5)
    of_parities = fit(perceptron, dataset, steps=100, lamb=2e-4, reg_metric="w")
    return {
        "test RMSE": f"{of_sums:.2e}",
        "connection cost, before and after": cost,
        "perceptron, test RMSE": f"{of_parities:.2e}",
    }


def hessian():
    """Interp_10: the spectrum of the loss around a trained network."""
    dataset = create_dataset(lambda x: x[:, [0]] ** 2, n_var=1, train_num=1000)
    model = KAN(width=[1, 5, 1])
    several = {"n_starts": 4} if HERE else {}
    found = fit(model, dataset, opt="Adam", lr=1e-2, steps=1000, **several)
    spectrum = torch.linalg.eigvalsh(get_derivative(model, dataset["train_input"], dataset["train_label"]))
    return {"test RMSE": f"{found:.2e}", "largest eigenvalue": f"{float(spectrum.max()):.3g}"}


def singular():
    """Example_9: formulas with logarithms and square roots, whose arguments must stay in their domains."""
    of_sine = {(0, 0, 0): "log", (0, 1, 0): "log", (1, 0, 0): "sin"}
    of_root = {(0, 0, 0): "x^2", (0, 1, 0): "x^2", (1, 0, 0): "sqrt"}
    root = create_dataset(lambda x: torch.sqrt(x[:, [0]] ** 2 + x[:, [1]] ** 2), n_var=2)
    adam = {"opt": "Adam", "lr": 1e-3, "steps": 1000, "update_grid": False, "singularity_avoiding": True}
    figures = from_all_seeds("logarithms", sine_of_logarithms(), of_sine, {"steps": 20})
    if HERE:
        model = KAN(width=[2, 1, 1], grid=5, k=3, seed=2)
        error = fit(model, sine_of_logarithms(), opt="LM", steps=50, n_starts=8)
        figures["logarithms, LM, 8 starts, splines, test RMSE"] = f"{error:.2e}"
    figures.update(from_all_seeds("root", root, of_root, adam))
    torch.set_default_dtype(torch.float64)
    figures.update(from_all_seeds("logarithms in double precision", sine_of_logarithms(), of_sine, {"steps": 20}))
    return figures


def sine_of_logarithms():
    return create_dataset(lambda x: torch.sin(2 * torch.log(x[:, [0]] * x[:, [1]])), n_var=2, ranges=[0.2, 5])


def from_all_seeds(name, dataset, functions, last):
    """Return the test errors of splines, and then of functions with names, from several seeds."""
    failed = (math.inf, math.inf)
    errors = [attempt(spline_and_formula, seed, dataset, functions, last, failed=failed) for seed in SEEDS]
    splines, formulas = zip(*errors)
    return {**over_seeds(f"{name}, splines, test RMSE", splines), **over_seeds(f"{name}, formula, test RMSE", formulas)}


def spline_and_formula(seed, dataset, functions, last):
    """Fit splines, then functions with names, these with `last`; return the test errors of both."""
    model = KAN(width=[2, 1, 1], grid=5, k=3, seed=seed)
    splines = fit(model, dataset, steps=20)
    fix(model, functions)
    return splines, fit(model, dataset, **last)


def velocities():
    """Example_10: the sum of two velocities is the sum of two rapidities."""
    adam = {"opt": "Adam", "lr": 1e-3, "steps": 2000, "singularity_avoiding": True}
    failed = (math.inf, math.inf, math.inf, "")

    def runs(last):
        return [attempt(rapidities, seed, last, failed=failed) for seed in SEEDS]

    splines, halves, errors, formulas = zip(*runs(adam))
    figures = {**over_seeds("splines, test RMSE", splines), **over_seeds("with arctanh, test RMSE", halves)}
    figures.update(over_seeds("formula, Adam, test RMSE", errors))
    figures["formula"] = formulas[errors.index(min(errors))]
    figures.update(over_seeds("formula, L-BFGS, test RMSE", [run[2] for run in runs({"steps": 20})]))
    torch.set_default_dtype(torch.float64)
    doubles = [run[2] for run in runs({"steps": 20})]
    return {**figures, **over_seeds("formula, L-BFGS, double precision, test RMSE", doubles)}


def rapidities(seed, last):
    """Fit splines, then two functions with names, then three, these with `last`; return errors and formula."""
    dataset = create_dataset(
        lambda x: (x[:, [0]] + x[:, [1]]) / (1 + x[:, [0]] * x[:, [1]]), n_var=2, ranges=[-0.9, 0.9]
    )
    model = KAN(width=[2, 1, 1], grid=10, k=3, seed=seed)
    errors = [fit(model, dataset, steps=20)]
    fix(model, {(0, 0, 0): "arctanh", (0, 1, 0): "arctanh"})
    errors.append(fit(model, dataset, steps=20, update_grid=False))
    # The notebook's range, -10 to 10, is too narrow for a hidden node that varies little.
    fix(model, {(1, 0, 0): "tanh"}, a_range=(-100, 100))
    errors.append(fit(model, dataset, update_grid=False, **last))
    return (*errors, brief(ex_round(model.symbolic_formula()[0][0], 2)))


def straight():
    """Example_11: sin(pi x) by a chain of three edges, which better is one."""
    dataset = create_dataset(lambda x: torch.sin(torch.pi * x[:, [0]]), n_var=1)
    chains = [{"width": [1, 1, 1, 1], "grid": 5, "k": 3, "noise_scale": 0.1, "seed": seed} for seed in SEEDS]
    straighter = {"steps": 20, "lamb": 1e-4, "lamb_coef": 10.0}
    figures = {
        **over_seeds("test RMSE", [fit(KAN(**chain), dataset, steps=20) for chain in chains]),
        **over_seeds(
            "with linear edges encouraged, test RMSE",
            [fit(KAN(base_fun="identity", **chain), dataset, **straighter) for chain in chains],
        ),
    }
    if HERE:
        errors = [fit(KAN(**chain), dataset, opt="LM", steps=50, n_starts=8) for chain in chains]
        figures["LM, 8 starts, test RMSE, largest of 8 seeds"] = f"{max(errors):.2e}"
    return figures


def relation():
    """Example_12: which inputs depend on each other, found by telling them from shuffled ones."""
    torch.manual_seed(0)
    dataset = {}
    for name in ("train", "test"):
        x = torch.rand(500, 6) * 2 - 1
        x[:, 2] = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
        x[:, 3] = x[:, 4] ** 3
        shuffled = torch.stack([column[torch.randperm(len(x))] for column in x.T], dim=1)
        dataset[f"{name}_input"] = torch.cat([x, shuffled])
        dataset[f"{name}_label"] = torch.cat([torch.ones(500, 1), torch.zeros(500, 1)])
    model = KAN(width=[6, 1, 1], grid=3, k=3, seed=1)
    model(dataset["train_input"])
    fix(model, {(1, 0, 0): "gaussian"}, fit_params_bool=False)
    # With lamb=0.002, as in the notebook, all edges fade from every seed, here and in pykan 0.2.8.
    found = fit(model, dataset, steps=50, lamb=5e-4, lamb_entropy=10.0, lamb_coef=1.0)
    two = sorted(model.feature_score.detach().topk(2).indices.tolist())
    return {"test RMSE": f"{found:.2e}", "inputs that are related": ", ".join(f"x{i + 1}" for i in two)}


def phases():
    """Example_13: a boundary between two phases, by a steep tanh of a sum."""
    dataset = create_dataset(
        lambda x: (
            torch.sin(torch.pi * x[:, [0]]) + torch.cos(torch.pi * x[:, [1]]) + torch.tan(torch.pi / 2 * x[:, [2]]) > 0
        ).float(),
        n_var=3,
    )
    model = KAN(width=[3, 1, 1], grid=3, k=3)
    model(dataset["train_input"])
    fix(model, {(1, 0, 0): "tanh"}, fit_params_bool=False)
    return {"test RMSE": f"{fit(model, dataset, steps=50):.2e}"}


def fix(model, names, **options):
    """Make edges symbolic."""
    for edge, name in names.items():
        model.fix_symbolic(*edge, name, **options)


def error(model, dataset, which):
    """Return the RMSE on training or test data."""
    difference = model(dataset[f"{which}_input"]) - dataset[f"{which}_label"]
    return float(difference.detach().square().mean().sqrt())


def right(model, dataset):
    """Return the share of the test samples on the right side of 1/2."""
    return float(((model(dataset["test_input"]) > 0.5) == dataset["test_label"]).float().mean())


def swapped(model, dataset):
    """Reorder the nodes, and return the connection cost before and after."""
    model.get_act(dataset)
    model.attribute()
    before = float(model.connection_cost.detach())
    model.auto_swap()
    return f"{before:.2f}, {float(model.connection_cost.detach()):.2f}"


CASES = (metrics, majority, pairs, hessian, singular, velocities, straight, relation, phases)
