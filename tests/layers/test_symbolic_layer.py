"""The symbolic layer: functions on edges, masks, names in the state, and nothing when idle."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from torch import Tensor
from torch.func import functional_call

from kan import KAN
from kan.common.errors import ArgumentError
from kan.common.random import stream
from kan.layers import Symbolic_KANLayer
from kan.symbolic import SYMBOLIC_LIB

# What each name means, written down again; the second function is for where the plain one is not defined.
FORMULAS: dict[str, Callable[[float], float]] = {
    "x": lambda x: x,
    "x^2": lambda x: x * x,
    "x^3": lambda x: x * x * x,
    "x^4": lambda x: x**4,
    "x^5": lambda x: x**5,
    "1/x": lambda x: 1 / x,
    "1/x^2": lambda x: 1 / x / x,
    "1/x^3": lambda x: 1 / x**3,
    "1/x^4": lambda x: 1 / x**4,
    "1/x^5": lambda x: 1 / x**5,
    "sqrt": math.sqrt,
    "x^0.5": math.sqrt,
    "x^1.5": lambda x: x * math.sqrt(x),
    "1/sqrt(x)": lambda x: 1 / math.sqrt(x),
    "1/x^0.5": lambda x: 1 / math.sqrt(x),
    "exp": math.exp,
    "log": math.log,
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "tanh": math.tanh,
    "sgn": lambda x: math.copysign(1, x),
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "arctanh": math.atanh,
    "0": lambda _: 0.0,
    "gaussian": lambda x: math.exp(-x * x),
}


def make_layer(*edges: tuple[int, int, str], in_dim: int = 3, out_dim: int = 2) -> Symbolic_KANLayer:
    """Return a layer in float64 with functions on some edges (input, output, name), and constants of its own."""
    layer = Symbolic_KANLayer(in_dim, out_dim).double()
    layer.affine.data = torch.rand(out_dim, in_dim, 4, generator=stream(0)).double() + 0.5
    for i, j, name in edges:
        layer.set_edge(i, j, name)
        layer.mask.data[j, i] = 1
    return layer


def samples(count: int = 8, in_dim: int = 3) -> Tensor:
    return torch.rand(count, in_dim, generator=stream(1)).double() * 0.5 + 0.1


def test_the_device_may_be_set_to_what_it_is() -> None:
    layer = Symbolic_KANLayer(2, 1)
    layer.device = "cpu"
    with pytest.raises(ArgumentError, match="`device` is"):
        layer.device = "meta"


def test_the_whole_library_is_tested() -> None:
    assert list(FORMULAS) == list(SYMBOLIC_LIB)


@pytest.mark.parametrize("name", FORMULAS)
def test_edges_compute_their_function(name: str) -> None:
    layer = make_layer((1, 0, name))
    layer.affine.data[0, 1] = torch.tensor([0.8, 0.1, 3.0, -2.0])
    layer.mask.data[0, 1] = 0.5
    x = samples()
    y, postacts = layer(x)
    expected = torch.tensor([0.5 * (3.0 * FORMULAS[name](0.8 * value + 0.1) - 2.0) for value in x[:, 1].tolist()])
    assert torch.allclose(postacts[:, 0, 1].float(), expected)
    assert torch.allclose(y[:, 0].float(), expected)
    assert not postacts[:, 1].any()


@pytest.mark.parametrize("name", FORMULAS)
def test_guarded_functions_agree_where_the_plain_ones_are_tame_and_are_finite_everywhere(name: str) -> None:
    layer = make_layer((0, 0, name), in_dim=1, out_dim=1)
    layer.affine.data[:] = torch.tensor([1.0, 0.0, 1.0, 0.0])
    tame = torch.tensor([[0.3], [0.9]]).double()
    assert torch.allclose(layer(tame, singularity_avoiding=True, y_th=1e6)[0], layer(tame)[0], rtol=1e-3)
    wild = torch.tensor([[-100.0], [-1.0], [-1e-9], [0.0], [1e-9], [1.0], [math.pi / 2], [100.0]]).double()
    wild.requires_grad_()
    y = layer(wild, singularity_avoiding=True)[0]
    y.sum().backward()
    for tensor in (y, wild.grad, layer.affine.grad):
        assert tensor is not None
        assert bool(torch.isfinite(tensor).all())


def test_edges_with_several_functions_add_up() -> None:
    layer = make_layer((0, 0, "sin"), (1, 0, "x^2"), (2, 0, "sin"), (0, 1, "exp"))
    x = samples()
    y, postacts = layer(x)
    a, b, c, d = layer.affine.unbind(dim=2)
    assert torch.allclose(postacts[:, 0, 2], c[0, 2] * torch.sin(a[0, 2] * x[:, 2] + b[0, 2]) + d[0, 2])
    assert torch.allclose(y, postacts.sum(dim=2))
    assert not postacts[:, 1, 1:].any()


def test_derivatives_pass_gradcheck() -> None:
    layer = make_layer((0, 0, "sin"), (1, 0, "x^2"), (2, 0, "sin"), (0, 1, "log"))
    x = samples(3).requires_grad_()

    def outputs(x: Tensor, affine: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(layer, {"affine": affine}, (x,))[0]
        return result

    affine = layer.affine.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(outputs, (x, affine))
    assert torch.autograd.gradgradcheck(outputs, (x, affine), fast_mode=True)


@pytest.mark.parametrize("mask", [0.0, -0.0])
def test_a_masked_edge_where_its_function_is_undefined_spoils_nothing(mask: float) -> None:
    layer = make_layer((0, 0, "log"), (1, 0, "sin"))
    layer.mask.data[0, 0] = mask
    x = (samples() - 5).requires_grad_()
    y, postacts = layer(x)
    y.sum().backward()
    for tensor in (y, postacts, x.grad, layer.affine.grad):
        assert tensor is not None
        assert bool(torch.isfinite(tensor).all())
    assert bool(y[:, 0].any())


def test_masks_that_change_are_noticed() -> None:
    layer = make_layer((0, 0, "log"), (1, 0, "sin"))
    x = samples()
    both = layer(x)[1].detach()
    layer.mask.data[0, 0] = 0
    assert torch.equal(layer(x - 9)[1][:, 0, 0], torch.zeros(8).double())
    layer.mask.data[0, 0] = 1
    assert torch.equal(layer(x)[1], both)


def test_an_ensemble_may_have_masks_of_its_own() -> None:
    layer, x = Symbolic_KANLayer(2, 1).double(), torch.tensor([[0.3, -1.0], [0.7, -2.0]]).double()
    layer.fix_symbolic(0, 0, "sin")
    layer.fix_symbolic(1, 0, "log")  # not defined at x, and masked in every member
    masks = torch.tensor([[[1.0, 0.0]], [[0.5, 0.0]], [[0.0, 0.0]]]).double()

    def member(mask: Tensor, x: Tensor) -> Tensor:
        output: Tensor = functional_call(layer, {"mask": mask}, (x,))[0]
        return output

    def slope(mask: Tensor, x: Tensor) -> Tensor:
        return torch.func.grad(lambda x: member(mask, x).sum())(x)

    expected = torch.stack([float(mask[0, 0]) * x[:, :1].sin() for mask in masks])
    assert torch.allclose(torch.func.vmap(member, in_dims=(0, None))(masks, x), expected)
    slopes = torch.func.vmap(slope, in_dims=(0, None))(masks, x)
    assert torch.allclose(slopes[:, :, 0], masks[:, :, 0] * x[:, 0].cos())
    assert not slopes[:, :, 1].any()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_a_transform_has_seen_is_not_kept_beyond_it() -> None:
    """Its tensors cannot be used afterwards."""
    layer, x = Symbolic_KANLayer(1, 1).double(), torch.tensor([[0.3], [0.7]]).double()
    layer.fix_symbolic(0, 0, "sin")
    layer.mask.data.fill_(1)
    for _ in range(2):
        bends = torch.func.vmap(torch.func.hessian(lambda x: layer(x[None])[0][0, 0]))(x)
        assert torch.allclose(bends.flatten(), -x.flatten().sin())
    assert torch.allclose(layer(x)[0], x.sin())


# Nothing to do


def test_an_idle_layer_computes_nothing() -> None:
    layer = Symbolic_KANLayer(3, 2)
    assert layer.is_idle
    assert layer.group_values(torch.zeros(3, 5)) == []
    y, postacts = layer(torch.zeros(5, 3))
    assert not y.any()
    assert postacts.shape == (5, 2, 3)


def test_edges_of_one_function_are_computed_together() -> None:
    layer = make_layer(*((i, j, "sin") for i in range(3) for j in range(2)))
    groups = layer.group_values(samples().T)
    assert [values.shape for _, values in groups] == [(6, 8)]


def test_an_edge_is_set_and_cleared() -> None:
    layer = Symbolic_KANLayer(3, 2)
    layer.set_edge(-1, 1, "sin")
    assert layer.is_fixed(2, 1)
    assert layer.funs_name == [["0", "0", "0"], ["0", "0", "sin"]]
    layer.clear_edge(2, 1)
    assert layer.is_idle
    assert layer.funs_name[1][2] == "0"


def test_a_constant_is_a_function_too() -> None:
    layer = make_layer((0, 0, "0"))
    assert not layer.is_idle
    assert torch.allclose(layer(samples())[1][:, 0, 0], layer.affine[0, 0, 3].expand(8))


@pytest.mark.parametrize(("i", "j"), [(3, 0), (0, 2), (-4, 0)])
def test_an_edge_that_does_not_exist_is_an_error(i: int, j: int) -> None:
    with pytest.raises(IndexError):
        Symbolic_KANLayer(3, 2).set_edge(i, j, "sin")


@pytest.mark.parametrize("x", [torch.zeros(5), torch.zeros(5, 2), torch.zeros(2, 5, 3)])
def test_x_of_another_shape_is_refused(x: Tensor) -> None:
    with pytest.raises(ArgumentError, match=r"must have shape \(N, 3\)"):
        Symbolic_KANLayer(3, 2)(x)


# fix_symbolic


def test_samples_of_an_edge_fit_its_constants(capsys: pytest.CaptureFixture[str]) -> None:
    layer = Symbolic_KANLayer(3, 2).double()
    x = torch.linspace(-1, 1, 100)
    r2 = layer.fix_symbolic(2, 1, "sin", x, 5.0 * torch.sin(3.0 * x + 1.0) + 0.7)
    assert r2 is not None
    assert float(r2) > 0.999999
    assert torch.allclose(layer.affine[1, 2], torch.tensor([3.0, 1.0, 5.0, 0.7]).double(), atol=1e-3)
    assert capsys.readouterr().out.startswith("r2 is 0.99999")


def test_a_poor_fit_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    x = torch.linspace(-1, 1, 100)
    Symbolic_KANLayer(1, 1).fix_symbolic(0, 0, "x", x, torch.cos(30 * x))
    assert "not very high" in capsys.readouterr().out


def test_a_quiet_fit_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    x = torch.linspace(-1, 1, 100)
    Symbolic_KANLayer(1, 1).fix_symbolic(0, 0, "x", x, torch.cos(30 * x), verbose=False)
    assert capsys.readouterr().out == ""


def test_without_samples_the_function_is_taken_as_it_is() -> None:
    layer = Symbolic_KANLayer(3, 2)
    assert layer.fix_symbolic(0, 1, "exp") is None
    assert layer.affine[1, 0].tolist() == [1, 0, 1, 0]


@pytest.mark.usefixtures("global_generators_untouched")
def test_random_constants_come_from_the_given_stream() -> None:
    layer = Symbolic_KANLayer(3, 2)
    layer.fix_symbolic(0, 1, "exp", random=True, generator=stream(3))
    assert torch.equal(layer.affine[1, 0], torch.rand(4, generator=stream(3)) * 2 - 1)


@pytest.mark.parametrize(
    ("function", "message"), [("sinus", "no symbolic function 'sinus'"), (3, "`fun_name` must be")]
)
def test_an_unknown_function_changes_nothing(function: object, message: str) -> None:
    layer = Symbolic_KANLayer(3, 2)
    with pytest.raises(ArgumentError, match=message):
        layer.fix_symbolic(0, 0, function)  # type: ignore[arg-type]
    assert layer.is_idle
    assert not layer.affine.any()


# Functions without a name


def test_any_function_of_a_tensor_can_be_set() -> None:
    layer = make_layer((0, 0, "sin"))
    layer.fix_symbolic(1, 1, torch.special.bessel_j0)
    layer.mask.data[1, 1] = 1
    x = samples()
    for avoiding in (False, True):
        assert torch.allclose(layer(x, singularity_avoiding=avoiding)[1][:, 1, 1], torch.special.bessel_j0(x[:, 1]))
    assert layer.funs_name[1][1] == "anonymous"
    assert layer.funs[1][1] is layer.funs_sympy[1][1] is torch.special.bessel_j0


def test_functions_may_be_objects_that_are_no_keys() -> None:
    class Scale:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, x: Tensor) -> Tensor:
            return 3 * x

    layer, x = make_layer(), samples()
    layer.fix_symbolic(0, 0, Scale())
    layer.mask.data[0, 0] = 1
    assert torch.allclose(layer(x)[1][:, 0, 0], 3 * x[:, 0])


def test_a_function_that_can_be_pickled_comes_along() -> None:
    layer = make_layer()
    layer.set_edge(0, 0, torch.special.bessel_j0)
    layer.mask.data[0, 0] = 1
    before = layer(samples())[0]
    assert torch.equal(pickle.loads(pickle.dumps(layer))(samples())[0], before)


def test_a_name_replaces_a_function_without_one() -> None:
    layer = make_layer()
    layer.set_edge(0, 0, torch.special.bessel_j0)
    layer.set_edge(0, 0, "sin")
    assert layer.funs[0][0] is torch.sin


# What is written into the tables


def write(layer: Symbolic_KANLayer, i: int, j: int, name: str, *functions: object) -> None:
    layer.funs_name[j][i] = name
    for table, function in zip((layer.funs, layer.funs_sympy, layer.funs_avoid_singularity), functions):
        table[j][i] = function  # type: ignore[index]


@pytest.mark.parametrize("name", ["sin", "x^1.5", "log", "1/x^2", "gaussian"])
def test_a_named_function_that_is_written_in_is_that_of_the_name(name: str) -> None:
    layer, named = make_layer(), make_layer((1, 0, name))
    layer.load_state_dict({key: value for key, value in named.state_dict().items() if "extra" not in key})
    write(layer, 1, 0, name, SYMBOLIC_LIB[name][0], SYMBOLIC_LIB[name][1], SYMBOLIC_LIB[name][3])
    assert torch.equal(layer(samples())[0], named(samples())[0])
    assert pickle.loads(pickle.dumps(layer)).funs_name == named.funs_name


def test_functions_of_a_script_are_known_by_what_they_compute() -> None:
    layer = make_layer()
    write(layer, 0, 0, "exp", lambda x: torch.e**x, lambda x: sympy.E**x, lambda x, y_th: ((), torch.exp(x)))
    write(layer, 1, 0, "0", lambda x: x * 0, lambda x: x * 0, lambda x, y_th: x * 0)
    assert (layer.funs[0][0], layer.is_fixed(0, 0), layer.is_fixed(1, 0)) == (torch.exp, True, False)


def test_another_function_than_that_of_the_name_has_none() -> None:
    layer = make_layer((0, 0, "sin"))
    layer.funs[0][0] = torch.cos  # type: ignore[index]
    assert layer.funs_name[0][0] == "anonymous"
    expected = layer.affine[0, 0, 2] * torch.cos(layer.affine[0, 0, 0] * samples()[:, 0] + layer.affine[0, 0, 1])
    torch.testing.assert_close(layer(samples())[1][:, 0, 0], expected + layer.affine[0, 0, 3])


@pytest.mark.parametrize("name", ["funs_avoid_singularity", "funs_sympy"])
def test_what_does_not_belong_to_the_function_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"`{name}` of edge \(1, 0\) follows from its function 'sin'"):
        getattr(make_layer((1, 0, "sin")), name)[0][1] = torch.cos
    with pytest.raises(ArgumentError, match="takes a function of a tensor; got 'sin'"):
        make_layer().funs[0][0] = "sin"  # type: ignore[index]


def test_a_function_that_a_state_could_not_hold_is_asked_for() -> None:
    layer, fresh = make_layer(), make_layer()
    layer.set_edge(0, 0, torch.special.bessel_j0)
    layer.mask.data[0, 0] = 1
    fresh.load_state_dict(layer.state_dict())
    with pytest.raises(ArgumentError, match=r"edge \(0, 0\) carries a function without a name"):
        fresh(samples())
    # Where it is already known, it stays.
    copied = copy.deepcopy(layer)
    copied.load_state_dict(layer.state_dict())
    assert torch.equal(copied(samples())[0], layer(samples())[0])


# State


@pytest.mark.parametrize("way", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_and_share_nothing(way: Callable[[Symbolic_KANLayer], Symbolic_KANLayer]) -> None:
    layer = make_layer((0, 0, "sin"), (1, 1, "log"))
    before = layer(samples())[0].detach()
    copied = way(layer)
    assert torch.equal(copied(samples())[0], before)
    copied.set_edge(0, 0, "cos")
    copied.mask.data.zero_()
    assert torch.equal(layer(samples())[0], before)


def test_the_state_restores_the_functions() -> None:
    layer, fresh = make_layer((0, 0, "sin"), (1, 1, "0")), make_layer((2, 1, "exp"))
    fresh(samples())
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh(samples())[1], layer(samples())[1])
    assert fresh.funs_name == layer.funs_name
    assert fresh.is_fixed(1, 1)
    assert not fresh.is_fixed(2, 1)


def test_a_state_is_safe_to_load_from_a_file(tmp_path: object) -> None:
    layer = make_layer((0, 0, "sin"))
    torch.save(layer.state_dict(), "state.pt")
    fresh = make_layer()
    fresh.load_state_dict(torch.load("state.pt", weights_only=True))
    assert torch.equal(fresh(samples())[1], layer(samples())[1])


def test_a_state_without_functions_leaves_them() -> None:
    layer = make_layer((0, 0, "sin"))
    state = {name: tensor for name, tensor in layer.state_dict().items() if name != "_extra_state"}
    layer.load_state_dict(state)
    assert layer.funs_name[0][0] == "sin"


@pytest.mark.parametrize(
    ("names", "message"), [([["sin"]], "functions of another layer"), ([["sinus"] * 3] * 2, "no symbolic function")]
)
def test_a_state_that_does_not_fit_is_refused(names: list[list[str]], message: str) -> None:
    layer = make_layer((0, 0, "sin"))
    with pytest.raises(ArgumentError, match=message):
        layer.set_extra_state({"funs_name": names, "fixed": []})
    assert layer.funs_name[0][0] == "sin"


# Parts


def test_a_subset_holds_the_chosen_edges() -> None:
    layer = make_layer((0, 0, "sin"), (2, 1, "log"), (1, 1, "x^2"))
    layer.set_edge(2, 0, torch.special.bessel_j0)
    layer.mask.data[0, 2] = 1
    subset = layer.get_subset([2, 0], [1, 0])
    x = samples()
    assert torch.allclose(subset(x[:, [2, 0]])[1], layer(x)[1][:, [1, 0]][:, :, [2, 0]])
    before = layer(x)[1].detach()
    subset.affine.data.zero_()
    subset.clear_edge(0, 0)
    assert torch.equal(layer(x)[1], before)
    layer.affine.requires_grad_(False)
    assert not layer.get_subset([0], [0]).affine.requires_grad


def test_swaps_exchange_functions_too() -> None:
    layer = make_layer((0, 0, "sin"), (2, 1, "log"), (1, 1, "x^2"))
    x = samples()
    before = layer(x)[1].detach()
    layer.swap(0, 2, mode="in")
    assert torch.allclose(layer(x[:, [2, 1, 0]])[1], before[:, :, [2, 1, 0]])
    layer.swap(0, 1, mode="out")
    assert torch.allclose(layer(x[:, [2, 1, 0]])[1], before[:, :, [2, 1, 0]][:, [1, 0]])


def test_an_unknown_swap_is_refused() -> None:
    with pytest.raises(ArgumentError, match="'in', 'out'"):
        make_layer().swap(0, 1, mode="inputs")


def test_reordering_takes_functions_along() -> None:
    layer, x = make_layer((0, 0, "sin"), (2, 1, "log"), (1, 1, torch.special.bessel_j0)), samples()
    before = layer(x)[1].detach()
    layer.reorder([2, 0, 1])
    layer.reorder([1, 0], mode="out")
    assert torch.allclose(layer(x[:, [2, 0, 1]])[1], before[:, [1, 0]][:, :, [2, 0, 1]])


def test_edges_are_placed_into_a_larger_layer() -> None:
    small, large, x = make_layer((0, 0, "sin"), (2, 1, torch.special.bessel_j0)), Symbolic_KANLayer(5, 4), samples()
    large.set_edge(0, 3, "x")
    large.mask.data[3, 0] = 1
    large.affine.data[3, 0, 2] = 1
    large.place(small, 2, 1)
    wide = torch.cat([x[:, :2], x], dim=1)
    expected = torch.zeros(len(x), 4, 5, dtype=x.dtype)
    expected[:, 1:3, 2:5] = small(x)[1].detach()
    assert torch.allclose(large(wide)[1], expected)
    assert large.is_fixed(0, 3)


def test_a_function_without_derivative_lets_gradients_pass() -> None:
    layer = make_layer()
    layer.fix_symbolic(0, 0, torch.special.bessel_j0)
    layer.mask.data[0, 0] = 1
    x = samples().requires_grad_()
    layer(x)[0].sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad[:, 0], -torch.special.bessel_j1(x.detach()[:, 0]))


@pytest.mark.parametrize(
    "function", [lambda x: np.sin(x.detach().numpy()), lambda x: x.sum(), lambda _: 3.0], ids=["numpy", "sum", "number"]
)
def test_a_function_that_is_not_elementwise_is_refused(function: Any) -> None:
    layer = make_layer((0, 0, "sin"))
    with pytest.raises(ArgumentError, match=r"elementwise; from shape \(2,\) it made"):
        layer.fix_symbolic(0, 0, function)
    assert layer.funs_name[0][0] == "sin"


def test_a_function_may_return_numbers_of_another_format() -> None:
    model = KAN(width=[1, 1], seed=0)
    line = [-1.0, 1.0]
    model.fix_symbolic(0, 0, 0, lambda x: torch.as_tensor(np.interp(x.numpy(), line, line)), fit_params_bool=False)
    x = torch.linspace(-0.9, 0.9, 10)[:, None].requires_grad_()
    torch.testing.assert_close(model.symbolic_fun[0](x)[0], x)
    outputs = model(x)
    torch.testing.assert_close(outputs, x)
    outputs.sum().backward()
    torch.testing.assert_close(x.grad, torch.ones(10, 1))
    assert model.fit({"train_input": x, "train_label": 0.5 * x}, steps=5, progress=False)["train_loss"][-1] < 1e-3
