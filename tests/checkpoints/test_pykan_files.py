"""Loading the three files that pykan 0.2.8 writes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from kan.checkpoints import load_checkpoint, save_checkpoint
from kan.common.errors import CheckpointError
from kan.network import Network
from kan.symbolic.library import SYMBOLIC_LIB

NAMES = [
    "affine",
    "degree_two",
    "double",
    "fully_symbolic",
    "identity_base",
    "partly_symbolic",
    "per_layer",
    "product",
    "product_nested",
    "pruned",
    "pruned_input",
    "pruned_product",
    "sum_only",
]


@pytest.fixture
def take(pykan_data: Path, tmp_path: Path) -> Any:
    """Copy the files of a checkpoint to `mark`, with changes of the configuration."""

    def copy(name: str = "sum_only", **changes: Any) -> Path:
        for ending in ("_config.yml", "_state", "_cache_data"):
            shutil.copy(pykan_data / f"{name}{ending}", tmp_path / f"mark{ending}")
        if changes:
            config = yaml.safe_load((tmp_path / "mark_config.yml").read_text())
            # pykan writes with this dumper too.
            (tmp_path / "mark_config.yml").write_text(yaml.dump({**config, **changes}, default_flow_style=False))
        return tmp_path / "mark"

    return copy


@pytest.fixture
def expected(pykan_data: Path) -> Any:
    return lambda name: torch.load(pykan_data / f"{name}_expected.pt", weights_only=True)


def distance(y: torch.Tensor, reference: torch.Tensor, *, beside: torch.Tensor | float = 0.0) -> float:
    """Return the largest difference relative to the largest value; of differences up to `beside`, nothing."""
    differences, largest = (y.double() - reference.double()).abs(), reference.double().abs().max()
    return float(torch.where(differences > beside, differences, 0.0).max() / largest)


def test_every_fixture_is_tested(pykan_data: Path) -> None:
    assert sorted(path.name[: -len("_config.yml")] for path in pykan_data.glob("*_config.yml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_output_is_that_of_pykan(pykan_data: Path, expected: Any, name: str) -> None:
    network, answers = load_checkpoint(pykan_data / name, Network), expected(name)
    assert network.dtype == answers["y"].dtype
    with torch.no_grad():
        ours = network(answers["x"])
        exact = network.double()(answers["x"].double())
    difference, reference = ours.double() - answers["y"].double(), answers["y"].double()
    assert difference.norm() / reference.norm() < 1e-6
    assert distance(exact, answers["y"]) < 1e-6
    assert distance(ours, exact) < 1e-6
    # Each is within 1e-6 of the function that the file holds, but at one of the 260 samples their roundings may add up.
    assert distance(ours, answers["y"]) < (1.2e-6 if name == "product_nested" else 1e-6)
    assert distance(ours, answers["y"], beside=determined(network, answers["x"])) < 1e-6


def determined(network: Network, x: torch.Tensor) -> torch.Tensor:
    """Return (N, outputs) how far a function in float64 moves where each of its inputs changes in its last digit.

    Two evaluations cannot be closer than that for certain: either rounds its first step so.
    """
    point = x.double().requires_grad_()
    unit = torch.finfo(x.dtype).eps * x.abs()
    outputs = network(point).unbind(1)
    slopes = [torch.autograd.grad(output.sum(), point, retain_graph=True)[0] for output in outputs]
    return torch.stack([(slope.abs() * unit).sum(1) for slope in slopes], dim=1)


def test_float32_determines_all_samples_but_two_to_a_millionth(pykan_data: Path, expected: Any) -> None:
    # Those two are of the nested products, far beyond its grid: their inputs' last digit is worth 2e-6.
    unsure = []
    for name in NAMES:
        network, answers = load_checkpoint(pykan_data / name, Network), expected(name)
        shares = determined(network.double(), answers["x"]) / answers["y"].double().abs().max()
        unsure += [(name, row) for row in torch.nonzero((shares > 1e-6).any(1)).flatten().tolist()]
    assert unsure == [("product_nested", 17), ("product_nested", 19)]


@pytest.mark.parametrize("name", NAMES)
def test_the_data_are_those_of_pykan(pykan_data: Path, expected: Any, name: str) -> None:
    network = load_checkpoint(pykan_data / name, Network)
    assert network.cache_data is not None
    assert torch.equal(network.cache_data, expected(name)["x"][: len(network.cache_data)])


@pytest.mark.parametrize("name", NAMES)
def test_what_pykan_saved_can_be_saved_here(pykan_data: Path, equal: Any, name: str) -> None:
    network = load_checkpoint(pykan_data / name, Network)
    save_checkpoint(network, "mark")
    assert equal(network, load_checkpoint("mark", Network))


def test_functions_come_back(pykan_data: Path) -> None:
    network = load_checkpoint(pykan_data / "partly_symbolic", Network)
    assert network.symbolic_fun[0].funs_name == [["sin", "x^2"], ["0", "x^2"]]
    assert [network.symbolic_fun[0].is_fixed(i, j) for j in range(2) for i in range(2)] == [True, True, False, True]


def test_a_zero_edge_gives_the_constant_that_it_gives_in_pykan(take: Any, expected: Any) -> None:
    path, answers = take(), expected("sum_only")
    before = load_checkpoint(path, Network)(answers["x"])
    state = torch.load(f"{path}_state", weights_only=True)
    last = next(layer for layer in (1, 0) if f"symbolic_fun.{layer}.mask" in state)
    state[f"symbolic_fun.{last}.mask"][0, 0] = 1.0
    state[f"symbolic_fun.{last}.affine"][0, 0] = torch.tensor([1.0, 0.0, 1.0, 0.25])
    torch.save(state, f"{path}_state")
    after = load_checkpoint(path, Network)(answers["x"])
    assert torch.allclose(after - before, torch.tensor(0.25), atol=1e-5)


def test_the_module_of_the_base_function_is_read_as_its_name(pykan_data: Path) -> None:
    assert load_checkpoint(pykan_data / "pruned_input", Network).base_fun_name == "silu"


@pytest.mark.parametrize(("module", "name"), [(nn.SiLU(), "silu"), (nn.Identity(), "identity")])
def test_base_functions_as_pykan_dumps_them(take: Any, module: nn.Module, name: str) -> None:
    assert load_checkpoint(take(base_fun_name=module), Network).base_fun_name == name


def test_the_zero_base_function_as_pykan_dumps_it(take: Any) -> None:
    path = take(base_fun_name="PLACE")
    config = Path(f"{path}_config.yml")
    config.write_text(config.read_text().replace("PLACE", "!!python/name:kan.MultKAN.%3Clambda%3E ''"))
    assert load_checkpoint(path, Network).base_fun_name == "zero"


@pytest.mark.parametrize("number", [np.int64(5), np.int32(5), np.uint8(5), np.array([5], dtype=">i4")[0]])
def test_numpy_numbers_are_read(take: Any, number: Any) -> None:
    path = take(
        grid=number,
        k=np.int64(3),
        grid_eps=np.float64(0.5),
        grid_range=(np.float32(-1), 1),
        sp_trainable=np.bool_(True),
    )
    assert "numpy" in Path(f"{path}_config.yml").read_text()
    network = load_checkpoint(path, Network)
    assert (network.grid, network.k, network.grid_eps, network.grid_range) == (5, 3, 0.5, [-1.0, 1.0])
    assert network.sp_trainable is True


def test_numbers_of_an_unknown_type_are_refused(take: Any) -> None:
    with pytest.raises(CheckpointError, match="number of the unknown type"):
        load_checkpoint(take(grid_eps=np.complex128(1)), Network)


@pytest.mark.parametrize(
    "node",
    [
        "!!python/object/apply:builtins.open [marker, w]",
        "!!python/object/apply:os.system ['touch marker']",
        "!!python/object/new:pathlib.Path [marker]",
        "!!python/name:os.system ''",
        "!!python/module:antigravity ''",
        "!!python/object:torch.nn.modules.linear.Linear {}",
        "!!python/name:__main__.%3Clambda%3E ''",
        "!!python/object/apply:numpy.dtype {args: ['O8'], state: [3, '<']}",
        "!!python/object/apply:numpy.core.multiarray.scalar [marker]",
    ],
)
@pytest.mark.parametrize("place", ["base_fun_name", "unused"])
def test_hostile_yaml_is_refused_and_not_executed(take: Any, node: str, place: str) -> None:
    path = take(**{place: "PLACE"})
    config = Path(f"{path}_config.yml")
    config.write_text(config.read_text().replace("PLACE", node))
    with pytest.raises(CheckpointError, match="mark"):
        load_checkpoint(path, Network)
    assert not Path("marker").exists()


def test_what_a_base_function_holds_is_not_executed(take: Any) -> None:
    path = take(base_fun_name="PLACE")
    config = Path(f"{path}_config.yml")
    node = "!!python/object:torch.nn.modules.activation.SiLU {a: !!python/object/apply:builtins.open [marker, w]}"
    config.write_text(config.read_text().replace("PLACE", node))
    assert load_checkpoint(path, Network).base_fun_name == "silu"
    assert not Path("marker").exists()


class Hostile:
    """An object that makes a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return open, (str(Path("marker").absolute()), "w")


@pytest.mark.parametrize("ending", ["_state", "_cache_data"])
def test_hostile_pickles_are_refused_and_not_executed(take: Any, ending: str) -> None:
    path = take()
    torch.save(Hostile(), f"{path}{ending}")
    with pytest.raises(CheckpointError, match="Nothing in it was executed"):
        load_checkpoint(path, Network)
    assert not Path("marker").exists()


@pytest.mark.parametrize("ending", ["_state", "_cache_data", "_config.yml"])
def test_truncated_files_are_refused(take: Any, ending: str) -> None:
    path = take()
    file = Path(f"{path}{ending}")
    whole = file.read_bytes()
    # Without its last entries, one of which is the width, the configuration is refused too.
    for length in range(0, int(0.9 * len(whole)), max(len(whole) // 20, 1)):
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="mark"):
            load_checkpoint(path, Network)


@pytest.mark.parametrize(
    "text", ["", "hello", "- 1\n- 2", "{", "width: 3", "a: &a [*a]", "\x00", "[" * 300, "width: [2, 1]\n\tgrid: 3"]
)
def test_a_foreign_configuration_is_refused(take: Any, text: str) -> None:
    path = take()
    Path(f"{path}_config.yml").write_text(text)
    with pytest.raises(CheckpointError, match="mark"):
        load_checkpoint(path, Network)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": [[2, 0], [4, 0], [1, 0]]},
        {"width": [[3, 0], [3, 0], [1, 0]]},
        {"width": "text"},
        {"grid": 7},
        {"k": 2},
        {"grid": "many"},
        {"base_fun_name": "nonsense"},
        {"symbolic.funs_name.0": [["0"]]},
        {"symbolic.funs_name.0": None},
        {"grid_range": [1, -1]},
    ],
)
def test_a_configuration_of_another_network_is_refused(take: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="mark"):
        load_checkpoint(take(**changes), Network)


def test_a_state_of_another_network_is_refused(take: Any, pykan_data: Path) -> None:
    path = take()
    shutil.copy(pykan_data / "product_state", f"{path}_state")
    with pytest.raises(CheckpointError, match="shape"):
        load_checkpoint(path, Network)


@pytest.mark.parametrize("content", [torch.zeros(3), [1], {}, {"act_fun.0.coef": 1}])
def test_a_state_that_is_none_is_refused(take: Any, content: Any) -> None:
    path = take()
    torch.save(content, f"{path}_state")
    with pytest.raises(CheckpointError, match="mark"):
        load_checkpoint(path, Network)


def test_an_unknown_function_is_named_with_the_remedy(pykan_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SYMBOLIC_LIB, "gaussian")
    with pytest.raises(CheckpointError, match=r"fully_symbolic.*'gaussian'.*add_symbolic"):
        load_checkpoint(pykan_data / "fully_symbolic", Network)


def test_the_data_may_be_absent(take: Any) -> None:
    path = take()
    Path(f"{path}_cache_data").unlink()
    assert load_checkpoint(path, Network).cache_data is None


def test_a_network_that_saw_no_data_is_loaded(take: Any) -> None:
    path = take()
    torch.save(None, f"{path}_cache_data")
    assert load_checkpoint(path, Network).cache_data is None


def test_a_checkpoint_from_a_missing_device_comes_to_the_cpu(take: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = take(device="cuda")
    state = torch.load(f"{path}_state", weights_only=True)
    with monkeypatch.context() as patch:
        patch.setattr("torch.serialization.location_tag", lambda _: "cuda:0")
        torch.save(state, f"{path}_state")
    if not torch.cuda.is_available():
        assert load_checkpoint(path, Network).device.type == "cpu"
    assert load_checkpoint(path, Network, device="cpu").device.type == "cpu"


def test_the_file_of_this_library_wins(take: Any) -> None:
    path = take()
    save_checkpoint(Network([4, 1]), path)
    assert load_checkpoint(path, Network).width_in == [4, 1]


def test_an_unrelated_file_of_the_same_name_is_not_in_the_way(take: Any) -> None:
    path = take()
    path.write_text("notes")
    assert load_checkpoint(path, Network).width_in == [2, 3, 1]


@pytest.mark.usefixtures("global_generators_untouched")
def test_loading_writes_nothing_and_draws_no_global_random_numbers(take: Any, tmp_path: Path) -> None:
    path = take(ckpt_path="./elsewhere", auto_save=True)
    before = sorted(tmp_path.iterdir())
    load_checkpoint(path, Network)
    assert sorted(tmp_path.iterdir()) == before
