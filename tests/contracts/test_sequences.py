"""Whatever is done to a network, in whatever order: it computes what its tensors say, and keeps what it promises.

Hypothesis draws sequences of operations. After each of them the outputs are compared with an evaluation that takes
nothing from the library but the tensors: SciPy's splines, edge by edge, node by node.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import matplotlib.pyplot as plt
import numpy as np
import sympy
import torch
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scipy.interpolate import BSpline

from kan import KAN, KANError

SAMPLES = 40
FUNCTIONS = ("x", "x^2", "sin", "exp", "tanh", "gaussian", "abs", "0")

WIDTHS: Any = (
    [2, 1],
    [2, 3, 1],
    [3, 2, 2],
    [2, [1, 1], 1],
    [2, [2, 2], [1, 1], 1],
    [1, 2, 2, 1],
)


def spline(knots: np.ndarray, coefficients: np.ndarray, degree: int, x: np.ndarray) -> np.ndarray:
    """Evaluate a sum of B-splines on all of its knots; SciPy's own splines end `degree` intervals before."""
    step = 1.0 + np.abs(knots).max()
    outer = step * np.arange(1, degree + 1)
    wider = np.concatenate([knots[0] - outer[::-1], knots, knots[-1] + outer])
    padded = np.pad(coefficients, degree)
    values = BSpline(wider, padded, degree, extrapolate=False)(x)
    return np.where((x >= knots[0]) & (x < knots[-1]), values, 0.0)


def evaluated(model: KAN, x: torch.Tensor) -> np.ndarray:
    """Return the outputs of a network from its tensors alone."""
    nodes = x.numpy()[:, list(model.input_id)]
    for index, (numeric, symbolic) in enumerate(zip(model.act_fun, model.symbolic_fun)):
        grid, coef, mask = (tensor.detach().numpy() for tensor in (numeric.grid, numeric.coef, numeric.mask))
        scale_base, scale_sp = numeric.scale_base.detach().numpy(), numeric.scale_sp.detach().numpy()
        base = numeric.base_fun(torch.from_numpy(nodes)).detach().numpy()
        sums = np.zeros((len(nodes), numeric.out_dim))
        for i in range(numeric.in_dim):
            for o in range(numeric.out_dim):
                curve = spline(grid[i], coef[i, o], numeric.k, nodes[:, i])
                sums[:, o] += mask[i, o] * (scale_base[i, o] * base[:, i] + scale_sp[i, o] * curve)
                a, b, c, d = symbolic.affine[o, i].tolist()
                if symbolic.mask[o, i]:
                    value = symbolic.funs[o][i](torch.from_numpy(a * nodes[:, i] + b)).detach().numpy()
                    sums[:, o] += float(symbolic.mask[o, i]) * (c * value + d)
        scale, bias = (getattr(model, f"subnode_{name}_{index}").detach().numpy() for name in ("scale", "bias"))
        subnodes = scale * sums + bias
        n_sum, n_product = model.width[index + 1]
        columns, first = [subnodes[:, :n_sum]], n_sum
        for product in range(n_product):
            arity = model.mult_arity[index + 1][product]
            columns.append(subnodes[:, first : first + arity].prod(axis=1, keepdims=True))
            first += arity
        scale, bias = (getattr(model, f"node_{name}_{index}").detach().numpy() for name in ("scale", "bias"))
        nodes = scale * np.concatenate(columns, axis=1) + bias
    return nodes


def tensors_of(model: KAN) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in (*model.named_parameters(), *model.named_buffers())}


class Network(RuleBasedStateMachine):
    """A network in the hands of somebody who tries everything."""

    @initialize(
        width=st.sampled_from(WIDTHS),
        seed=st.integers(0, 9),
        k=st.sampled_from([2, 3]),
        grid=st.sampled_from([2, 5]),
        grid_eps=st.sampled_from([0.02, 1.0]),
        affine_trainable=st.booleans(),
        scale=st.sampled_from([1.0, 30.0]),
    )
    def create(self, width: Any, seed: int, scale: float, **options: Any) -> None:
        products = [nodes[1] if isinstance(nodes, list) else 0 for nodes in width]
        arity = [[3, 2][:number] for number in products]
        self.model = KAN(width=width, mult_arity=arity, seed=seed, **options).double()
        generator = torch.Generator().manual_seed(seed)
        n_inputs = width[0]
        self.x = scale * (2 * torch.rand(SAMPLES, n_inputs, generator=generator, dtype=torch.float64) - 1)
        y = torch.sin(self.x.sum(dim=1, keepdim=True) / scale) + 0.1 * self.x[:, [0]] ** 2 / scale**2
        y = y.expand(-1, width[-1]).contiguous()
        self.dataset = {"train_input": self.x, "train_label": y, "test_input": self.x[:20], "test_label": y[:20]}
        self.model.update_grid_from_samples(self.x)
        self.model.get_act(self.x)

    def attempt(self, change: Callable[[], Any]) -> Any:
        """Call something; where it is refused, see that nothing was changed."""
        before = tensors_of(self.model)
        try:
            return change()
        except KANError:
            after = tensors_of(self.model)
            assert after.keys() == before.keys()
            assert all(torch.equal(before[name], after[name]) for name in before)
            return None

    def outputs(self, model: KAN | None = None) -> torch.Tensor:
        with torch.no_grad():
            return (self.model if model is None else model)(self.x)

    def keep(self, change: Callable[[], Any], *, tolerance: float = 1e-9) -> None:
        """Make a change that keeps the function."""
        before = self.outputs()
        self.attempt(change)
        torch.testing.assert_close(
            self.outputs(), before, rtol=tolerance, atol=tolerance * (1 + float(before.abs().max())), equal_nan=True
        )

    @invariant()
    def it_computes_what_its_tensors_say(self) -> None:
        if not hasattr(self, "model"):
            return
        with np.errstate(all="ignore"):
            expected, moved = (torch.from_numpy(evaluated(self.model, x)) for x in (self.x, self.x * (1 + 1e-12)))
        if bool(expected.isfinite().all()) and float(expected.abs().max()) < 1e6:
            # Steep functions of steep functions make more of rounding.
            most = 1e-8 * (1 + expected.abs()) + 1e3 * (moved - expected).abs()
            assert bool(((self.outputs() - expected).abs() <= most).all())

    @rule(
        opt=st.sampled_from(["LBFGS", "Adam", "LM"]),
        lamb=st.sampled_from([0.0, 1e-3]),
        update_grid=st.booleans(),
        steps=st.integers(1, 3),
    )
    def fit(self, **options: Any) -> None:
        # A network in any state may be hopeless, and `fit` says so.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results = self.attempt(lambda: self.model.fit(self.dataset, progress=False, grid_update_num=2, **options))
        if results is not None:
            error = (self.outputs()[:20] - self.dataset["test_label"]).square().mean().sqrt()
            np.testing.assert_allclose(results["test_loss"][-1], float(error), rtol=1e-6, atol=1e-9)

    @rule(grid=st.integers(1, 12))
    def refine(self, grid: int) -> None:
        refined = self.attempt(lambda: self.model.refine(grid))
        if refined is not None:
            self.model = refined

    @rule()
    def update_grid(self) -> None:
        self.model.update_grid_from_samples(self.x)

    @rule(node_th=st.sampled_from([1e-2, 0.3]), edge_th=st.sampled_from([3e-2, 0.3]))
    def prune(self, **options: Any) -> None:
        before = tensors_of(self.model)
        # Of a network in any state nothing may be left, and `prune` says so.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            pruned = self.attempt(lambda: self.model.prune(**options))
        assert all(torch.equal(before[name], tensor) for name, tensor in tensors_of(self.model).items())
        if pruned is not None:
            self.model = pruned
            pruned.get_act(self.x)

    @rule()
    def prune_input(self) -> None:
        pruned = self.attempt(self.model.prune_input)
        if pruned is not None:
            self.model = pruned
            pruned.get_act(self.x)

    @rule(data=st.data(), name=st.sampled_from(FUNCTIONS), fitted=st.booleans())
    def fix(self, data: Any, name: str, fitted: bool) -> None:
        edge = self.edge(data)
        self.attempt(lambda: self.model.fix_symbolic(*edge, name, fit_params_bool=fitted, verbose=False))

    @rule(data=st.data())
    def unfix(self, data: Any) -> None:
        edge = self.edge(data)
        self.attempt(lambda: self.model.unfix_symbolic(*edge))

    @rule(data=st.data(), mode=st.sampled_from(["n", "s", "ns", "0"]))
    def set_mode(self, data: Any, mode: str) -> None:
        edge = self.edge(data)
        self.attempt(lambda: self.model.set_mode(*edge, mode))

    @rule(data=st.data())
    def remove_edge(self, data: Any) -> None:
        edge = self.edge(data)
        self.attempt(lambda: self.model.remove_edge(*edge))

    @rule(data=st.data(), mode=st.sampled_from(["all", "up", "down"]))
    def remove_node(self, data: Any, mode: str) -> None:
        layer = data.draw(st.integers(1, self.model.depth - 1)) if self.model.depth > 1 else 1
        node = data.draw(st.integers(0, sum(self.model.width[layer]) - 1))
        self.attempt(lambda: self.model.remove_node(layer, node, mode=mode))

    @rule()
    def name_all(self) -> None:
        """Replace all splines, and read the formula: it equals the network."""
        self.model.get_act(self.x)
        self.attempt(lambda: self.model.auto_symbolic(lib=["x", "x^2", "sin", "gaussian"], verbose=0))

    @rule()
    def read(self) -> None:
        found = self.attempt(self.model.symbolic_formula)
        if found is None:
            return
        formulas, variables = found
        expected = self.outputs()
        for column, formula in zip(expected.T, formulas):
            values = sympy.lambdify(variables, formula, "numpy")(*self.x[:, list(self.model.input_id)].T.numpy())
            if bool(column.isfinite().all()) and float(column.abs().max()) < 1e6:
                np.testing.assert_allclose(np.broadcast_to(values, len(self.x)), column.numpy(), rtol=1e-6, atol=1e-6)

    @precondition(lambda self: self.model.depth < 4)
    @rule()
    def deepen(self) -> None:
        self.keep(self.model.expand_depth)
        self.model.get_act(self.x)

    @precondition(lambda self: self.model.depth > 1 and max(map(sum, self.model.width)) < 6)
    @rule(data=st.data(), n_added=st.integers(1, 2), is_sum=st.booleans(), arity=st.integers(2, 3))
    def widen(self, data: Any, n_added: int, is_sum: bool, arity: int) -> None:
        layer = data.draw(st.integers(1, self.model.depth - 1))
        self.keep(lambda: self.model.expand_width(layer, n_added, sum_bool=is_sum, mult_arity=arity))
        self.model.get_act(self.x)

    @rule(mode=st.sampled_from(["all", "non-intrusive", "minimal"]))
    def perturb(self, mode: str) -> None:
        self.attempt(lambda: self.model.perturb(mag=0.1, mode=mode))

    @rule(data=st.data())
    def swap(self, data: Any) -> None:
        layer = data.draw(st.integers(1, self.model.depth - 1)) if self.model.depth > 1 else 1
        n_sum = self.model.width[layer][0] if self.model.depth > 1 else 1
        i1, i2 = (data.draw(st.integers(0, max(n_sum - 1, 0))) for _ in range(2))
        self.keep(lambda: self.model.swap(layer, i1, i2))

    @rule()
    def auto_swap(self) -> None:
        self.keep(self.model.auto_swap)

    @rule(way=st.sampled_from(["copy", "deepcopy", "pickle", "file", "state", "rewind"]))
    def carry_over(self, way: str) -> None:
        """Go on with another object that is to be the same."""
        before = self.outputs()
        if way == "copy":
            self.model = self.model.copy()
        elif way == "deepcopy":
            self.model = copy.deepcopy(self.model)
        elif way == "pickle":
            self.model = pickle.loads(pickle.dumps(self.model))
        elif way == "file":
            self.model.saveckpt("model")
            self.model = KAN.loadckpt("model")
            Path("model").unlink(missing_ok=True)
        elif way == "state":
            self.model.load_state_dict(self.model.state_dict())
        else:
            self.model.log_history("here")
            self.model = self.model.rewind(f"{self.model.round}.{self.model.state_id}")
        torch.testing.assert_close(self.outputs(), before, rtol=0, atol=0, equal_nan=True)
        self.model.get_act(self.x)

    @rule()
    def look(self) -> None:
        """Draw, and ask for scores."""
        self.model.get_act(self.x)
        scores = self.attempt(self.model.attribute)
        if scores is not None and bool(self.outputs().isfinite().all()):
            assert bool((scores >= 0).all())
        self.model.plot()
        plt.close("all")

    def edge(self, data: Any) -> tuple[int, int, int]:
        layer = data.draw(st.integers(0, self.model.depth - 1))
        numeric = self.model.act_fun[layer]
        return layer, data.draw(st.integers(0, numeric.in_dim - 1)), data.draw(st.integers(0, numeric.out_dim - 1))


TestSequences = Network.TestCase
TestSequences.settings = settings(max_examples=20, stateful_step_count=12)
