"""Files of tensors and plain values: read without executing anything, written completely or not at all.

Reading goes through `torch.load(weights_only=True)`, which refuses objects. Two other doors of `torch.load` are closed
here: archives of torch before 1.6, whose reader was once tricked into executing code (CVE-2025-32434), and TorchScript.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from kan.common.errors import CheckpointError, KANError

_ZIP_START = b"PK\x03\x04"


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while `path` is read into a `CheckpointError`."""
    try:
        yield
    except CheckpointError:
        raise
    except KANError as error:
        raise CheckpointError(f"the checkpoint {str(path)!r} cannot be used: {error}") from error
    except Exception as error:
        # What damaged or hostile content raises on its way through YAML, constructor and torch cannot be listed.
        kind = type(error).__name__
        raise CheckpointError(f"the checkpoint {str(path)!r} is damaged or foreign: {kind}: {error}") from error


def read_archive(path: Path) -> Any:
    """Return the tensors, on the CPU, and plain values in the file `path`.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is damaged or holds anything else. Nothing in it is executed.
    """
    try:
        _check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except Exception as error:
        # torch's own message recommends to load the file without the protection; it is not repeated here.
        raise CheckpointError(
            f"{str(path)!r} is damaged, or holds something else than tensors and plain values. "
            "Nothing in it was executed; use another copy of the file."
        ) from error


def write_archive(content: Any, path: Path) -> None:
    """Write tensors and plain values to `path`, in one step: on failure the file that was there before is intact.

    Missing folders are created, a symbolic link stays one, and who may read the file stays as it was.

    Raises
    ------
    CheckpointError
        If the file cannot be written.
    """
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer)
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not tempfile: its files are readable for their owner only, whatever the umask says.
        draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        try:
            with draft.open("xb") as stream:
                with contextlib.suppress(OSError):  # there is no older file, or the file system knows no modes
                    shutil.copymode(target, draft)
                stream.write(buffer.getbuffer())
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(draft, target)  # noqa: PTH105 - the name says that it is atomic
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(
            f"the checkpoint {str(path)!r} could not be written: {reason}. "
            f"Is there space left in {str(path.parent)!r}, and may this program write there? "
            "What was there before is unchanged."
        ) from error


def _check_archive(path: Path) -> None:
    """Raise an error unless the file is an undamaged, uncompressed zip archive as `torch.save` writes it."""
    with path.open("rb") as stream:
        start = stream.read(len(_ZIP_START))
    if start != _ZIP_START:
        raise zipfile.BadZipFile
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise zipfile.BadZipFile
        # torch does not compare the checksums of tensors: a changed byte would give another network without a word.
        if archive.testzip() is not None:
            raise zipfile.BadZipFile
