"""Checkpoints in this library's own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kan.checkpoints import checkpoint_file, load_checkpoint, save_checkpoint
from kan.common.errors import ArgumentError, CheckpointError, StateError
from kan.layers import KANLayer
from kan.network import Network
from kan.symbolic.library import SYMBOLIC_LIB, add_symbolic

SHAPES: list[dict[str, Any]] = [
    {"width": [1, 1]},
    {"width": [2, 5, 1], "grid": 3, "k": 3},
    {"width": [3, 2, 2, 2], "grid": [2, 5, 3], "k": [1, 2, 3]},
    {"width": [2, [0, 2], 1], "mult_arity": 3},
    {"width": [3, [1, 2], 2], "mult_arity": [[], [2, 3], []]},
    {"width": [2, 1], "k": 0, "grid": 1},
    {"width": [2, 2, 1], "base_fun": "zero", "affine_trainable": True, "symbolic_enabled": False},
    {"width": [2, 2, 1], "sp_trainable": False, "sb_trainable": False, "grid_eps": 1.0, "grid_range": [-3, 2]},
]


def content_of(file: Path) -> dict[str, Any]:
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_a_loaded_network_equals_the_saved_one(make: Any, equal: Any, dtype: torch.dtype) -> None:
    network = make(dtype=dtype)
    save_checkpoint(network, "mark")
    assert equal(network, load_checkpoint("mark", Network))


@pytest.mark.parametrize("options", SHAPES)
def test_every_shape_comes_back(equal: Any, options: dict[str, Any]) -> None:
    network = Network(seed=5, **options)
    save_checkpoint(network, "mark")
    assert equal(network, load_checkpoint("mark", Network))


@given(
    width=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    grid=st.integers(1, 4),
    k=st.integers(0, 4),
    names=st.lists(st.sampled_from(["0", "x", "sin", "exp", "abs", "gaussian"]), min_size=1, max_size=3),
)
def test_edges_set_one_by_one_come_back(
    tmp_path_factory: Any, equal: Any, width: list[int], grid: int, k: int, names: list[str]
) -> None:
    network = Network(width, grid=grid, k=k)
    for number, name in enumerate(names):
        layer = network.symbolic_fun[number % network.depth]
        i, j = number % layer.in_dim, number % layer.out_dim
        layer.set_edge(i, j, name)
        layer.mask.data[j, i] = 1.0
        layer.affine.data[j, i] = torch.tensor([1.5, 0.2, 0.7, number])
        network.act_fun[number % network.depth].mask.data[i, j] = 0.0
    file = save_checkpoint(network, tmp_path_factory.mktemp("round") / "mark")
    assert equal(network, load_checkpoint(file, Network))


def test_an_edge_made_idle_again_is_idle_after_loading(make: Any) -> None:
    network = make()
    network.symbolic_fun[0].clear_edge(0, 0)
    save_checkpoint(network, "mark")
    loaded = load_checkpoint("mark", Network)
    assert not loaded.symbolic_fun[0].is_fixed(0, 0)
    assert loaded.symbolic_fun[0].is_fixed(1, 0)


def test_columns_and_random_streams_come_back() -> None:
    network = Network([2, 1])
    network.n_columns, network.input_id = 5, torch.tensor([1, 4])
    network.draw_stream()
    save_checkpoint(network, "mark")
    loaded = load_checkpoint("mark", Network)
    assert loaded.input_id.tolist() == [1, 4]
    assert torch.equal(loaded(torch.eye(5)), network(torch.eye(5)))
    assert loaded.draw_stream().initial_seed() == network.draw_stream().initial_seed()


def test_data_stay_out_unless_asked_for(make: Any, inputs: Any) -> None:
    network = make()
    network(inputs(network))
    assert content_of(save_checkpoint(network, "mark"))["data"] is None
    assert load_checkpoint("mark", Network).cache_data is None


@pytest.mark.parametrize("apart", [False, True])
def test_data_come_back_when_asked_for(make: Any, inputs: Any, apart: bool) -> None:
    network = make(dtype=torch.float64)
    network.set_reference(inputs(network, 3))
    if apart:
        network(inputs(network, 4))
    save_checkpoint(network, "mark", with_data=True)
    loaded = load_checkpoint("mark", Network)
    assert torch.equal(loaded.cache_data, network.cache_data)
    assert torch.equal(loaded.reference_data(), network.reference_data())


def test_a_network_without_data_can_be_saved_with_data(make: Any) -> None:
    save_checkpoint(make(), "mark", with_data=True)
    assert load_checkpoint("mark", Network).cache_data is None


def test_the_file_needs_no_trust_and_holds_plain_values(make: Any) -> None:
    content = content_of(save_checkpoint(make(), "mark"))
    assert content["format"] == "kan network"
    assert content["version"] == 1


def test_a_view_is_saved_without_the_rest_of_its_storage(make: Any) -> None:
    network = make()
    network.cache_data = torch.rand(100_000, 2)[:3]
    assert save_checkpoint(network, "mark", with_data=True).stat().st_size < 40_000


def test_numpy_numbers_in_the_settings_come_back_as_python_numbers() -> None:
    class Loose(Network):
        def constructor_arguments(self) -> dict[str, Any]:
            return {
                **super().constructor_arguments(),
                "grid": np.int64(4),
                "grid_eps": np.float32(0.5),
                "seed": torch.tensor(3),
            }

    settings = content_of(save_checkpoint(Loose([2, 1], grid=4), "mark"))["settings"]
    assert [type(settings[name]) for name in ("grid", "grid_eps", "seed")] == [int, float, int]
    assert load_checkpoint("mark", Network).grid == 4


def test_settings_that_are_no_plain_values_are_refused() -> None:
    class Odd(Network):
        def constructor_arguments(self) -> dict[str, Any]:
            return {**super().constructor_arguments(), "seed": object()}

    with pytest.raises(CheckpointError, match="numbers, strings and lists"):
        save_checkpoint(Odd([1, 1]), "mark")


@pytest.mark.parametrize(("module", "name"), [(nn.SiLU(), "silu"), (nn.Identity(), "identity")])
def test_the_module_of_a_named_base_function_is_saved_by_its_name(module: nn.Module, name: str) -> None:
    save_checkpoint(Network([1, 1], base_fun=module), "mark")
    assert load_checkpoint("mark", Network).base_fun_name == name


@pytest.mark.parametrize("base_fun", [torch.sin, nn.PReLU(), lambda x: x**2])
def test_a_base_function_without_a_name_is_refused_with_the_remedy(base_fun: Any) -> None:
    with pytest.raises(CheckpointError, match="state_dict"):
        save_checkpoint(Network([1, 1], base_fun=base_fun), "mark")
    assert not list(Path().iterdir())


def test_layers_that_nothing_could_load_again_are_refused(make: Any) -> None:
    network = make()
    torch.nn.utils.parametrizations.weight_norm(network.act_fun[0], "coef")
    with pytest.raises(StateError, match=r"`coef` of a layer cannot be set.*remove_parametrizations"):
        save_checkpoint(network, "mark")
    assert not Path("mark.pt").exists()


def test_layers_that_a_file_would_turn_into_splines_are_refused(make: Any) -> None:
    class Doubled(KANLayer):
        pass

    network = make()
    network.act_fun[1] = Doubled(network.act_fun[1].in_dim, network.act_fun[1].out_dim)
    with pytest.raises(StateError, match=r"layer 1 is a Doubled.*copy.deepcopy"):
        save_checkpoint(network, "mark")
    assert not Path("mark.pt").exists()


def test_a_symbolic_function_without_a_name_is_refused_with_the_remedy() -> None:
    network = Network([3, 2, 1])
    network.symbolic_fun[0].set_edge(2, 1, lambda x: x**7)
    with pytest.raises(CheckpointError, match=r"edge \(0, 2, 1\).*add_symbolic"):
        save_checkpoint(network, "mark")
    assert not list(Path().iterdir())


def test_a_function_that_was_added_is_needed_for_loading(make: Any, equal: Any) -> None:
    add_symbolic("J0", torch.special.bessel_j0)
    try:
        network = make()
        network.symbolic_fun[0].set_edge(0, 2, "J0")
        save_checkpoint(network, "mark")
        assert equal(network, load_checkpoint("mark", Network))
    finally:
        del SYMBOLIC_LIB["J0"]
    with pytest.raises(CheckpointError, match=r"mark\.pt.*'J0'.*add_symbolic"):
        load_checkpoint("mark", Network)


# Names


@pytest.mark.parametrize(
    ("path", "name"),
    [("mark", "mark.pt"), ("./mark", "mark.pt"), ("0.1", "0.1.pt"), ("best.pt", "best.pt"), ("a/b.pth", "b.pth")],
)
def test_the_file_and_the_path_are_both_found(path: str, name: str) -> None:
    file = save_checkpoint(Network([1, 1]), path)
    assert file.name == name == checkpoint_file(path).name
    for given_path in (path, file, Path(path)):
        assert load_checkpoint(given_path, Network).width == [[1, 0], [1, 0]]


def test_a_renamed_file_is_found() -> None:
    save_checkpoint(Network([1, 1]), "mark").rename("other.kan")
    assert load_checkpoint("other.kan", Network).width == [[1, 0], [1, 0]]


def test_an_unrelated_file_of_the_same_name_is_not_in_the_way() -> None:
    Path("mark").write_text("notes")
    save_checkpoint(Network([1, 1]), "mark")
    assert load_checkpoint("mark", Network).width == [[1, 0], [1, 0]]
    assert Path("mark").read_text() == "notes"


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(ArgumentError, match="must name a file"):
        save_checkpoint(Network([1, 1]), "")


def test_a_missing_checkpoint_is_named_with_all_its_files() -> None:
    with pytest.raises(CheckpointError, match=r"mark\.pt.*mark_config\.yml.*mark_state"):
        load_checkpoint("mark", Network)


def test_saving_again_replaces_the_checkpoint() -> None:
    save_checkpoint(Network([1, 1]), "mark")
    save_checkpoint(Network([2, 1]), "mark")
    assert load_checkpoint("mark", Network).width_in == [2, 1]


def test_a_failure_leaves_the_previous_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(Network([1, 1]), "mark")
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
        with pytest.raises(CheckpointError, match="Permission denied"):
            save_checkpoint(Network([2, 1]), "mark")
    assert load_checkpoint("mark", Network).width_in == [1, 1]
    assert [path.name for path in Path().iterdir()] == ["mark.pt"]


# Devices, classes, surroundings


@pytest.mark.parametrize("device", ["cuda:99", "meta", "nonsense"])
def test_a_checkpoint_from_a_missing_device_comes_to_the_cpu(make: Any, inputs: Any, device: str) -> None:
    network = make()
    file = save_checkpoint(network, "mark")
    torch.save({**content_of(file), "device": device}, file)
    loaded = load_checkpoint("mark", Network)
    assert loaded.device.type == "cpu"
    assert torch.equal(loaded(inputs(network)), network(inputs(network)))


def test_the_device_can_be_chosen(make: Any) -> None:
    save_checkpoint(make(), "mark")
    assert load_checkpoint("mark", Network, device="meta").device.type == "meta"


def test_the_class_is_the_callers() -> None:
    class Special(Network):
        pass

    save_checkpoint(Network([1, 1]), "mark")
    assert type(load_checkpoint("mark", Special)) is Special


@pytest.mark.usefixtures("global_generators_untouched")
def test_saving_and_loading_draw_no_global_random_numbers(make: Any) -> None:
    save_checkpoint(make(), "mark")
    load_checkpoint("mark", Network)


def test_saving_leaves_the_network_as_it_was(make: Any, inputs: Any) -> None:
    network = make()
    network(inputs(network))
    seen, state = network.cache_data, {name: p.clone() for name, p in network.named_parameters()}
    save_checkpoint(network, "mark", with_data=True)
    assert network.cache_data is seen
    assert all(torch.equal(p, state[name]) for name, p in network.named_parameters())


# Damage


def test_a_truncated_checkpoint_is_refused(make: Any) -> None:
    file = save_checkpoint(make(), "mark")
    whole = file.read_bytes()
    for length in range(0, len(whole), 191):
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"mark\.pt"):
            load_checkpoint("mark", Network)


@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(
    tmp_path_factory: Any, make: Any, equal: Any, position: float, bit: int
) -> None:
    network = make()
    file = save_checkpoint(network, tmp_path_factory.mktemp("flip") / "mark")
    content = bytearray(file.read_bytes())
    content[int(position * len(content))] ^= 1 << bit
    file.write_bytes(content)
    try:
        loaded = load_checkpoint(file, Network)
    except CheckpointError:
        return
    assert equal(network, loaded)


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], 3, "text", torch.zeros(2), {"format": "other", "version": 1}])
def test_a_foreign_archive_is_refused(content: Any) -> None:
    torch.save(content, "mark.pt")
    with pytest.raises(CheckpointError, match="no checkpoint of this library"):
        load_checkpoint("mark", Network)


def test_a_bare_state_dict_is_refused_with_the_remedy(make: Any) -> None:
    torch.save(make().state_dict(), "mark.pt")
    with pytest.raises(CheckpointError, match="load_state_dict"):
        load_checkpoint("mark", Network)


def test_a_newer_format_is_refused_with_the_remedy(make: Any) -> None:
    file = save_checkpoint(make(), "mark")
    torch.save({**content_of(file), "version": 2}, file)
    with pytest.raises(CheckpointError, match="newer"):
        load_checkpoint("mark", Network)


@pytest.mark.parametrize("field", ["settings", "state", "trainable", "training", "device", "data"])
def test_a_missing_or_wrong_field_is_named(make: Any, field: str) -> None:
    file = save_checkpoint(make(), "mark")
    content = content_of(file)
    torch.save({**content, field: 7}, file)
    with pytest.raises(CheckpointError, match=field):
        load_checkpoint("mark", Network)


HARM: list[Any] = [
    ("settings", "width", [2, 2, 1]),
    ("settings", "width", None),
    ("settings", "width", [10**9, 10**9]),
    ("settings", "grid", 10**9),
    ("settings", "base_fun", "nonsense"),
    ("settings", "base_fun", ["silu"]),
    ("settings", "unknown", 1),
    ("settings", "mult_arity", "two"),
    ("state", "act_fun.0.coef", torch.zeros(1)),
    ("state", "act_fun.0.mask", torch.zeros(7, 7)),
    ("state", "act_fun.0.mask", "text"),
    ("state", "unknown", torch.zeros(1)),
    ("state", "symbolic_fun.0._extra_state", None),
    ("state", "symbolic_fun.0._extra_state", {"funs_name": [["sin"]], "fixed": []}),
    ("state", "symbolic_fun.0._extra_state", {"funs_name": [["anonymous"] * 2] * 3, "fixed": []}),
    ("state", "symbolic_fun.0._extra_state", {"funs_name": [["sin"] * 2] * 3, "fixed": [(9, 9)]}),
    ("state", "symbolic_fun.0._extra_state", {"funs_name": [["__import__('os')"] * 2] * 3, "fixed": []}),
    ("state", "_extra_state", {"n_columns": 2, "input_id": [0, 7], "draws": 0}),
    ("state", "_extra_state", {"n_columns": 2, "input_id": [0], "draws": 0}),
    ("state", "_extra_state", {}),
]


@pytest.mark.parametrize(("field", "name", "value"), HARM)
def test_a_changed_entry_is_an_error_of_the_checkpoint(make: Any, field: str, name: str, value: Any) -> None:
    file = save_checkpoint(make(), "mark")
    content = content_of(file)
    torch.save({**content, field: {**content[field], name: value}}, file)
    with pytest.raises(CheckpointError, match=r"mark\.pt"):
        load_checkpoint("mark", Network)


@pytest.mark.parametrize(("setting", "value"), [("grid", 10**9), ("width", [10**9, 10**9])])
def test_sizes_are_compared_before_a_network_is_made(make: Any, setting: str, value: Any) -> None:
    class Never(Network):
        def __init__(self, *_: Any, **__: Any) -> None:
            pytest.fail("it was made")

    file = save_checkpoint(make(), "mark")
    content = content_of(file)
    torch.save({**content, "settings": {**content["settings"], setting: value}}, file)
    with pytest.raises(CheckpointError, match="should have shape"):
        load_checkpoint("mark", Never)


def test_random_numbers_go_on_where_they_were(make: Any) -> None:
    network = make()
    network.draw_stream()
    save_checkpoint(network, "mark")
    assert load_checkpoint("mark", Network)._draws == 1


def test_data_of_another_width_are_refused(make: Any) -> None:
    file = save_checkpoint(make(), "mark")
    torch.save({**content_of(file), "data": {"cache_data": torch.zeros(3, 9), "reference": None}}, file)
    with pytest.raises(CheckpointError, match=r"shape"):
        load_checkpoint("mark", Network)
