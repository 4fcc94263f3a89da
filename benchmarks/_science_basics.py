"""Examples of `science.py` about training as such: what penalties cost, a large network, classes, special functions."""

import torch
from _science_common import SEEDS, fit, over_seeds
from sklearn.datasets import make_moons

from kan import KAN, add_symbolic, create_dataset

# The settings of API_6, 7 and 12: the intervals of `KAN([2, 5, 1], k=3, ...)`, and the arguments of `fit`.
SETTINGS = {
    "as a start": (5, {"lamb": 0.01}),
    "no penalty": (5, {"lamb": 0.0}),
    "lamb 1": (5, {"lamb": 1.0}),
    "no entropy": (5, {"lamb": 0.01, "lamb_entropy": 0.0}),
    "entropy 10": (5, {"lamb": 0.01, "lamb_entropy": 10.0}),
    "grid 3": (3, {"lamb": 0.01}),
    "6 steps": (5, {"lamb": 0.01, "steps": 6}),
}
# What these notebooks print as penalties are those of this metric, which was the default when they were executed.
METRIC = {"reg_metric": "edge_backward"}


def penalties():
    """API_6, 7, 12: one function by one network, with all kinds of penalties."""
    figures = {}
    for name, (grid, training) in SETTINGS.items():
        models = (KAN(width=[2, 5, 1], grid=grid, k=3, seed=seed) for seed in SEEDS)
        errors, minimised = zip(*(penalised(model, two_inputs(), **METRIC, **training) for model in models))
        figures.update(over_seeds(f"{name}, test RMSE", errors), **over_seeds(f"{name}, minimised", minimised))
    return figures


def pruned():
    """API_2, 8, 12: the same network, pruned, with a named edge, and taken back to an earlier version."""
    dataset = two_inputs()
    model = KAN(width=[2, 5, 1], grid=3, k=3, seed=1)
    figures = {"grid 3, test RMSE": f"{fit(model, dataset, steps=20, lamb=0.01):.2e}"}
    model.get_act(dataset)
    model = model.prune()
    model.get_act(dataset)
    figures["width after pruning"] = str([nodes[0] for nodes in model.width])
    figures["x^2, r2"] = f"{float(model.fix_symbolic(0, 1, 0, 'x^2')):.5f}"
    errors = []
    for seed in SEEDS:
        model = KAN(width=[2, 5, 1], grid=5, k=3, seed=seed)
        model.get_act(dataset)
        fit(model, dataset, steps=20, lamb=0.01, **METRIC)
        model.prune()
        errors.append(fit(model.rewind("0.1"), dataset, steps=2))
    return {**figures, **over_seeds("taken back, 2 steps, test RMSE", errors)}


def film():
    """API_9: five steps of a deep network, with a picture of each."""
    dataset = create_dataset(four_inputs, n_var=4, train_num=3000)
    names = {"in_vars": ["$x_1$", "$x_2$", "$x_3$", "$x_4$"], "out_vars": ["$f$"]}
    models = (KAN(width=[4, 2, 1, 1], grid=3, k=3, seed=seed) for seed in SEEDS)
    errors = [fit(model, dataset, steps=5, lamb=1e-3, save_fig=True, beta=10, **names) for model in models]
    return over_seeds("test RMSE", errors)


def large():
    """API_10: three hidden layers of 100 nodes."""
    dataset = create_dataset(four_inputs, n_var=4, train_num=1000)
    model = KAN(width=[4, 100, 100, 100, 1], grid=3, k=3, seed=0)
    options = {"opt": "Adam", "lr": 1e-3, "steps": 50, "lamb": 1e-3, "lamb_entropy": 5.0, "update_grid": False}
    return {"test RMSE": f"{fit(model, dataset, **options):.2e}"}


def moons():
    """Example_4: which of two moons, as a regression and as a classification."""
    errors = [fit(KAN(width=[2, 1], grid=3, k=3), moons_of(state)[0], steps=20) for state in SEEDS]
    figures = over_seeds("test RMSE", errors, drawn="draws of the data")
    dataset, y = moons_of(0)
    model = KAN(width=[2, 1], grid=3, k=3)
    fit(model, dataset, steps=20)
    figures["right on test data"] = f"{right(model(dataset['test_input'])[:, 0] > 0.5, y[1]):.1%}"
    library = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]
    model.auto_symbolic(lib=[*library, "tan"])
    figures["formula, right on test data"] = f"{right(model(dataset['test_input'])[:, 0] > 0.5, y[1]):.1%}"

    dataset.update(train_label=y[0], test_label=y[1])
    model = KAN(width=[2, 2], grid=3, k=3, seed=2024)
    fit(model, dataset, steps=20, loss_fn=torch.nn.CrossEntropyLoss())
    logits = model(dataset["test_input"]).detach()
    figures["cross entropy, test"] = f"{float(torch.nn.functional.cross_entropy(logits, y[1])):.2e}"
    model.auto_symbolic(lib=library)
    found = model(dataset["test_input"]).argmax(dim=1)
    figures["cross entropy, formula, right on test data"] = f"{right(found, y[1]):.1%}"
    return figures


def moons_of(state):
    """Return a data set with labels as numbers, and the labels: of a draw for training, and another for tests."""
    x, y = zip(*(map(torch.as_tensor, make_moons(1000, noise=0.1, random_state=2 * state + part)) for part in (0, 1)))
    dataset = {
        "train_input": x[0].float(),
        "train_label": y[0][:, None].float(),
        "test_input": x[1].float(),
        "test_label": y[1][:, None].float(),
    }
    return dataset, y


def bessel():
    """Example_5: a Bessel function of a large argument, within a formula."""
    dataset = create_dataset(lambda x: torch.exp(torch.special.bessel_j0(20 * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)
    add_symbolic("J0", torch.special.bessel_j0)
    coarse, fine, r2 = zip(*(refined(dataset, seed) for seed in SEEDS))
    figures = {**over_seeds("grid 3, test RMSE", coarse), **over_seeds("grid 20, test RMSE", fine)}
    figures["J0, largest r2"] = f"{max(r2):.6f}"
    return figures


def refined(dataset, seed):
    """Return the test errors on a coarse and a finer grid, and r2 of the Bessel function on its edge."""
    model = KAN(width=[2, 1, 1], grid=3, k=3, seed=seed)
    coarse = fit(model, dataset, steps=20)
    model = model.refine(20)
    fine = fit(model, dataset, steps=20)
    model.get_act(dataset)
    return coarse, fine, float(model.fix_symbolic(0, 0, 0, "J0", a_range=(-40, 40)))


def peaks():
    """Example_8: five peaks, learnt one after the other."""
    centres = torch.arange(-0.8, 0.81, 0.4)
    options = {"noise_scale": 0.1, "sp_trainable": False, "sb_trainable": False, "base_fun": "zero"}
    model = KAN(width=[1, 1], grid=200, k=3, **options)

    def heights(x):
        return torch.exp(-300 * (x - centres).square()).sum(dim=1, keepdim=True)

    last = 0.0
    for centre in centres:
        x = centre + torch.linspace(-0.2, 0.2, 100)[:, None]
        dataset = {"train_input": x, "train_label": heights(x), "test_input": x, "test_label": heights(x)}
        last = fit(model, dataset, steps=100, update_grid=False)
    x = torch.linspace(-1, 1, 500)[:, None]
    all_of_them = float((model(x) - heights(x)).detach().square().mean().sqrt())
    return {"last peak, RMSE": f"{last:.2e}", "all peaks in the end, RMSE": f"{all_of_them:.2e}"}


def two_inputs():
    """Return the data of the API pages."""
    return create_dataset(lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2), n_var=2)


def four_inputs(x):
    """Return exp of the mean of two sines of sums of squares."""
    pairs = x[:, 0::2] ** 2 + x[:, 1::2] ** 2
    return torch.exp(torch.sin(torch.pi * pairs).mean(dim=1, keepdim=True))


def penalised(model, dataset, lamb=0.0, **options):
    """Fit, and return the test RMSE, and what was minimised: the mean square error plus `lamb` times the penalty."""
    results = model.fit(dataset, lamb=lamb, **{"steps": 20, **options})
    minimised = float(results["train_loss"][-1]) ** 2 + lamb * float(results["reg"][-1])
    return float(results["test_loss"][-1]), minimised


def right(found, labels):
    """Return the share of the samples that are in the right class."""
    return float((found == labels).float().mean())


CASES = (penalties, pruned, film, large, moons, bessel, peaks)
