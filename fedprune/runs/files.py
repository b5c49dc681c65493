"""Atomic files: a reader sees the old content or the new, never half of it, also when the writer is killed.

Durable means that it survives a power cut as well, and costs an fsync of the file and one of its folder.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fedprune.types import UserError

TEMPORARY = ".tmp"
"""Suffix of what a writer has under way; what carries it while nobody writes is left from a killed one."""

_ADVICE = {
    errno.ENOSPC: "free some space or choose another place with --out",
    errno.EDQUOT: "your disk quota is used up: free some space or choose another place with --out",
    errno.EROFS: "the file system is read-only: choose another place with --out",
    errno.EACCES: "you may not write there: change its permissions or choose another place with --out",
    errno.EPERM: "you may not write there: change its permissions or choose another place with --out",
    errno.ENOENT: "it has been removed or was never made",
    errno.EIO: "the disk reports an error: check it or choose another place with --out",
}


class RunError(UserError):
    """A run's files cannot be written or read."""


@contextmanager
def explained(action: str, path: Path) -> Iterator[None]:
    """Turns an OSError into a RunError of one line: action, path, reason, what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "check the path or choose another place with --out")
        raise RunError(f"cannot {action} {path}: {error.strerror or error}; {advice}") from error


def write_atomic(path: Path, data: bytes, *, durable: bool) -> None:
    """Replaces the file at ``path`` by one holding ``data``, all or nothing.

    Raises RunError when the disk refuses; the old file is then untouched and no temporary file is left.
    """
    temporary = temporary_name(path)
    with explained("write", path):
        try:
            write_file(temporary, data, durable=durable)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            fsync_folder(path.parent)


def write_file(path: Path, data: bytes, *, durable: bool) -> None:
    """Writes ``path`` in place, for files that nobody looks at yet. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes every byte of ``data``; the system call alone may stop half-way. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_json(path: Path, value: Any, *, durable: bool) -> None:
    """Atomically writes ``value`` as indented JSON. Raises RunError, and ValueError for NaN or infinity."""
    write_atomic(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode(), durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object at ``path``. Raises RunError when it is missing or not a JSON object."""
    with explained("read", path):
        data = path.read_bytes()
    try:
        value = json.loads(data)
    except ValueError as error:
        raise RunError(f"cannot read {path}: not JSON ({error}); the file is damaged") from error
    if not isinstance(value, dict):
        raise RunError(f"cannot read {path}: a JSON object is expected; the file is damaged")
    return value


def fsync_folder(folder: Path) -> None:
    """Makes renames inside ``folder`` survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_name(path: Path) -> Path:
    """A hidden name beside ``path`` that no other living thread uses."""
    return path.with_name(f".{path.name}.{threading.get_native_id()}{TEMPORARY}")


def remove_folder(folder: Path) -> None:
    """Removes a folder so that nobody ever sees it half removed. Raises OSError."""
    doomed = temporary_name(folder)
    shutil.rmtree(doomed, ignore_errors=True)
    os.replace(folder, doomed)
    shutil.rmtree(doomed, ignore_errors=True)
