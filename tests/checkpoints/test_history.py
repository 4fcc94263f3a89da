"""The versions of a model, in memory and on disk."""

from __future__ import annotations

import copy
import functools
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from kan.checkpoints import History, copy_network
from kan.common.errors import ArgumentError, CheckpointError, StateError
from kan.network import Network


def change(network: Network) -> None:
    """Do what training does."""
    with torch.no_grad():
        network.act_fun[0].coef.add_(1)


@pytest.fixture
def story(make: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Begin a history, and record two fits."""

    def tell(folder: Any = None, **limits: int) -> tuple[Network, History, list[Network]]:
        for name, limit in limits.items():
            monkeypatch.setattr(f"kan.checkpoints.history.{name.upper()}", limit)
        network, history = make(), History(folder)
        history.begin(network)
        versions = [copy_network(network)]
        for _ in range(2):
            change(network)
            history.record(network, "fit")
            versions.append(copy_network(network))
        return network, history, versions

    return tell


def test_versions_are_numbered_as_in_pykan(make: Any) -> None:
    history = History()
    assert [history.begin(make()), history.record(make(), "fit"), history.record(make(), "prune")] == [
        "0.0",
        "0.1",
        "0.2",
    ]
    assert (history.version, history.round, history.state_id) == ("0.2", 0, 2)


def test_the_log_is_that_of_pykan(story: Any) -> None:
    _, history, _ = story()
    assert history.text() == "### Round 0 ###\ninit => 0.0\n0.0 => fit => 0.1\n0.1 => fit => 0.2"


@pytest.mark.parametrize(("k", "count"), [("all", 4), (0, 0), (1, 1), (3, 3), (9, 4)])
def test_the_last_lines_are_returned(story: Any, k: Any, count: int) -> None:
    _, history, _ = story()
    assert history.lines(k) == history.lines()[4 - count :]


@pytest.mark.parametrize("k", [-1, "some", 1.5, None, True])
def test_a_wrong_number_of_lines_is_refused(k: Any) -> None:
    with pytest.raises(ArgumentError, match="`k` must be"):
        History().lines(k)


def test_every_version_can_be_checked_out(story: Any, equal: Any) -> None:
    _, history, versions = story()
    for name, version in zip(["0.0", "0.1", "0.2"], versions):
        assert equal(history.checkout(name, Network), version)


def test_checking_out_changes_nothing(story: Any) -> None:
    network, history, _ = story()
    text, coefficients = history.text(), network.act_fun[0].coef.clone()
    with torch.no_grad():
        history.checkout("0.1", Network).act_fun[0].coef.zero_()
    assert history.text() == text
    assert torch.equal(network.act_fun[0].coef, coefficients)
    assert history.checkout("0.1", Network).act_fun[0].coef.any()


def test_rewinding_opens_a_round(story: Any, equal: Any, capsys: Any) -> None:
    _, history, versions = story()
    network, its_history = history.rewind("0.1", Network)
    assert capsys.readouterr().out == "rewind to model version 0.1, renamed as 1.1\n"
    assert equal(network, versions[1])
    assert its_history.version == "1.1"
    assert its_history.record(network, "fit") == "1.2"
    assert its_history.lines(2) == ["### Round 1 ###", "1.1 => fit => 1.2"]


def test_rewinding_leaves_the_history_of_the_model(story: Any) -> None:
    _, history, _ = story()
    text = history.text()
    history.rewind("0.0", Network)
    assert (history.text(), history.version) == (text, "0.2")


def test_versions_of_all_rounds_can_be_reached_after_rewinding(story: Any, equal: Any) -> None:
    _, history, versions = story()
    _, second = history.rewind("0.1", Network)
    _, third = second.rewind("0.2", Network)
    assert third.version == "2.2"
    for name, version in [("0.0", 0), ("0.2", 2), ("1.1", 1), ("2.2", 2)]:
        assert equal(third.checkout(name, Network), versions[version])


@pytest.mark.parametrize("version", ["0.9", "", "last", 7, None])
def test_an_unknown_version_is_refused_with_the_known_ones(story: Any, version: Any) -> None:
    _, history, _ = story()
    for call in (history.checkout, history.rewind):
        with pytest.raises(ArgumentError, match=r"0\.0, 0\.1, 0\.2"):
            call(version, Network)
    assert history.version == "0.2"


def test_a_history_without_versions_says_so() -> None:
    with pytest.raises(ArgumentError, match="none"):
        History().checkout("0.0", Network)


def test_a_history_can_start_anywhere(make: Any) -> None:
    history = History(start="3.4")
    assert history.record(make(), "fit") == "3.5"
    assert history.text() == "3.4 => fit => 3.5"


@pytest.mark.parametrize("start", ["3", "a.b", "-1.0", "1.2.3"])
def test_a_start_that_is_no_version_is_refused(start: str) -> None:
    with pytest.raises(ArgumentError, match=r"round\.state"):
        History(start=start)


def test_functions_without_a_name_are_kept(make: Any, inputs: Any) -> None:
    network, history = make(), History()
    network.symbolic_fun[0].set_edge(0, 2, lambda x: x**7)
    history.begin(network)
    x = inputs(network)
    assert torch.equal(history.checkout("0.0", Network)(x), network(x))


def test_the_constructor_may_have_arguments(story: Any) -> None:
    _, history, _ = story()
    network, _ = history.rewind("0.1", functools.partial(Network, device="cpu"))
    assert network.grid == 4


@pytest.mark.usefixtures("global_generators_untouched")
def test_nothing_is_written_or_drawn_or_printed(story: Any, tmp_path: Path, capsys: Any) -> None:
    _, history, _ = story()
    history.checkout("0.1", Network)
    history.fork()
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().out == ""


# Children


def test_parent_and_child_go_on_apart(story: Any, equal: Any) -> None:
    network, history, _ = story()
    child, its_history = copy_network(network), history.fork()
    change(network)
    history.record(network, "fit")
    its_history.record(child, "prune")
    assert history.lines(2) == ["0.1 => fit => 0.2", "0.2 => fit => 0.3"]
    assert its_history.lines(2) == ["0.1 => fit => 0.2", "0.2 => prune => 0.3"]
    assert equal(history.checkout("0.3", Network), network)
    assert equal(its_history.checkout("0.3", Network), child)


def test_a_branch_goes_on_in_a_round_of_its_own_and_knows_all_versions(story: Any) -> None:
    network, history, _ = story()
    branch = history.branch("0.1")
    assert (branch.version, branch.versions) == ("1.1", ["0.0", "0.1", "0.2"])
    assert branch.record(network, "prune") == "1.2"
    assert branch.lines(2) == ["0.1 => fit => 0.2", "1.1 => prune => 1.2"]
    assert history.lines(1) == ["0.1 => fit => 0.2"]


def test_a_branch_takes_no_round_that_has_versions(story: Any) -> None:
    network, history, _ = story()
    branch = history.branch()
    branch.record(network, "fit")
    assert branch.branch("0.1").version == "2.1"
    assert branch.branch().version == "2.3"


def test_a_deepcopy_goes_on_apart_and_shares_the_versions(story: Any, equal: Any) -> None:
    network, history, versions = story()
    network.history_of_versions = history
    twin = copy.deepcopy(network)
    twin.history_of_versions.record(twin, "fit")
    assert history.version == "0.2"
    assert equal(twin.history_of_versions.checkout("0.0", Network), versions[0])
    assert twin.history_of_versions._versions["0.0"].state is history._versions["0.0"].state


def test_a_history_can_be_pickled(story: Any, equal: Any) -> None:
    _, history, versions = story()
    restored = pickle.loads(pickle.dumps(history))
    assert restored.text() == history.text()
    assert equal(restored.checkout("0.1", Network), versions[1])


def test_a_version_with_a_lambda_does_not_keep_a_model_from_being_pickled(make: Any) -> None:
    network, history = make(), History()
    history.begin(network)
    network.symbolic_fun[0].set_edge(0, 2, lambda x: x**7)
    history.record(network, "fix_symbolic")
    network.symbolic_fun[0].clear_edge(0, 2)
    history.record(network, "unfix_symbolic")
    restored = pickle.loads(pickle.dumps(history))
    assert restored.text() == history.text()
    restored.checkout("0.2", Network)
    with pytest.raises(StateError, match="not kept any more"):
        restored.checkout("0.1", Network)
    history.checkout("0.1", Network)


# Bounds


def test_the_oldest_versions_are_dropped_and_their_lines_stay(story: Any, equal: Any) -> None:
    _, history, versions = story(max_versions=2)
    assert len(history.lines()) == 4
    assert equal(history.checkout("0.1", Network), versions[1])
    with pytest.raises(StateError, match="ckpt_path"):
        history.checkout("0.0", Network)


def test_memory_is_bounded_in_bytes(story: Any) -> None:
    network, _, _ = story()
    size = sum(entry.numel() * entry.element_size() for entry in network.state_dict().values())
    _, history, _ = story(max_bytes=2 * size + 1)
    assert [entry.state is not None for entry in history._versions.values()] == [False, True, True]


def test_a_network_beyond_the_bound_is_only_logged(story: Any) -> None:
    _, history, _ = story(max_bytes=10)
    assert history.version == "0.2"
    assert all(entry.state is None for entry in history._versions.values())


def test_rewinding_to_a_dropped_version_changes_nothing(story: Any) -> None:
    _, history, _ = story(max_bytes=10)
    with pytest.raises(StateError):
        history.rewind("0.1", Network)
    assert history.version == "0.2"


# On disk


def test_versions_are_written_to_a_folder_of_the_run(story: Any, capsys: Any) -> None:
    _, history, _ = story("model")
    run = Path("model/run-0001")
    assert sorted(path.name for path in run.iterdir()) == ["0.0.pt", "0.1.pt", "0.2.pt", "history.txt"]
    assert (run / "history.txt").read_text() == history.text() + "\n"
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("checkpoint directory created: ")
    assert printed[1:] == ["saving model version 0.0", "saving model version 0.1", "saving model version 0.2"]


def test_dropped_versions_are_read_from_disk(story: Any, equal: Any) -> None:
    _, history, versions = story("model", max_bytes=0)
    for name, version in zip(history.versions, versions):
        assert equal(history.checkout(name, Network), version)
    network, its_history = history.rewind("0.1", Network)
    assert equal(network, versions[1])
    assert Path("model/run-0001/1.1.pt").is_file()
    assert Path("model/run-0001/history.txt").read_text() == its_history.text() + "\n"


def test_a_version_whose_file_is_gone_says_so(story: Any) -> None:
    _, history, _ = story("model", max_bytes=0)
    Path("model/run-0001/0.1.pt").unlink()
    with pytest.raises(StateError, match=r"0\.1\.pt.*gone"):
        history.checkout("0.1", Network)


def test_the_folder_stays_when_the_program_changes_its_directory(
    story: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, history, _ = story("model")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    history.record(network, "fit")
    assert (tmp_path / "model" / "run-0001" / "0.3.pt").is_file()


def test_two_models_never_share_a_folder(story: Any, equal: Any) -> None:
    first, one, _ = story("model", max_bytes=0)
    second, other, _ = story("model", max_bytes=0)
    change(second)
    other.record(second, "fit")
    one.record(first, "fit")
    assert sorted(path.name for path in Path("model").iterdir()) == ["run-0001", "run-0002"]
    assert equal(one.checkout("0.3", Network), first)
    assert equal(other.checkout("0.3", Network), second)


def test_a_chain_of_children_stays_in_one_folder(story: Any) -> None:
    network, history, _ = story("model")
    for method in ("prune", "refine"):
        network, history = copy_network(network), history.fork()
        history.record(network, method)
    assert [path.name for path in Path("model").iterdir()] == ["run-0001"]
    assert Path("model/run-0001/history.txt").read_text() == history.text() + "\n"


@pytest.mark.parametrize("copied", ["fork", "deepcopy", "pickle"])
def test_copies_that_go_on_apart_do_so_in_folders_of_their_own(story: Any, equal: Any, copied: str) -> None:
    network, history, _ = story("model", max_bytes=0)
    duplicate = {"fork": History.fork, "deepcopy": copy.deepcopy, "pickle": lambda h: pickle.loads(pickle.dumps(h))}
    other = duplicate[copied](history)
    before = copy_network(network)
    other.record(before, "fit")
    change(network)
    history.record(network, "fit")
    history.record(network, "fit")
    assert equal(other.checkout("0.3", Network), before)
    assert equal(history.checkout("0.3", Network), network)
    assert equal(history.checkout("0.0", Network), other.checkout("0.0", Network))
    for one, run in ((other, "run-0001"), (history, "run-0002")):
        assert (Path("model") / run / "history.txt").read_text() == one.text() + "\n"


def test_a_folder_that_cannot_be_written_is_an_error_and_memory_is_complete(
    story: Any, equal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, history, _ = story("model")
    change(network)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(CheckpointError, match="No space left"):
            history.record(network, "fit")
    assert sorted(path.name for path in Path("model/run-0001").iterdir()) == [
        "0.0.pt",
        "0.1.pt",
        "0.2.pt",
        "history.txt",
    ]
    assert equal(history.checkout("0.3", Network), network)
    assert history.record(network, "prune") == "0.4"
    assert Path("model/run-0002/history.txt").read_text() == history.text() + "\n"


def test_a_file_in_place_of_the_folder_is_an_error_that_names_it(make: Any) -> None:
    Path("model").write_text("in the way")
    with pytest.raises(CheckpointError, match="model"):
        History("model").begin(make())


def test_a_network_that_no_file_can_hold_leaves_no_file(make: Any) -> None:
    network = make()
    network.symbolic_fun[0].set_edge(0, 2, lambda x: x**7)
    with pytest.raises(CheckpointError, match="add_symbolic"):
        History("model").begin(network)
    assert not list(Path("model").iterdir())
