"""The cache folder for decoded sets and partitions: whole entries appear at once, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from fedprune.data.errors import DataError


def cache_folder(kind: str) -> Path:
    """The folder of one kind of entry, made when missing: under FEDPRUNE_CACHE, else under ~/.cache/fedprune.

    Raises DataError when it cannot be made.
    """
    folder = Path(os.environ.get("FEDPRUNE_CACHE") or Path.home() / ".cache" / "fedprune") / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cache folder {folder}: {error.strerror}; set FEDPRUNE_CACHE to a writable one"
        ) from error
    return folder


def key(*parts: object) -> str:
    """A short name for an entry that depends on these JSON-able parts."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def identity(path: Path) -> list[object]:
    """What tells one state of a source file from another, as a part of ``key``."""
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def add_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write files into a temporary folder and give it the name ``target``.

    When another process was faster, its entry (made from the same key) stays. Raises DataError when the files
    cannot be written.
    """
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))
    try:
        fill(temporary)
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        temporary.rename(target)
    except OSError as error:
        if not target.is_dir():
            raise DataError(
                f"cache folder {target.parent}: {error}; free space or set FEDPRUNE_CACHE"
            ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def add_file(target: Path, data: bytes) -> None:
    """Write one whole file, replacing an earlier one. Raises DataError when it cannot be written."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        _flush(temporary)
        temporary.replace(target)
    except OSError as error:
        raise DataError(f"cache folder {target.parent}: {error}; free space or set FEDPRUNE_CACHE") from error
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    # Without this a crash of the machine can leave the final name on an empty file.
    with path.open("rb") as file:
        os.fsync(file.fileno())
