"""Bad and unusual input: it works, or the error names what was expected and what came, and the model is unchanged."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kan import KAN, KANError, create_dataset_from_data

BAD_VALUES = [float("nan"), float("inf"), float("-inf")]


def make(width: Any = (2, 3, 1), **options: Any) -> KAN:
    return KAN(width=list(width), **{"seed": 0, "auto_save": False, **options})


@pytest.fixture
def x() -> Tensor:
    return torch.rand(40, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def y(x: Tensor) -> Tensor:
    return x[:, [0]] ** 2 + x[:, [1]]


def fit(model: KAN, x: Any, y: Any, **options: Any) -> dict[str, np.ndarray]:
    return model.fit({"train_input": x, "train_label": y}, **{"steps": 3, "progress": False, **options})


def state(model: KAN) -> tuple[Any, ...]:
    return ([entry.detach().clone() for entry in model.parameters()], model.constructor_arguments(), model.cache_data)


def refused(model: KAN, call: Callable[[], Any], *parts: str, kind: type[Exception] = ValueError) -> None:
    """Check that a call raises an error that is both `kind` and KANError, with these words, and changes nothing."""
    parameters, settings, data = state(model)
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, KANError)
    assert [part for part in parts if part not in str(caught.value)] == [], str(caught.value)
    now = state(model)
    assert all(torch.equal(one, other) for one, other in zip(now[0], parameters))
    assert now[1] == settings
    assert now[2] is data


# Values


@pytest.mark.parametrize("value", BAD_VALUES)
@pytest.mark.parametrize("part", ["train_input", "train_label"])
def test_fit_refuses_values_that_are_not_finite(x: Tensor, y: Tensor, part: str, value: float) -> None:
    model, bad = make(), {"train_input": x, "train_label": y}[part]
    bad[3, 0] = bad[7, 0] = value
    refused(model, lambda: fit(model, x, y), part, "2 of", "(3, 0)")


@pytest.mark.parametrize("value", BAD_VALUES)
def test_update_grid_refuses_values_that_are_not_finite(x: Tensor, value: float) -> None:
    model = make()
    x[5, 1] = value
    refused(model, lambda: model.update_grid(x), "1 of 80", "(5, 1)")


@pytest.mark.parametrize("value", BAD_VALUES)
@pytest.mark.parametrize("part", ["inputs", "labels"])
def test_create_dataset_from_data_refuses_values_that_are_not_finite(
    x: Tensor, y: Tensor, part: str, value: float
) -> None:
    {"inputs": x, "labels": y}[part][4, 0] = value
    with pytest.raises(ValueError, match=rf"`{part}` must be finite; 1 of .*\(4, 0\)"):
        create_dataset_from_data(x, y)


# Shapes


def test_a_one_dimensional_label_for_one_output_is_a_column(x: Tensor, y: Tensor) -> None:
    one, other = make(), make()
    assert np.array_equal(fit(one, x, y)["train_loss"], fit(other, x, y[:, 0])["train_loss"])


@pytest.mark.parametrize("shape", [(40, 2), (39, 1), (39,), (40, 1, 1)])
def test_a_label_of_another_shape_is_refused_with_both_shapes(x: Tensor, shape: tuple[int, ...]) -> None:
    model = make()
    refused(model, lambda: fit(model, x, torch.ones(shape)), "(40, 1)", str(shape).rstrip(",)"))


@pytest.mark.parametrize("shape", [(40,), (40, 2, 1), (40, 1), (40, 3)])
def test_inputs_of_another_shape_are_refused_with_the_expected_one(y: Tensor, shape: tuple[int, ...]) -> None:
    model = make()
    refused(model, lambda: fit(model, torch.rand(shape), y), "(N, 2)", str(shape))
    refused(model, lambda: model(torch.rand(shape)), "(N, 2)", str(shape))


@pytest.mark.parametrize(
    "convert",
    [
        lambda values: values.numpy(),
        lambda values: values.double(),
        lambda values: values.double().numpy(),
        lambda values: values.tolist(),
        lambda values: values.half(),
    ],
)
def test_other_containers_and_dtypes_are_converted(x: Tensor, y: Tensor, convert: Any) -> None:
    model = make()
    results = fit(model, convert(x), convert(y))
    assert np.isfinite(results["train_loss"]).all()
    assert model(convert(x)).dtype == torch.float32


def test_integers_are_converted() -> None:
    x = torch.randint(0, 3, (20, 2), generator=torch.Generator().manual_seed(0))
    results = fit(make(), x, x.sum(dim=1))
    assert results["train_loss"][-1] < results["train_loss"][0]


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_few_samples_train_and_stay_finite(x: Tensor, y: Tensor, samples: int) -> None:
    model = make(grid=10)
    results = fit(model, x[:samples], y[:samples], steps=4, lamb=0.01)
    assert all(np.isfinite(column).all() for column in results.values())
    assert bool(torch.isfinite(model(x)).all())
    model.get_act(x[:samples])
    assert bool(torch.isfinite(model.feature_score).all())


def unusual_columns() -> dict[str, Tensor]:
    """Return data sets whose first column is what the name says."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, 2, generator=generator) * 2 - 1
    constant, binary = x.clone(), x.clone()
    constant[:, 0] = 3.0
    binary[:, 0] = (x[:, 0] > 0).float()
    return {"constant": constant, "binary": binary, "duplicated": x[:6].repeat(10, 1)}


@pytest.mark.parametrize("name", ["constant", "binary", "duplicated"])
def test_unusual_columns_train_and_stay_finite(name: str) -> None:
    x = unusual_columns()[name]
    model = make(grid=8)
    results = fit(model, x, x.sum(dim=1), steps=3, lamb=0.001)
    assert all(np.isfinite(column).all() for column in results.values())
    objective = np.square(results["train_loss"]) + 0.001 * np.array(results["reg"])
    assert objective[-1] < objective[0]


@pytest.mark.parametrize("name", ["constant", "binary", "duplicated"])
def test_on_unusual_columns_a_grid_update_keeps_the_function(name: str) -> None:
    x = unusual_columns()[name]
    model = make(grid=8, noise_scale=0.5).double()
    model.update_grid(x)
    with torch.no_grad():
        before = model(x)
        model.update_grid(x)
        assert float((model(x) - before).abs().max() / before.std()) < 0.01


def test_outside_the_grid_the_model_goes_on_with_its_base_functions(x: Tensor) -> None:
    model = make((2, 1))
    far = torch.tensor([[50.0, -80.0], [1e6, -1e6]])
    layer = model.act_fun[0]
    expected = (layer.base_fun(far) * (layer.mask * layer.scale_base)[:, 0]).sum(dim=1, keepdim=True)
    assert torch.allclose(model(far), expected, rtol=1e-5)


# Sizes


@pytest.mark.parametrize(("grid", "k"), [(1, 3), (3, 0), (3, 1), (1, 0), (1, 1), (5, 5)])
def test_small_grids_and_degrees_work(x: Tensor, y: Tensor, grid: int, k: int) -> None:
    model = make(grid=grid, k=k)
    results = fit(model, x, y, lamb=0.001)
    assert all(np.isfinite(column).all() for column in results.values())
    assert bool(torch.isfinite(model.refine(grid + 1)(x)).all())


@pytest.mark.parametrize(("options", "name"), [({"grid": 0}, "num"), ({"grid": -2}, "num"), ({"k": -1}, "k")])
def test_impossible_grids_and_degrees_are_refused(options: dict[str, int], name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"`({name}|grid)` must be a whole number.*got {next(iter(options.values()))}"
    ):
        make(**options)


def test_an_empty_batch_passes_through() -> None:
    assert make()(torch.zeros(0, 2)).shape == (0, 1)


def test_a_batch_that_is_not_contiguous_passes_through(x: Tensor) -> None:
    wide = torch.zeros(40, 4)
    wide[:, ::2] = x
    model = make()
    assert torch.equal(model(wide[:, ::2]), model(x))
    assert torch.equal(model(x.T.contiguous().T), model(x))


@pytest.mark.parametrize(("dtype", "error"), [(torch.half, 5e-3), (torch.bfloat16, 5e-2)])
def test_half_precision_goes_forward_and_backward(x: Tensor, dtype: torch.dtype, error: float) -> None:
    model, exact = make().to(dtype), make()
    y = model(x)
    y.float().square().mean().backward()
    assert y.dtype == dtype
    assert (y.float() - exact(x)).abs().max().item() < error * max(1.0, exact(x).abs().max().item())
    gradients = [entry.grad for entry in model.parameters() if entry.requires_grad and entry.grad is not None]
    assert len(gradients) >= 6
    assert all(bool(torch.isfinite(entry).all()) for entry in gradients)


def test_without_a_test_set_there_is_no_test_loss(x: Tensor, y: Tensor) -> None:
    assert list(fit(make(), x, y)) == ["train_loss", "reg"]


@pytest.mark.parametrize("width", [(2, 3, 1), [2, (3, 0), 1], np.array([2, 3, 1]), [np.int64(2), np.int32(3), 1]])
def test_width_in_any_form_is_accepted_and_never_changed(width: Any) -> None:
    before = pickle.dumps(width)
    model = KAN(width=width, seed=0, auto_save=False)
    assert model.width == [[2, 0], [3, 0], [1, 0]]
    model(torch.rand(4, 2))
    model.prune(node_th=-1.0)
    model.width[1][0] = 99
    assert pickle.dumps(width) == before
    assert model.width == [[2, 0], [3, 0], [1, 0]]


# Arguments


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"lamb": -1.0}, ["`lamb`", "at least 0", "-1.0"]),
        ({"steps": -1}, ["`steps`", "at least 0", "-1"]),
        ({"opt": "Adagrad"}, ["`opt`", "'LBFGS', 'Adam'", "'Adagrad'"]),
        ({"reg_metric": "edge"}, ["`reg_metric`", "'edge_backward'", "'edge'"]),
    ],
)
def test_bad_arguments_of_fit_are_refused_with_the_choices(
    x: Tensor, y: Tensor, options: dict[str, Any], parts: list[str]
) -> None:
    model = make()
    refused(model, lambda: fit(model, x, y, **options), *parts)


def test_an_unknown_metric_of_a_picture_is_refused_with_the_choices(x: Tensor) -> None:
    model = make()
    model(x)
    refused(model, lambda: model.plot(metric="sideways"), "'backward', 'forward_n', 'forward_u'", "'sideways'")


def test_an_unknown_base_function_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"'silu'.*'identity'.*'zero'.*'relu6'"):
        make(base_fun="relu6")


def test_an_unknown_function_name_is_refused_with_the_choices(x: Tensor) -> None:
    model = make()
    model(x)
    refused(model, lambda: model.fix_symbolic(0, 0, 0, "sinus"), "'sin'", "'sinus'")
    refused(model, lambda: model.suggest_symbolic(0, 0, 0, lib=["sinus"], verbose=False), "'sinus'")
    refused(model, lambda: model.auto_symbolic(lib=["sinus"], verbose=0), "'sinus'")


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.prune(),
        lambda model: model.prune_node(),
        lambda model: model.prune_edge(),
        lambda model: model.prune_input(),
        lambda model: model.refine(5),
        lambda model: model.auto_symbolic(verbose=0),
        lambda model: model.suggest_symbolic(0, 0, 0, verbose=False),
        lambda model: model.fix_symbolic(0, 0, 0, "sin", verbose=False),
        lambda model: model.plot(),
        lambda model: model.attribute(),
        lambda model: model.get_act(),
        lambda model: model.get_range(0, 0, 0),
        lambda model: model.get_fun(0, 0, 0),
        lambda model: model.reg(),
    ],
)
def test_what_needs_data_says_so_before_any_was_seen(call: Callable[[KAN], Any]) -> None:
    model = make()
    refused(model, lambda: call(model), "call `model(x)`", kind=RuntimeError)


# Interruptions and files


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_an_interrupted_fit_leaves_a_usable_model_and_its_record(x: Tensor, y: Tensor, error: BaseException) -> None:
    model, calls = make(), [0]

    def loss(prediction: Tensor, label: Tensor) -> Tensor:
        calls[0] += 1
        if calls[0] > 60:
            raise error
        return (prediction - label).square().mean()

    settings = model.constructor_arguments()
    with pytest.raises(type(error)):
        fit(model, x, y, steps=50, loss_fn=loss)
    assert model.constructor_arguments() == settings
    assert len(model.last_results["train_loss"]) >= 1
    assert bool(torch.isfinite(model(x)).all())
    fit(model, x, y)


class Hostile:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("executed",))


@pytest.mark.parametrize("kind", ["truncated", "foreign", "hostile", "empty", "missing"])
def test_a_bad_checkpoint_is_refused_and_nothing_is_executed(kind: str, tmp_path: Path) -> None:
    make().saveckpt("good")
    good = (tmp_path / "good.pt").read_bytes()
    bad = tmp_path / "bad.pt"
    if kind == "truncated":
        bad.write_bytes(good[: len(good) // 2])
    elif kind == "foreign":
        torch.save({"weights": torch.ones(3)}, bad)
    elif kind == "hostile":
        torch.save({"format": "kan network", "version": 1, "settings": Hostile()}, bad)
    elif kind == "empty":
        bad.write_bytes(b"")
    with pytest.raises(KANError):
        KAN.loadckpt("bad")
    assert not (tmp_path / "executed").exists()


def test_a_full_disk_leaves_the_previous_checkpoint(x: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    model.saveckpt("mark")
    before = (tmp_path / "mark.pt").read_bytes()
    changed = make(seed=3)

    def full(*_args: Any, **_kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.setattr(os, "replace", full)
        with pytest.raises(KANError, match="No space left"):
            changed.saveckpt("mark")
    assert (tmp_path / "mark.pt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["mark.pt"]
    assert torch.equal(KAN.loadckpt("mark")(x), model(x))


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(KANError):
        make().saveckpt("file/mark")
    with pytest.raises(KANError):
        KAN(width=[2, 1], ckpt_path="file/versions")
