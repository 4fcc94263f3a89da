"""Everything is computed where model and data are, and gives there what it gives on the CPU.

There need not be a GPU: `pretend_device` is a device of its own. Run as a program, in a process of its own, this file
prints as JSON what is wrong with each case on the device that it is given; the tests read that. Where there is a GPU,
they ask for it too.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from torch import Tensor, nn
from torch.utils import backend_registration

from kan import (
    KAN,
    LBFGS,
    SYMBOLIC_LIB,
    KANLinear,
    LevenbergMarquardt,
    Symbolic_KANLayer,
    add_symbolic,
    augment_input,
    batch_hessian,
    batch_jacobian,
    create_dataset,
    create_dataset_from_data,
    hypothesis,
)
from kan.attribution import attribute
from kan.calculus import get_derivative, model2param
from kan.compiler import kanpiler
from kan.MLP import MLP
from kan.training.penalties import REG_METRICS

HERE = Path(__file__).parent
PRETENDED, SINGLE = "pretend", "pretend, in single precision"
DEVICES = [PRETENDED, SINGLE, *(["cuda"] if torch.cuda.is_available() else [])]
# In single precision the searches of L-BFGS part ways after a few steps.
TOLERANCES = {torch.float64: 1e-6, torch.float32: 0.1}
VARIABLES = sympy.symbols("a b c")
Found = list[Any]
"""What a case computed: tensors, numbers and texts."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
        reason="this torch takes no devices written in Python",
    ),
]


def formula(x: Tensor) -> Tensor:
    return x[:, [0]] * x[:, [1]] + x[:, [2]] ** 2


def data(device: Any) -> dict[str, Tensor]:
    """Return a data set, made on the CPU and moved."""
    dataset = create_dataset(formula, n_var=3, train_num=40, test_num=20, seed=0)
    return {name: tensor.to(device) for name, tensor in dataset.items()}


def model(device: Any, width: Any = (3, [2, 1], 1)) -> KAN:
    """Return a model with splines, a product, a named edge and a removed one."""
    made = KAN(width=list(width), grid=4, seed=0, auto_save=False)
    made.fix_symbolic(0, 0, 0, "sin", fit_params_bool=False, verbose=False)
    made.remove_edge(0, 1, 1)
    made.to(device)
    made.get_act(data(device))
    return made


def state(changed: KAN) -> Found:
    """Return all parameters and buffers."""
    return [*changed.parameters(), *changed.buffers()]


def forward_and_backward(device: Any) -> Found:
    made = model(device)
    y = made(data(device)["train_input"])
    y.square().mean().backward()
    return [y, *(parameter.grad for parameter in made.parameters() if parameter.grad is not None)]


def penalties(device: Any) -> Found:
    made = model(device)
    return [made.reg(metric, 1.0, 2.0, 0.1, 0.1) for metric in REG_METRICS]


def values_of_edges(device: Any) -> Found:
    made = model(device)
    names = ("acts", "acts_premult", "spline_preacts", "spline_postacts", "spline_postsplines")
    return [tensor for name in names for tensor in getattr(made, name)]


def scores(device: Any) -> Found:
    made = model(device)
    names = ("acts_scale", "acts_scale_spline", "edge_actscale", "subnode_actscale", "node_scores", "edge_scores")
    of_layers = [tensor for name in names for tensor in getattr(made, name)]
    return [*of_layers, made.feature_score, *attribute(made, layer=1).node_all, made.attribute(1, 0, plot=False)]


def a_layer(device: Any) -> Found:
    layer = KANLinear(3, 2, generator=torch.Generator().manual_seed(0)).to(device)
    return [layer(data(device)["train_input"])]


def fit_by_lbfgs(device: Any) -> Found:
    return fitted(device, opt="LBFGS", lamb=1e-3, lamb_coef=0.1, update_grid=False)


def fit_by_adam(device: Any) -> Found:
    return fitted(device, opt="Adam", lamb=1e-3, batch=30)


def fit_by_least_squares(device: Any) -> Found:
    return fitted(device, opt="LM", grids=[4, 6])


def fit_from_several_starts(device: Any) -> Found:
    return fitted(device, opt="Adam", n_starts=3, restore_best=True)


def fitted(device: Any, **options: Any) -> Found:
    made = model(device)
    results = made.fit(data(device), steps=2, progress=False, **options)
    return [*results["train_loss"], *state(made)]


def grid_updates(device: Any) -> Found:
    made = model(device)
    made.update_grid_from_samples(data(device)["train_input"] * 2)
    return state(made)


def children(device: Any) -> Found:
    made = model(device)
    offspring = [made.prune(), made.prune_input(active_inputs=[0, 2]), made.refine(7), made.copy()]
    return [tensor for child in offspring for tensor in state(child)]


def edits(device: Any) -> Found:
    made = model(device, width=(3, [2, 2], [3, 1], 1))
    made.auto_swap()
    made.swap(2, 0, 1)
    made.expand_width(1, 1)
    made.expand_width(2, 1, sum_bool=False, mult_arity=3, perturb=True)
    made.expand_depth()
    made.perturb()
    made.module(0, "[0]->[0]")
    return [*state(made), made(data(device)["train_input"]), made.connection_cost]


def symbolic_edges(device: Any) -> Found:
    made = model(device)
    made.fix_symbolic(0, 2, 0, "x^2", verbose=False)
    made.auto_symbolic(lib=["x"], verbose=0)
    return [made(data(device)["train_input"]), str([layer.funs_name for layer in made.symbolic_fun])]


def compiled(device: Any) -> Found:
    made = kanpiler(VARIABLES, sympy.exp(VARIABLES[0] * VARIABLES[1]) + VARIABLES[2] ** 2).to(device)
    return [made(data(device)["train_input"])]


def pictures(device: Any) -> Found:
    made = model(device)
    made.plot(sample=True, tick=True)
    made.attribute()
    return [*made.get_fun(0, 0, 0)[1].tolist(), str(made.feature_interaction(1)), *map(float, made.get_range(0, 0, 0))]


def derivatives(device: Any) -> Found:
    made, x = model(device), data(device)["train_input"]
    first, second = batch_jacobian(made, x, create_graph=True, mode="vector"), batch_hessian(made, x, create_graph=True)
    (third,) = torch.autograd.grad(second.square().sum(), made.act_fun[0].get_parameter("coef"))
    return [first, second, third]


def physics_by_least_squares(device: Any) -> Found:
    made, x = model(device), data(device)["train_input"]
    optimiser = LevenbergMarquardt(made.parameters(), model=made)
    for _ in range(2):
        optimiser.step(lambda: batch_jacobian(made, x, create_graph=True) - x)
    return state(made)


def a_perceptron(device: Any) -> Found:
    made, dataset = MLP(width=[3, 5, 1], seed=0).to(device), data(device)
    made.fit(dataset, steps=2, lamb=1e-3, reg_metric="fa", progress=False)
    made.auto_swap()
    made.plot()
    hessian = get_derivative(made, dataset["train_input"], dataset["train_label"])
    return [made(dataset["test_input"]), made.attribute(), hessian, model2param(made)]


def hypotheses(device: Any) -> Found:
    x, groups = data(device)["train_input"], [[0, 1], [2]]
    found = hypothesis.detect_separability(formula, x, quiet=True)
    arities, properties = hypothesis.get_tree_node(formula, x, hypothesis.get_molecule(formula, x), skip_test=False)
    return [
        str(found["groups"]),
        hypothesis.test_separability(formula, x, groups),
        hypothesis.test_general_separability(formula, x, groups),
        hypothesis.test_symmetry(formula, x, [0, 1]),
        hypothesis.get_dependence(formula, x, [0, 2]),
        hypothesis.batch_grad_normgrad(formula, x, [0, 2]),
        hypothesis.test_symmetry_var(formula, x, VARIABLES, VARIABLES[0] * VARIABLES[1]),
        str((arities, properties)),
    ]


def data_sets(device: Any) -> Found:
    dataset = augment_input(VARIABLES, [VARIABLES[0] * VARIABLES[1]], data(device))
    rows = np.linspace(0, 1, 20).reshape(10, 2)
    return [*dataset.values(), *create_dataset_from_data(rows, rows[:, 0], device=device).values()]


def a_model_left_behind(device: Any) -> Found:
    """Give a model in double precision on the CPU inputs from the device, and the memory of an optimiser there."""
    made, twin, x = model(device), model("cpu").double(), data(device)["train_input"]
    optimiser = LBFGS(made.parameters())

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = made(x).square().mean()
        value.backward()
        return value

    optimiser.step(loss)
    other = LBFGS(twin.parameters())
    other.load_state_dict(optimiser.state_dict())
    return [*twin(x).flatten().tolist(), *other.state_dict()["state"][0]["history"]["pairs"].flatten().tolist()]


CASES: dict[str, Callable[[Any], Found]] = {
    case.__name__: case
    for case in (
        forward_and_backward,
        penalties,
        values_of_edges,
        scores,
        a_layer,
        fit_by_lbfgs,
        fit_by_adam,
        fit_by_least_squares,
        fit_from_several_starts,
        grid_updates,
        children,
        edits,
        symbolic_edges,
        compiled,
        pictures,
        derivatives,
        physics_by_least_squares,
        a_perceptron,
        hypotheses,
        data_sets,
        a_model_left_behind,
    )
}


def compared(case: Callable[[Any], Found], device: torch.device) -> str:
    """Run a case on the CPU and on `device`; return what is wrong, or nothing."""
    try:
        expected, found = case("cpu"), case(device)
    except Exception as error:  # noqa: BLE001 - to be reported, whatever it is
        return f"{type(error).__name__}: {error}"
    if len(expected) != len(found):
        return f"{len(found)} results instead of {len(expected)}"
    tolerance = TOLERANCES[torch.get_default_dtype()]
    for number, (right, ours) in enumerate(zip(expected, found)):
        if isinstance(ours, Tensor) and ours.device != device:
            return f"result {number} is on {ours.device}"
        if isinstance(ours, str):
            if ours != right:
                return f"result {number} is {ours} instead of {right}"
            continue
        ours, right = (torch.as_tensor(value).detach().cpu().double() for value in (ours, right))
        if not torch.allclose(ours, right, rtol=tolerance, atol=tolerance / 10, equal_nan=True):
            return f"result {number} is off by {float((ours - right).abs().max())}"
    return ""


@pytest.fixture(scope="module", params=DEVICES)
def wrong(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what is wrong with every case; torch never forgets a device, so in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, request.param],
        capture_output=True,
        text=True,
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_device_gives_what_the_cpu_gives(wrong: dict[str, str], case: str) -> None:
    assert not wrong[case]


def test_tensors_on_two_devices_are_an_error() -> None:
    """The pretence is as strict as a GPU."""
    program = (
        "import torch; from pretend_device import Pretence, install; place = install()\n"
        "with Pretence():\n"
        "    x = torch.ones(3, device=place)\n"
        "    assert (x + 1).tolist() == [2, 2, 2] and x.cpu().device.type == 'cpu'\n"
        "    x + torch.ones(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=HERE, check=False)
    assert "all tensors must be on one device" in done.stderr


@pytest.mark.parametrize(
    "operation",
    ["x.double()", "x.to('cpu', torch.float64)", "torch.ones(2).double().copy_(x)", "torch.linalg.qr(x[None])"],
)
def test_a_device_in_single_precision_refuses(operation: str) -> None:
    """The pretence is as strict as one of Apple's."""
    program = (
        "import torch; from pretend_device import Pretence, install; place = install(has_double=False)\n"
        "with Pretence():\n"
        "    x = torch.ones(2, dtype=torch.float64).to(place, torch.float32)\n"
        "    assert x.cpu().double().tolist() == [1, 1]\n"
        f"    {operation}\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=HERE, check=False)
    assert re.search("TypeError: This device has no double|NotImplementedError", done.stderr)


# Another default device


def test_start_values_are_the_same_whatever_the_default_device_is() -> None:
    """A stream on the CPU cannot draw elsewhere."""
    expected = [KAN([2, [2, 1], 1], seed=0, sparse_init=True), MLP([2, 3, 1], seed=0), Symbolic_KANLayer(2, 3)]
    with torch.device("meta"):
        made = [KAN([2, [2, 1], 1], seed=0, sparse_init=True), MLP([2, 3, 1], seed=0), Symbolic_KANLayer(2, 3)]
    for ours, theirs in zip(made, expected):
        assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))


def test_a_layer_without_a_device_of_its_own_goes_to_the_default_one() -> None:
    with torch.device("meta"):
        layers = nn.Linear(2, 3), KANLinear(2, 3)
    assert {entry.device.type for layer in layers for entry in layer.parameters()} == {"meta"}
    assert KANLinear(2, 3).coef.device.type == "cpu"


@pytest.mark.parametrize(
    "options",
    [{}, {"opt": "LM", "lamb": 1e-3}, {"opt": "Adam", "batch": 5}, {"n_starts": 2}, {"reg_metric": "edge_forward_sum"}],
)
def test_a_network_elsewhere_than_the_default_device_is_trained_where_it_is(options: dict[str, Any]) -> None:
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    dataset = {"train_input": x, "train_label": x[:, :1] ** 2}
    with torch.device("meta"):
        model = KAN([2, [1, 1], 1], seed=0)
        model.fit(dataset, **{"steps": 2, "lamb": 1e-3, "progress": False, **options})
        model.fix_symbolic(0, 0, 0, "sin", verbose=False)
        values = model(x)
    assert values.device.type == "cpu"
    assert values.isfinite().all()


def test_a_network_elsewhere_than_the_default_device_is_written_and_drawn() -> None:
    """On Apple's GPUs nothing could be made in double precision; tensors on "meta" cannot be read."""
    x = torch.rand(2000, 1, generator=torch.Generator().manual_seed(0))
    model = KAN([1, 1, 1], seed=0)
    with torch.device("meta"):
        add_symbolic("twice", lambda x: 2 * torch.from_numpy(x.numpy()))  # autograd cannot follow it
        try:
            model.get_act(x)
            model.draw()
            model.expand_width(1, 1, perturb=True)
            assert model.act_fun[0].mask.tolist() == [[1, 1]]
            model.auto_symbolic(lib=["x", "x^2", "twice"], verbose=0)
            model.fix_symbolic(0, 0, 1, "twice", verbose=False)
            values = model(x)[:, 0].detach()
            formulas, _ = model.symbolic_formula()
            model.symbolic_formula(tolerance=1e-6, verbose=False)
            assert SYMBOLIC_LIB["twice"].torch_fun(values[:3].double().requires_grad_()).requires_grad
        finally:
            del SYMBOLIC_LIB["twice"]
    formula = formulas[0].replace(sympy.Function("twice"), lambda argument: 2 * argument)
    assert float(formula.subs("x_1", float(x[0]))) == pytest.approx(float(values[0]), abs=1e-5)
    assert sum(model.formula_report.change) < 1e-4


if __name__ == "__main__":
    from pretend_device import Pretence, install

    pretended, is_single = sys.argv[1] in (PRETENDED, SINGLE), sys.argv[1] == SINGLE
    torch.set_default_dtype(torch.float32 if is_single else torch.float64)
    with contextlib.redirect_stdout(io.StringIO()):
        place = install(has_double=not is_single) if pretended else torch.device(sys.argv[1], 0)
        with Pretence() if pretended else contextlib.nullcontext():
            wrong = {name: compared(case, place) for name, case in CASES.items()}
    sys.stdout.write(json.dumps(wrong) + "\n")
