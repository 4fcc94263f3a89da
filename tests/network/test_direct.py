"""The prediction as one autograd node: the same numbers as layer by layer, whatever happens around it."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune
from torch.utils.checkpoint import checkpoint

from kan import KAN
from kan.network import direct as module
from kan.network.adjoint import Adjoint


@pytest.fixture
def model() -> KAN:
    return KAN(width=[2, [3, 1], 1], seed=0).double()


@pytest.fixture
def x() -> Tensor:
    return 2 * torch.rand(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 1


def gradients(model: KAN, outputs: Tensor) -> dict[str, Tensor]:
    """Return the gradients of the mean square."""
    model.zero_grad()
    outputs.square().mean().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def by_layers(model: KAN, x: Tensor) -> Tensor:
    return model.predict_by_layers(x.T.contiguous())


def is_direct(outputs: Tensor) -> bool:
    return type(outputs.grad_fn).__name__.startswith("_Prediction")


def check(model: KAN, x: Tensor) -> None:
    """Check outputs and gradients against those layer by layer."""
    outputs, expected = model(x), by_layers(model, x)
    assert is_direct(outputs)
    torch.testing.assert_close(outputs, expected)
    ours, theirs = gradients(model, outputs), gradients(model, expected)
    for name, value in theirs.items():
        torch.testing.assert_close(ours.get(name, torch.zeros_like(value)), value)


def test_outputs_and_gradients_are_those_of_the_layers(model: KAN, x: Tensor) -> None:
    check(model, x)


def test_what_changes_between_calls_is_seen(model: KAN, x: Tensor) -> None:
    check(model, x)
    model.update_grid(2 * x)
    check(model, x)
    model.act_fun[0].coef.data.mul_(2)
    check(model, x)
    model.act_fun[0].grid.data.mul_(1.5)
    check(model, x)
    model.fix_symbolic(0, 0, 0, "sin", verbose=False)
    check(model, x)
    model.remove_edge(0, 1, 1)
    check(model, x)
    check(model, x[:50])
    model.act_fun[1].base_fun = torch.nn.Tanh()
    check(model, x)
    model.float()
    check(model, x.float())


def test_two_predictions_before_the_backward_keep_apart(model: KAN, x: Tensor) -> None:
    first, second = model(x), model(x + 0.3)
    expected = gradients(model, by_layers(model, x))
    for name, value in gradients(model, first).items():
        torch.testing.assert_close(value, expected[name])
    expected = gradients(model, by_layers(model, x + 0.3))
    for name, value in gradients(model, second).items():
        torch.testing.assert_close(value, expected[name])


def test_backward_runs_twice_on_request(model: KAN, x: Tensor) -> None:
    outputs = model(x)
    found = []
    for _ in range(2):
        model.zero_grad()
        outputs.sum().backward(retain_graph=True)
        found.append(model.act_fun[0].coef.grad.clone())
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_gradients_of_gradients_are_those_of_the_layers(model: KAN, x: Tensor) -> None:
    found = []
    for predict in (model, lambda x: by_layers(model, x)):
        (slope,) = torch.autograd.grad(predict(x).square().mean(), model.act_fun[0].coef, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), model.act_fun[1].coef)[0])
    torch.testing.assert_close(*found)


def test_a_parameter_changed_before_the_backward_is_an_error_as_anywhere(model: KAN, x: Tensor) -> None:
    outputs = model(x)
    with torch.no_grad():
        model.act_fun[0].coef.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_memory_is_used_again_and_does_not_pile_up(model: KAN, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    start = Adjoint.__init__

    def count(self: Adjoint, *args: Any, **options: Any) -> None:
        made.append(1)
        start(self, *args, **options)

    monkeypatch.setattr(Adjoint, "__init__", count)
    for _ in range(10):
        loss = model(x).square().mean()
        loss.backward()
    assert len(made) == 2  # the old graph lives until the new loss has its name
    kept = [model(x) for _ in range(10)]
    del kept
    assert len(model._workspaces._waiting) == module._MOST_WAITING


def test_copies_start_with_no_memory_of_the_original(model: KAN, x: Tensor) -> None:
    model(x)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not twin._workspaces._waiting
        check(twin, x)


def test_the_layers_do_what_the_passes_are_not_made_for(model: KAN, x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_direct(model(x.clone().requires_grad_()))
    replaced = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    outputs = torch.func.functional_call(model, replaced, (x,))
    assert not is_direct(outputs)
    outputs.sum().backward()
    assert replaced["act_fun.0.coef"].grad is not None
    assert model.act_fun[0].coef.grad is None
    check(model, x)
    assert not is_direct(KAN(width=[2, 3, 1], k=1)(x.float()))
    monkeypatch.setattr(module, "_MOST_NUMBERS", 10)
    assert not is_direct(KAN(width=[2, 3, 1])(x.float()))


def test_without_gradients_there_is_no_graph(model: KAN, x: Tensor) -> None:
    with torch.no_grad():
        outputs = model(x)
    assert not outputs.requires_grad
    torch.testing.assert_close(outputs, by_layers(model, x).detach())


@pytest.mark.parametrize(
    "change",
    [
        lambda model, x: model.node_scale_0.mul_(100),
        lambda model, x: model.act_fun[0].mask[0, 0].zero_(),
        lambda model, x: x.neg_(),
    ],
)
def test_what_is_not_trained_must_not_change_before_the_backward_either(change: Any) -> None:
    model, x = KAN(width=[1, 2, 1], seed=0).double(), torch.rand(20, 1, dtype=torch.float64)
    outputs = model(x)
    with torch.no_grad():
        change(model, x)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_several_threads_predict_at_once(model: KAN) -> None:
    inputs = [torch.rand(count, 2, dtype=torch.float64) for count in (20, 20, 21, 22)]
    with torch.no_grad():
        expected = [model(x) for x in inputs]

    def predict(number: int) -> bool:
        with torch.no_grad():
            return all(torch.equal(model(inputs[number]), expected[number]) for _ in range(200))

    with ThreadPoolExecutor(len(inputs)) as pool:
        assert all(pool.map(predict, range(len(inputs))))


def test_gradients_of_parameters_that_layers_share_are_added(x: Tensor) -> None:
    model = KAN(width=[2, 2, 2], seed=0).double()
    model.act_fun[1].coef = model.act_fun[0].coef
    outputs = model(x)
    assert not is_direct(outputs)
    expected = gradients(model, by_layers(model, x))
    for name, value in gradients(model, outputs).items():
        torch.testing.assert_close(value, expected[name])


def test_several_gradients_at_once_are_those_in_turn(model: KAN, x: Tensor) -> None:
    outputs, parameters = model(x), [model.act_fun[0].coef, model.act_fun[1].scale_base]
    seeds = torch.stack([torch.ones_like(outputs), outputs.detach()])
    at_once = torch.autograd.grad(outputs, parameters, seeds, is_grads_batched=True, retain_graph=True)
    for number, seed in enumerate(seeds):
        for several, one in zip(at_once, torch.autograd.grad(outputs, parameters, seed, retain_graph=True)):
            torch.testing.assert_close(several[number], one)


def test_hooks_of_layers_are_called_and_have_their_say(model: KAN, x: Tensor) -> None:
    before, seen = model(x), []
    handle = model.act_fun[0].register_forward_hook(lambda layer, inputs, outputs: seen.append(outputs[2].shape))
    torch.testing.assert_close(model(x), before)
    assert seen == [(200, 5, 2)]
    handle.remove()
    model.act_fun[1].register_forward_hook(lambda layer, inputs, outputs: (2 * outputs[0], *outputs[1:]))
    torch.testing.assert_close(model(x), 2 * before)
    torch.testing.assert_close(model.trace(x).output, 2 * before)


def test_weights_that_torch_prunes_are_trained_where_they_are(x: Tensor) -> None:
    model = KAN(width=[2, 1], seed=0).double()
    model(x)
    prune.l1_unstructured(model.act_fun[0], "coef", 0.3)
    for _ in range(2):
        outputs = model(x)
        outputs.sum().backward()
    gradient = model.act_fun[0].coef_orig.grad
    assert int((gradient == 0).sum()) >= round(0.3 * gradient.numel())
    with torch.no_grad():
        model.act_fun[0].coef_orig.zero_()
        assert not torch.equal(model(x), outputs)


@pytest.mark.parametrize("outputs", [1, 3])
def test_gradients_come_through_what_keeps_tensors_elsewhere(x: Tensor, outputs: int) -> None:
    model = KAN(width=[2, 3, outputs], seed=0).double()
    expected = gradients(model, model(x))
    with torch.autograd.graph.save_on_cpu():
        kept = model(x)
    again = checkpoint(model, x, use_reentrant=False)
    for found in (gradients(model, kept), gradients(model, again)):
        assert found.keys() == expected.keys()
        for name, value in found.items():
            torch.testing.assert_close(value, expected[name])


@pytest.mark.parametrize("width", [[2, 3, 1], [2, 3]])
def test_what_comes_back_may_be_changed_in_place(x: Tensor, width: list[int]) -> None:
    model = KAN(width=width, seed=0).double()
    expected = gradients(model, 2 * by_layers(model, x) + 1)
    outputs = model(x)
    outputs *= 2
    outputs += 1
    for name, value in gradients(model, outputs).items():
        torch.testing.assert_close(value, expected[name])


def trained_constant(start: float = 1.5) -> tuple[nn.Parameter, Any]:
    """Return a number, and a function that holds it."""
    number = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    return number, lambda x: torch.tanh(number * x)


@pytest.mark.parametrize("where", ["base function", "symbolic function"])
def test_numbers_inside_of_functions_get_gradients_and_are_trained(where: str) -> None:
    number, function = trained_constant()
    options = {"base_fun": function} if where == "base function" else {}
    model = KAN(width=[2, 2, 1], seed=0, auto_save=False, **options).double()
    if where == "symbolic function":
        model.fix_symbolic(0, 0, 0, function, fit_params_bool=False)
    x = torch.rand(30, 2, dtype=torch.float64)
    model(x).square().sum().backward()
    step = 1e-6
    values = []
    for shift in (step, -step):
        with torch.no_grad():
            number += shift
            values.append(float(model(x).square().sum()))
            number -= shift
    assert float(number.grad) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


def test_masks_that_are_trained_get_gradients_and_move_in_fit() -> None:
    model = KAN(width=[2, 2, 1], seed=0, auto_save=False)
    x = torch.rand(30, 2)
    model(x)  # passes are at hand before the mask is trained
    mask = model.act_fun[0].mask.requires_grad_(True)
    model(x).square().sum().backward()
    assert mask.grad is not None
    assert mask.grad.all()
    model.fit({"train_input": x, "train_label": x[:, :1]}, steps=2, progress=False)
    assert not torch.equal(mask.detach(), torch.ones_like(mask))


def test_a_base_function_that_is_given_later_is_the_one_that_counts() -> None:
    model, x = KAN(width=[2, 1], seed=0, auto_save=False), torch.rand(10, 2)
    model(x)
    model.act_fun[0].base_fun = nn.PReLU()
    y = model(x - 0.5)
    torch.testing.assert_close(y, model.act_fun[0](x - 0.5)[0])
    y.sum().backward()
    assert model.act_fun[0].base_fun.weight.grad.abs() > 0


def test_parameters_that_are_computed_from_others_are_trained() -> None:
    class Twice(nn.Module):
        def forward(self, scale: Tensor) -> Tensor:
            return 2 * scale

    model, x = KAN(width=[2, 1], seed=0, affine_trainable=True, auto_save=False), torch.rand(10, 2)
    before = model(x)
    parametrize.register_parametrization(model, "node_scale_0", Twice())
    torch.testing.assert_close(model(x), 2 * before)
    model(x).sum().backward()
    torch.testing.assert_close(model.parametrizations.node_scale_0.original.grad, 2 * before.sum()[None])


def test_biases_that_layers_share_get_the_sum_of_their_gradients() -> None:
    model, x = KAN(width=[2, 1, 1], seed=0, affine_trainable=True, auto_save=False), torch.rand(10, 2)
    single = copy.deepcopy(model)
    single(x).square().sum().backward()
    model.node_bias_1 = model.node_bias_0
    model(x).square().sum().backward()
    torch.testing.assert_close(model.node_bias_0.grad, single.node_bias_0.grad + single.node_bias_1.grad)


def test_predictions_with_parameters_of_a_call_are_differentiated_twice() -> None:
    model, x = KAN(width=[2, 2, 1], seed=0, auto_save=False).double(), torch.rand(10, 2, dtype=torch.float64)
    given = {
        name: nn.Parameter(value.detach() * 1.1) for name, value in model.named_parameters() if value.requires_grad
    }
    loss = torch.func.functional_call(model, given, (x,)).square().sum()
    first = torch.autograd.grad(loss, given["act_fun.0.coef"], create_graph=True)[0]
    assert torch.autograd.grad(first.sum(), given["act_fun.0.coef"])[0].abs().sum() > 0


def test_a_model_that_predicted_goes_when_nobody_holds_it() -> None:
    model = KAN(width=[2, 2, 1], seed=0, auto_save=False)
    model(torch.rand(10, 2)).sum().backward()
    known = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert known() is None
    finally:
        gc.enable()


@pytest.mark.filterwarnings("ignore")  # the tracer's, that numbers become constants
def test_a_traced_model_serves_other_inputs() -> None:
    model, x = KAN(width=[2, 2, 1], seed=0, auto_save=False), torch.rand(10, 2)
    with torch.no_grad():
        model(x)  # the tracer reads all attributes, some of which need data
        traced = torch.jit.trace(model, x, check_trace=False)
        other = torch.rand(7, 2)
        torch.testing.assert_close(traced(other), model(other))


def test_gradients_that_are_asked_for_where_autocast_is_on_are_those_of_full_precision(x: Tensor) -> None:
    model, x = KAN(width=[8, 16, 4], seed=0, auto_save=False), x.repeat(1, 4)
    expected = gradients(model, model(x))
    outputs = model(x)
    assert is_direct(outputs)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(gradients(model, outputs), expected, rtol=1e-4, atol=1e-7)
