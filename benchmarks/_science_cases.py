"""One example of the science toolbox, named on the command line; the same text runs here and with pykan 0.2.8.

`science.py` starts it. It prints one line of JSON: what was measured, under the names that `science.py` has the
published figures for. Settings are those of pykan's published notebooks, unless a comment says otherwise.
"""

import contextlib
import io
import json
import sys
import time

import _science_basics
import _science_networks
import _science_physics
import sympy
import torch
from _science_common import both_optimisers, fit

from kan import KAN, create_dataset
from kan.utils import augment_input, ex_round

torch.set_num_threads(1)


def scores():
    """Interp_4: how much each of four inputs matters, against the spread of the terms on the same data."""
    dataset = create_dataset(lambda x: x[:, 0] ** 2 + 0.3 * x[:, 1] + 0.1 * x[:, 2] ** 3 + 0.0 * x[:, 3], n_var=4)
    model = KAN(width=[4, 5, 1], seed=1)
    fit(model, dataset, steps=40, lamb=0.001)
    x, y = dataset["train_input"], dataset["train_label"]
    terms = torch.stack([x[:, 0] ** 2, 0.3 * x[:, 1], 0.1 * x[:, 2] ** 3, 0.0 * x[:, 3]], dim=1)
    exact, found = terms.std(dim=0) / y.std(), model.feature_score.detach()
    return {
        "feature scores": ", ".join(f"{score:.4f}" for score in found.tolist()),
        "largest error": f"{float((found - exact).abs().max()):.4f}",
    }


def inputs():
    """Interp_4: which of 100 inputs, each half as important as the one before, are kept."""
    dataset = create_dataset(lambda x: sum(x[:, [i]] ** 2 * 0.5**i for i in range(100)), n_var=100)
    model = KAN(width=[100, 10, 10, 1], seed=2)
    error = fit(model, dataset, steps=50, lamb=1e-3)
    model = model.prune()
    model.get_act(dataset)
    kept = model.prune_input(threshold=3e-2).input_id.tolist()
    return {"test RMSE": f"{error:.2e}", "kept inputs": ", ".join(map(str, kept))}


def product():
    """Interp_1: a product node finds x_1 * x_2."""
    torch.set_default_dtype(torch.float64)
    dataset = create_dataset(lambda x: x[:, 0] * x[:, 1], n_var=2)
    model = KAN(width=[2, [5, 2], 1], base_fun="identity")
    fit(model, dataset, steps=20, lamb=0.01, lamb_coef=1.0)
    model = model.prune()
    splines = fit(model, dataset, steps=20)
    model.auto_symbolic()
    error = fit(model, dataset, steps=20)
    formula = sympy.nsimplify(ex_round(sympy.expand(ex_round(model.symbolic_formula()[0][0], 8)), 3))
    return {
        **both_optimisers("sums alone, ", dataset),
        "splines, test RMSE": f"{splines:.2e}",
        "formula, test RMSE": f"{error:.2e}",
        "formula": str(formula),
    }


def mass():
    """Interp_8: relativistic mass, with beta and gamma as auxiliary variables."""
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    _, v, c = variables = sympy.symbols("m0 v c")
    beta = v / c
    gamma = 1 / sympy.sqrt(1 - beta**2)
    dataset = create_dataset(
        lambda x: x[:, [0]] / torch.sqrt(1 - x[:, [1]] ** 2 / x[:, [2]] ** 2),
        n_var=3,
        ranges=[[0, 1], [0, 0.9], [1.1, 2]],
    )
    dataset = augment_input(variables, (beta, gamma), dataset)
    model = KAN(width=[5, [0, 1]], mult_arity=2, grid=3, k=3, seed=1)
    fit(model, dataset, steps=50, lamb=1e-5, lamb_coef=1.0)
    model = model.prune(edge_th=5e-2)
    splines = fit(model, dataset, steps=100)
    model.auto_symbolic()
    error = fit(model, dataset, steps=50)
    formula = model.symbolic_formula(var=[beta, gamma, *variables])[0][0]
    formula = sympy.nsimplify(ex_round(ex_round(ex_round(formula, 6), 3), 3))
    return {"splines, test RMSE": f"{splines:.2e}", "formula, test RMSE": f"{error:.2e}", "formula": str(formula)}


CASES = {
    case.__name__: case
    for case in (
        *_science_basics.CASES,
        *(scores, inputs, product, mass),
        *_science_networks.CASES,
        *_science_physics.CASES,
    )
}

if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        figures = CASES[sys.argv[1]]()
    figures["seconds of CPU"] = f"{time.process_time():.0f}"  # imports included; waiting for a busy machine is not
    print(json.dumps(figures))
