"""Files are written completely or not at all, and read without executing anything."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from kan.checkpoints.archive import read_archive, reading, write_archive
from kan.common.errors import ArgumentError, CheckpointError

CONTENT = {"tensor": torch.arange(5.0), "number": 3, "list": [1, "two", None]}


class Hostile:
    """An object that makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return open, (str(self.marker), "w")


@contextlib.contextmanager
def limited_file_size(limit: int) -> Iterator[None]:
    """Let the operating system refuse files beyond `limit` bytes, as a full disk does."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "file.pt"
    write_archive(CONTENT, file)
    read = read_archive(file)
    assert torch.equal(read.pop("tensor"), CONTENT["tensor"])
    assert read == {"number": 3, "list": [1, "two", None]}


def test_only_the_file_is_left_in_the_folder(tmp_path: Path) -> None:
    for _ in range(2):
        write_archive(CONTENT, tmp_path / "file.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["file.pt"]


def test_missing_folders_are_created(tmp_path: Path) -> None:
    write_archive(CONTENT, tmp_path / "a" / "b" / "file.pt")
    assert (tmp_path / "a" / "b" / "file.pt").is_file()


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_archive(CONTENT, tmp_path / "file.pt")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.pt").stat().st_mode) == 0o644


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_file_that_only_its_owner_may_read_stays_so(tmp_path: Path) -> None:
    write_archive(CONTENT, tmp_path / "file.pt")
    (tmp_path / "file.pt").chmod(0o600)
    write_archive({"number": 4}, tmp_path / "file.pt")
    assert stat.S_IMODE((tmp_path / "file.pt").stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.pt").symlink_to(tmp_path / "real.pt")
    write_archive(CONTENT, tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert read_archive(tmp_path / "real.pt")["number"] == 3


def check_failure_leaves_everything(folder: Path) -> None:
    """Fail to write over a file, and check that it is intact and alone in its folder."""
    file = folder / "file.pt"
    before = file.read_bytes()
    with pytest.raises(CheckpointError, match=r"file\.pt"):
        write_archive({"tensor": torch.rand(100_000)}, file)
    assert file.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["file.pt"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    write_archive(CONTENT, tmp_path / "file.pt")
    with limited_file_size(10_000):
        check_failure_leaves_everything(tmp_path)


@pytest.mark.parametrize("place", ["os.replace", "os.fsync", "torch.save"])
def test_a_failing_step_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    write_archive(CONTENT, tmp_path / "file.pt")
    monkeypatch.setattr(place, fail)
    check_failure_leaves_everything(tmp_path)


def test_an_interruption_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    write_archive(CONTENT, tmp_path / "file.pt")
    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_archive({"number": 4}, tmp_path / "file.pt")
    assert read_archive(tmp_path / "file.pt")["number"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["file.pt"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file in the way")
    with pytest.raises(CheckpointError, match="may this program write there"):
        write_archive(CONTENT, tmp_path / "a" / "file.pt")


def test_a_file_cannot_replace_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file.pt").mkdir()
    with pytest.raises(CheckpointError):
        write_archive(CONTENT, tmp_path / "file.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["file.pt"]


# Reading


def test_a_truncated_file_is_refused_at_every_length(tmp_path: Path) -> None:
    file = tmp_path / "file.pt"
    write_archive(CONTENT, file)
    whole = file.read_bytes()
    for length in [*range(0, len(whole) - 1, 37), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_archive(file)


def test_a_changed_number_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "file.pt"
    number = torch.tensor([1234.5678], dtype=torch.float64)
    write_archive({"tensor": number}, file)
    whole = file.read_bytes()
    assert whole.count(number.numpy().tobytes()) == 1
    file.write_bytes(whole.replace(number.numpy().tobytes(), (number + 1).numpy().tobytes()))
    with pytest.raises(CheckpointError, match="damaged"):
        read_archive(file)


def hostile_zip(file: Path, hostile: Hostile) -> None:
    torch.save({"state": hostile}, file)


def hostile_legacy(file: Path, hostile: Hostile) -> None:
    torch.save({"state": hostile}, file, _use_new_zipfile_serialization=False)


def hostile_pickle(file: Path, hostile: Hostile) -> None:
    file.write_bytes(pickle.dumps(hostile))


def hostile_tar(file: Path, hostile: Hostile) -> None:
    payload = pickle.dumps(hostile)
    with tarfile.open(file, "w") as archive:
        for name in ("sys_info", "pickle", "tensors", "storages"):
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))


@pytest.mark.parametrize("write", [hostile_zip, hostile_legacy, hostile_pickle, hostile_tar])
def test_a_hostile_file_is_refused_and_not_executed(tmp_path: Path, write: Any) -> None:
    marker, file = tmp_path / "marker", tmp_path / "file.pt"
    write(file, Hostile(marker))
    with pytest.raises(CheckpointError, match="Nothing in it was executed"):
        read_archive(file)
    assert not marker.exists()


def test_the_hostile_object_is_hostile(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Hostile(tmp_path / "marker"))).close()
    assert (tmp_path / "marker").exists()


def test_the_error_does_not_recommend_to_unprotect(tmp_path: Path) -> None:
    hostile_zip(tmp_path / "file.pt", Hostile(tmp_path / "marker"))
    with pytest.raises(CheckpointError) as caught:
        read_archive(tmp_path / "file.pt")
    assert "weights_only" not in str(caught.value)


def test_torchscript_is_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "file.pt")
    with pytest.raises(CheckpointError):
        read_archive(tmp_path / "file.pt")


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    """Some kilobytes could become gigabytes; torch alone reads it."""
    torch.save({"tensor": torch.zeros(10**5)}, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as whole:
        content = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(tmp_path / "file.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with pytest.raises(CheckpointError):
        read_archive(tmp_path / "file.pt")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"hello", b"PK\x03\x04" + bytes(100), bytes(1000)])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(CheckpointError):
        read_archive(tmp_path / "file.pt")


@pytest.mark.parametrize("name", ["missing.pt", "."])
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_archive(tmp_path / name)


def test_tensors_of_a_missing_device_come_to_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.serialization.location_tag", lambda _: "cuda:7")
    torch.save({"tensor": torch.ones(2)}, tmp_path / "file.pt")
    assert b"cuda:7" in (tmp_path / "file.pt").read_bytes()
    assert read_archive(tmp_path / "file.pt")["tensor"].device.type == "cpu"


@pytest.mark.parametrize("error", [KeyError("width"), TypeError("no"), RecursionError(), ArgumentError("bad width")])
def test_any_error_while_reading_names_the_file(error: Exception) -> None:
    with pytest.raises(CheckpointError, match=r"some\.pt") as caught, reading(Path("some.pt")):
        raise error
    assert caught.value.__cause__ is error
