"""What every layer and network keeps as a module: formats, devices, copies, files, shapes."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from kan import KAN, create_dataset
from kan.common.random import stream
from kan.layers import KANLayer, KANLinear


def through_file(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded: nn.Module = torch.load(file, weights_only=False)
    return loaded


COPIES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda module: pickle.loads(pickle.dumps(module)),
    "file": through_file,
}


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float64, 1e-5), (torch.float32, 1e-6), (torch.bfloat16, 0.1), (torch.float16, 0.02)],
)
def test_the_format_is_that_of_the_parameters(case: Any, x: Tensor, dtype: torch.dtype, tolerance: float) -> None:
    exact = case.output(case.make().double(), x.double()).detach()
    module = case.make().to(dtype)
    y = case.output(module, x.to(dtype))
    y.sum().backward()
    assert y.dtype == dtype
    assert float((y.detach().double() - exact).abs().max()) < tolerance * max(1.0, float(exact.abs().max()))
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and parameter.grad is not None:
            assert parameter.grad.dtype == dtype, name
            assert bool(torch.isfinite(parameter.grad).all()), name


def test_mixed_precision_computes_and_trains(case: Any, x: Tensor) -> None:
    module = case.make()
    exact = case.output(module, x).detach()
    with torch.autocast("cpu", torch.bfloat16):
        y = case.output(module, x)
    y.float().sum().backward()
    assert torch.allclose(y.float(), exact, atol=0.05)
    for parameter in module.parameters():
        assert parameter.grad is None or bool(torch.isfinite(parameter.grad).all())


def test_modules_move_between_devices(case: Any, x: Tensor) -> None:
    module = case.make()
    case.output(module, x)  # whatever is kept of it must move too
    module.to("meta")
    assert {tensor.device.type for tensor in [*module.parameters(), *module.buffers()]} == {"meta"}


@pytest.mark.parametrize("way", COPIES)
def test_copies_compute_the_same_and_share_nothing(case: Any, x: Tensor, way: str) -> None:
    module = case.make().double()
    # After a backward pass, which leaves graphs behind where a module keeps tensors.
    case.output(module, x.double()).sum().backward()
    before = case.output(module, x.double()).detach()
    copied = COPIES[way](module)
    assert torch.equal(case.output(copied, x.double()), before)
    for parameter in copied.parameters():
        parameter.data.zero_()
    assert torch.equal(case.output(module, x.double()), before)


def test_a_state_makes_another_module_equal(case: Any, x: Tensor) -> None:
    module, other = case.make(), case.make()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter += 0.1
    assert not torch.equal(case.output(other, x), case.output(module, x))
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    assert torch.equal(case.output(other, x), case.output(module, x))


def test_samples_need_not_be_contiguous(case: Any, x: Tensor) -> None:
    module = case.make()
    strided = torch.stack([x, x + 9], dim=-1)[..., 0]
    transposed = x.T.contiguous().T
    assert not strided.is_contiguous()
    for other in (strided, transposed):
        assert torch.allclose(case.output(module, other), case.output(module, x), atol=1e-6)


def test_no_samples_give_no_outputs_and_zero_gradients(case: Any) -> None:
    module = case.make()
    y = case.output(module, torch.zeros(0, 2))
    assert y.shape[0] == 0
    y.sum().backward()
    assert not any(bool(p.grad.any()) for p in module.parameters() if p.grad is not None)


def test_every_sample_is_computed_by_itself(case: Any, x: Tensor) -> None:
    module = case.make().double()
    alone = torch.cat([case.output(module, row[None]) for row in x.double()])
    assert torch.allclose(case.output(module, x.double()), alone, atol=1e-12)


def test_samples_outside_the_grid_give_finite_values_and_gradients(case: Any) -> None:
    module = case.make()
    y = case.output(module, torch.tensor([[-30.0, 30.0], [1.9, -50.0]]))
    y.sum().backward()
    assert bool(torch.isfinite(y).all())
    assert all(bool(torch.isfinite(p.grad).all()) for p in module.parameters() if p.grad is not None)


def test_modes_are_left_alone(case: Any, x: Tensor) -> None:
    module = case.make()
    trained = case.output(module.train(), x)
    assert torch.equal(case.output(module.eval(), x), trained)


@pytest.mark.usefixtures("global_generators_untouched")
def test_making_and_running_draws_nothing_from_global_generators(case: Any, x: Tensor) -> None:
    case.output(case.make(), x).sum().backward()


def test_inference_mode_leaves_nothing_that_training_stumbles_over(case: Any, x: Tensor) -> None:
    module = case.make()
    with torch.inference_mode():
        expected = case.output(module, x).clone()
    y = case.output(module, x)
    y.sum().backward()
    torch.testing.assert_close(y, expected)


@pytest.mark.parametrize("grid", [3, 40])
def test_a_layer_without_memory_gives_an_output_without_memory(grid: int) -> None:
    layer = KANLinear(2, 3, grid, generator=stream(0)).to("meta")
    y = layer(torch.zeros(5, 2, device="meta"))
    assert (y.shape, y.device.type) == ((5, 3), "meta")


@pytest.mark.parametrize("grid", [3, 40])
def test_a_pass_with_fake_tensors_leaves_nothing_behind(x: Tensor, grid: int) -> None:
    # As in torch.export and memory estimates, which run a module without data.
    layer = KANLinear(2, 3, grid, generator=stream(0))
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert layer(mode.from_tensor(x)).shape == (12, 3)
    assert torch.equal(layer(x), KANLinear(2, 3, grid, generator=stream(0))(x))


@pytest.mark.parametrize("shape", [(2,), (5, 2), (3, 0, 2), (2, 3, 4, 2)])
@pytest.mark.parametrize("call", [KANLayer(2, 3).forward_sum, KANLinear(2, 3, generator=stream(0))])
def test_sums_take_any_leading_dimensions(shape: tuple[int, ...], call: Callable[[Tensor], Tensor]) -> None:
    x = torch.rand(shape, generator=stream(1))
    assert torch.allclose(call(x).reshape(-1, 3), call(x.reshape(-1, 2)), atol=1e-6)
    assert call(x).shape == (*shape[:-1], 3)


def test_several_models_are_evaluated_at_once() -> None:
    x = torch.rand(20, 2, dtype=torch.float64)
    models = [KAN(width=[2, 3, 1], seed=seed, auto_save=False).double() for seed in range(3)]
    parameters, buffers = torch.func.stack_module_state(models)  # type: ignore[arg-type]
    together = torch.func.vmap(lambda p, b: torch.func.functional_call(models[0], (p, b), (x,)))(parameters, buffers)
    torch.testing.assert_close(together, torch.stack([model(x) for model in models]))


def test_half_precision_is_fitted() -> None:
    dataset = create_dataset(lambda x: x[:, [0]] * x[:, [1]], n_var=2, train_num=50, seed=0)
    model = KAN(width=[2, 2, 1], seed=0, auto_save=False).bfloat16()
    losses = model.fit(dataset, steps=5, progress=False)["train_loss"]
    assert losses[-1] < 0.5 * losses[0]
