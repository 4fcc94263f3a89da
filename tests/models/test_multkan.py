"""The constructor of the model."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

from kan import KAN, MultKAN
from kan.common.errors import ArgumentError
from kan.layers import sparse_mask


def test_the_two_names_are_one_class() -> None:
    assert KAN is MultKAN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grid", 7),
        ("k", 2),
        ("base_fun", "identity"),
        ("symbolic_enabled", False),
        ("affine_trainable", True),
        ("grid_eps", 0.5),
        ("grid_range", [-3.0, 2.0]),
        ("sp_trainable", False),
        ("sb_trainable", False),
        ("seed", 9),
        ("save_act", False),
        ("auto_save", False),
        ("ckpt_path", "./versions"),
    ],
)
def test_arguments_are_kept_as_settings(name: str, value: Any) -> None:
    assert KAN(width=[2, 1], **{name: value}).constructor_arguments()[name] == value


def test_settings_make_the_same_model(x: Tensor) -> None:
    model = KAN(width=[2, [2, 1], 1], mult_arity=[[], [3], []], grid=4, k=2, seed=5)
    assert torch.equal(KAN(**model.constructor_arguments())(x), model(x))


def test_every_setting_is_an_argument() -> None:
    arguments = set(inspect.signature(KAN.__init__).parameters) - {"self"}
    assert set(KAN(width=[2, 1]).constructor_arguments()) <= arguments


def test_one_seed_gives_one_model(x: Tensor) -> None:
    assert torch.equal(KAN(width=[2, 1], seed=3)(x), KAN(width=[2, 1], seed=3)(x))
    assert not torch.equal(KAN(width=[2, 1], seed=3)(x), KAN(width=[2, 1], seed=4)(x))


def test_noise_scale_is_the_size_of_the_splines() -> None:
    usual, wild, flat = (KAN(width=[2, 3, 1], noise_scale=scale, seed=0) for scale in (0.3, 1.2, 0.0))
    for layer in range(2):
        assert torch.allclose(wild.act_fun[layer].coef, 4 * usual.act_fun[layer].coef, atol=1e-6)
        assert not flat.act_fun[layer].coef.any()
        assert usual.act_fun[layer].coef.any()


def test_a_sparse_start_has_the_edges_between_nearest_nodes() -> None:
    model = KAN(width=[4, 2, 3], sparse_init=True, seed=0)
    assert [torch.equal(layer.mask, sparse_mask(*layer.mask.shape)) for layer in model.act_fun] == [True, True]
    assert model.n_edge < KAN(width=[4, 2, 3]).n_edge


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_noise_scale_base_is_the_name_of_pykan_0_0(noise: float) -> None:
    scale = KAN(width=[4, 3], noise_scale_base=noise).act_fun[0].scale_base.detach() * 4**0.5
    assert float((scale - 1).abs().max()) <= noise + 1e-6


def test_without_a_width_there_is_no_model() -> None:
    with pytest.raises(ArgumentError, match=r"`width` must list the nodes of every layer.*None"):
        KAN()


def test_the_default_dtype_is_that_of_torch() -> None:
    torch.set_default_dtype(torch.float64)
    assert {entry.dtype for entry in KAN(width=[2, 1]).parameters()} == {torch.float64}


def test_parameters_have_the_names_of_pykan() -> None:
    names = set(dict(KAN(width=[2, 1]).named_parameters()))
    layer = {f"act_fun.0.{name}" for name in ("grid", "coef", "mask", "scale_base", "scale_sp")}
    affine = {f"{node}_{what}_0" for node in ("node", "subnode") for what in ("bias", "scale")}
    assert names == layer | affine | {"symbolic_fun.0.mask", "symbolic_fun.0.affine"}
