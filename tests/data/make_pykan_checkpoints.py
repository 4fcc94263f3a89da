"""Write the files of this folder with real pykan 0.2.8.

Run it in an environment of its own, where `kan` is pykan 0.2.8 and not this library::

    python -m venv pykan-venv
    pykan-venv/bin/pip install pykan==0.2.8 torch numpy scikit-learn sympy pyyaml pandas matplotlib tqdm
    pykan-venv/bin/python tests/data/make_pykan_checkpoints.py

It overwrites the files beside it. README.md lists them and their keys. pykan is called from a temporary folder,
because it writes into the working directory.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from kan import KAN, create_dataset
from kan.spline import B_batch, coef2curve, extend_grid

HERE = Path(__file__).resolve().parent
VERSIONS = {"pykan": importlib.metadata.version("pykan"), "torch": torch.__version__.split("+")[0]}
PENALTY_WEIGHTS = (1.0, 2.0, 0.5, 0.25)
REG_METRICS = ("edge_forward_spline_n", "edge_forward_spline_u", "edge_forward_sum", "edge_backward", "node_backward")

SCORES = (
    "edge_scores",
    "node_scores",
    "subnode_scores",
    "edge_actscale",
    "acts_scale",
    "acts_scale_spline",
    "subnode_actscale",
)
DIFFERENTIABLE = (
    "feature_score",
    "edge_scores",
    "edge_scores_all",
    "connection_cost",
    "edge_actscale",
    "acts_scale_spline",
)


def target(x: torch.Tensor) -> torch.Tensor:
    """Return exp(sin(pi x0) + x1^2), of however many variables."""
    return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [-1]] ** 2)


def fitted(steps: int = 4, **options: Any) -> Any:
    """Return a model after a few steps with grid updates, so that its knots are adaptive."""
    model = KAN(auto_save=False, **options)
    dataset = create_dataset(target, n_var=model.width_in[0], train_num=100, test_num=20, seed=1)
    model.fit(dataset, steps=steps, lamb=0.001, grid_update_num=2, stop_grid_update_step=3)
    model(dataset["train_input"])
    return model


def sum_only() -> Any:
    """Return a plain sum network with adaptive knots."""
    return fitted(width=[2, 3, 1], grid=5, k=3, seed=1)


def product() -> Any:
    """Return a network with product nodes that all have the same arity."""
    return fitted(width=[2, [2, 2], 1], grid=3, k=3, mult_arity=2, seed=2)


def product_nested() -> Any:
    """Return a network with product nodes of different arities."""
    return fitted(width=[3, [1, 2], 2], grid=2, k=3, mult_arity=[[], [2, 3], []], seed=3)


def partly_symbolic() -> Any:
    """Return a network with symbolic edges, spline edges, edges that are both, and a removed one."""
    model = fitted(width=[2, 2, 1], grid=3, k=3, seed=4)
    model.fix_symbolic(0, 0, 0, "sin", verbose=False)
    model.fix_symbolic(0, 1, 1, "x^2", verbose=False)
    model.fix_symbolic(0, 1, 0, "x^2", verbose=False)
    model.set_mode(0, 1, 0, mode="ns")
    model.fix_symbolic(1, 1, 0, "tanh", verbose=False)
    model.set_mode(1, 1, 0, mode="ns", mask_n=0.5)
    model.remove_edge(0, 0, 1)
    return model


def fully_symbolic() -> Any:
    """Return a network without a spline edge."""
    model = fitted(width=[2, 2, 1], grid=3, k=3, seed=5)
    for i, j, name in ((0, 0, "sin"), (0, 1, "gaussian"), (1, 0, "x^2"), (1, 1, "abs")):
        model.fix_symbolic(0, i, j, name, verbose=False)
    model.fix_symbolic(1, 0, 0, "x^3", verbose=False)
    model.fix_symbolic(1, 1, 0, "arctan", verbose=False)
    return model


def affine() -> Any:
    """Return a network with trainable affine parameters of nodes and sub-nodes that are not at their start."""
    model = fitted(width=[2, [2, 1], 1], grid=3, k=3, affine_trainable=True, seed=6)
    generator = torch.Generator().manual_seed(6)
    for name in ("node_scale", "node_bias", "subnode_scale", "subnode_bias"):
        for parameter in getattr(model, name):
            parameter.data += 0.5 * torch.rand(parameter.shape, generator=generator) - 0.25
    return model


def identity_base() -> Any:
    """Return a network whose base function is the identity."""
    return fitted(width=[2, 2, 1], grid=3, k=3, base_fun="identity", seed=7)


def degree_two() -> Any:
    """Return a network of quadratic splines on another range, with uniform knots."""
    return KAN(width=[2, 2, 1], grid=4, k=2, grid_range=[-2, 2], noise_scale=1.0, auto_save=False, seed=8)


def per_layer() -> Any:
    """Return a network with another grid and another degree in each layer."""
    return KAN(width=[2, 2, 1], grid=[3, 5], k=[3, 2], noise_scale=1.0, auto_save=False, seed=9)


def pruned() -> Any:
    """Return a pruned network."""
    model = fitted(steps=10, width=[2, 5, 1], grid=3, k=3, seed=10)
    model.attribute()
    return model.prune(node_th=0.05, edge_th=0.1)


def pruned_product() -> Any:
    """Return a network that lost one sum and one product node."""
    model = fitted(width=[2, [2, 2], 1], grid=3, k=3, mult_arity=[[], [2, 3], []], seed=11)
    return model.prune_node(mode="manual", active_neurons_id=[[0, 3]])


def pruned_input() -> Any:
    """Return a network that lost an input; pykan writes its file, but cannot read it."""
    return fitted(width=[3, 2, 1], grid=3, k=3, seed=13).prune_input(active_inputs=[0, 2])


def double() -> Any:
    """Return a network in float64."""
    return fitted(width=[2, 2, 1], grid=3, k=3, seed=12)


CASES: tuple[Callable[[], Any], ...] = (
    sum_only,
    product,
    product_nested,
    partly_symbolic,
    fully_symbolic,
    affine,
    identity_base,
    degree_two,
    per_layer,
    pruned,
    pruned_product,
    pruned_input,
    double,
)


def probe(model: Any) -> torch.Tensor:
    """Return 20 inputs: 9 inside the grid, 5 on knots, 2 just outside the grid, 4 beyond the extended knots."""
    knots, k = model.act_fun[0].grid.data, model.act_fun[0].k
    first, last, step = knots[:, k], knots[:, -1 - k], knots[:, 1] - knots[:, 0]
    share = torch.rand(9, len(knots), generator=torch.Generator().manual_seed(0))
    rows = [first + (last - first) * share]
    rows += [knots[:, i][None, :] for i in (0, k, k + 1, -1 - k, -1)]
    rows += [(first - 0.4 * step)[None, :], (last + 1.3 * step)[None, :]]
    rows += [
        (knots[:, 0] - step)[None, :],
        (knots[:, -1] + step)[None, :],
        0 * first[None, :] - 5,
        0 * first[None, :] + 5,
    ]
    return torch.cat(rows)


def all_columns(model: Any, x: torch.Tensor) -> torch.Tensor:
    """Return `x` with zeros for the inputs that `prune_input` took out, which pykan's forward wants to see."""
    full = torch.zeros(len(x), int(model.input_id.max()) + 1)
    full[:, model.input_id] = x
    return full


def write_checkpoint(name: str, model: Any) -> None:
    """Write pykan's three files and what the model answers."""
    x = probe(model)
    y = model(all_columns(model, x))
    expected = {
        "x": x,
        "y": y.detach(),
        "acts": [act.detach().clone() for act in model.acts],
        "acts_premult": [act.clone() for act in model.acts_premult],
        "spline_postacts": [act.clone() for act in model.spline_postacts],
        "spline_postsplines": [act.clone() for act in model.spline_postsplines],
        "versions": VERSIONS,
    }
    torch.save(expected, HERE / f"{name}_expected.pt")
    model(all_columns(model, x[:4]))  # pykan saves the last input with the model: keep it small
    model.auto_save, model.ckpt_path = False, "./model"
    model.saveckpt(str(HERE / name))


def penalties(model: Any) -> dict[str, Any]:
    """Return every penalty and every score of a model for inputs inside the grid."""
    x = torch.rand(30, model.width_in[0], generator=torch.Generator().manual_seed(1)) * 2 - 1
    model(x)
    model.attribute()
    lists = {name: [entry.detach().clone() for entry in getattr(model, name)] for name in SCORES}
    feature_score = model.feature_score.detach().clone()
    gradients = {name: gradients_of(model, name) for name in DIFFERENTIABLE}
    reg = {metric: model.reg(metric, *PENALTY_WEIGHTS).detach().clone() for metric in REG_METRICS[:-1]}
    # Last, because it overwrites the scores that the lines above read.
    model.node_attribute()
    reg[REG_METRICS[-1]] = model.reg(REG_METRICS[-1], *PENALTY_WEIGHTS).detach().clone()
    node_attribute = [entry.detach().clone() for entry in model.node_attribute_scores]
    rest = {"feature_score": feature_score, "node_attribute_scores": node_attribute, "gradients": gradients}
    return {"x": x, "reg": reg, **rest, **lists}


def gradients_of(model: Any, name: str) -> list[torch.Tensor]:
    """Return the gradients of the sum of the squares of some scores with respect to all coefficients."""
    scores = getattr(model, name)
    total = sum((entry**2).sum() for entry in (scores if isinstance(scores, list) else [scores]))
    return list(torch.autograd.grad(total, [layer.coef for layer in model.act_fun], retain_graph=True))


def layer_cases() -> Iterator[dict[str, Any]]:
    """Yield basis functions and curves on uniform, non-uniform and collapsed knots, for degrees 0 to 5, in float64."""
    generator = torch.Generator().manual_seed(2)
    n_inputs, n_outputs, n_intervals = 2, 2, 4
    for k in range(6):
        for kind in ("uniform", "non-uniform", "collapsed"):
            inner = torch.linspace(-1, 1, n_intervals + 1).expand(n_inputs, -1).clone()
            if kind == "non-uniform":
                inner[:, 1:-1] += 0.45 * (torch.rand(n_inputs, n_intervals - 1, generator=generator) - 0.5)
            if kind == "collapsed":
                inner[:, 2] = inner[:, 1]
            knots = extend_grid(inner, k_extend=k)
            inside = torch.rand(6, n_inputs, generator=generator) * 2 - 1
            outside = knots[:, [0, -1]].T + torch.tensor([[-0.3], [0.3]])
            x = torch.cat([inside, knots.T, outside])
            coef = torch.randn(n_inputs, n_outputs, n_intervals + k, generator=generator)
            basis = B_batch(x, knots, k=k).to(torch.float64)
            # pykan's own curve fails for degree 0, whose basis is a bool tensor there.
            curve = coef2curve(x, knots, coef, k) if k else torch.einsum("nib,iob->nio", basis, coef)
            yield {"k": k, "kind": kind, "grid": knots, "coef": coef, "x": x, "basis": basis, "curve": curve}


def dataset_cases() -> Iterator[dict[str, Any]]:
    """Yield small data sets of `exp(sin(pi x0) + x1^2)` with the arguments that made them."""
    for dtype in (torch.float32, torch.float64):
        for options in (
            {"seed": 0},
            {"seed": 42, "ranges": [0, 3]},
            {"seed": 7, "ranges": [[-1, 1], [0.1, 0.7]], "normalize_input": True, "normalize_label": True},
        ):
            torch.set_default_dtype(dtype)
            options = {"n_var": 2, "train_num": 20, "test_num": 7, **options}
            yield {"dtype": dtype, "options": options, "dataset": create_dataset(target, **options)}
    torch.set_default_dtype(torch.float32)


def write_all() -> None:
    """Write every file."""
    scores = {"weights": PENALTY_WEIGHTS, "versions": VERSIONS}
    for case in CASES:
        torch.set_default_dtype(torch.float64 if case is double else torch.float32)
        model = case()
        write_checkpoint(case.__name__, model)
        if case in (sum_only, partly_symbolic):
            scores[case.__name__] = penalties(model)
    torch.set_default_dtype(torch.float64)
    torch.save({"cases": list(layer_cases()), "versions": VERSIONS}, HERE / "pykan_layers.pt")
    torch.save(scores, HERE / "pykan_penalties.pt")
    torch.save({"cases": list(dataset_cases()), "versions": VERSIONS}, HERE / "pykan_datasets.pt")


if __name__ == "__main__":
    if VERSIONS["pykan"] != "0.2.8":
        raise SystemExit(f"These files must be written by pykan 0.2.8; `kan` is {VERSIONS['pykan']} here.")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        Path("model").mkdir()
        write_all()
        os.chdir(HERE)
