"""Atomic files: a reader sees the old content or the new, never half of it, also when the writer is killed.

Durable means that it survives a power cut as well, and costs an fsync of the file and one of its folder.
No link is followed on the last step of a path, and nothing but regular files is read: whatever lies in a
folder, reading it ends, and writing or removing it touches nothing elsewhere.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fedprune.types import UserError, printable

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
    errno.ELOOP: "a run folder must not hold any symbolic link: remove it",
    errno.ENOTDIR: "a file or a symbolic link is where a folder should be: remove it",
    errno.EISDIR: "a folder is where a file should be: remove it",
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
    with explained("write", path):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            write_in(folder, path.name, data, durable=durable)
        finally:
            os.close(folder)


def write_in(folder: int, name: str, data: bytes, *, durable: bool) -> None:
    """``write_atomic`` of the file ``name`` in the folder behind a descriptor. Raises OSError."""
    temporary = _temporary(name)
    try:
        with suppress(FileNotFoundError):
            # What a killed writer left; it may be a link by now, which must not be written through.
            os.unlink(temporary, dir_fd=folder)
        write_file(Path(temporary), data, durable=durable, dir_fd=folder)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
    if durable:
        os.fsync(folder)


def write_file(path: Path, data: bytes, *, durable: bool, dir_fd: int | None = None) -> None:
    """Writes a new file at ``path``, below the folder ``dir_fd`` if given, in place: for files that nobody
    looks at yet. Raises OSError, also when something is there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666, dir_fd=dir_fd)
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


def open_regular(path: str | Path, flags: int, *, dir_fd: int | None = None) -> int:
    """A descriptor of the regular file at ``path``, below the folder ``dir_fd`` if given.

    Raises OSError, also for a symbolic link and for anything that is no regular file.
    """
    # Without O_NONBLOCK the opening of a FIFO waits until somebody opens its other end.
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o666, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return descriptor


def read_file(path: str | Path, *, dir_fd: int | None = None) -> bytes:
    """All bytes of the regular file at ``path``. Raises OSError as ``open_regular`` does."""
    descriptor = open_regular(path, os.O_RDONLY, dir_fd=dir_fd)
    try:
        return read_all(descriptor)
    finally:
        os.close(descriptor)


def read_all(descriptor: int) -> bytes:
    """Every byte of a regular file from where its descriptor stands. Raises OSError."""
    first = os.read(descriptor, os.fstat(descriptor).st_size + 1)
    parts = [first]
    while parts[-1]:
        parts.append(os.read(descriptor, 1 << 20))
    return first if len(parts) == 2 else b"".join(parts)


@contextmanager
def folder_descriptor(folder: str | Path, *, dir_fd: int | None = None) -> Iterator[int]:
    """A descriptor of ``folder``, below the folder ``dir_fd`` if given: what is done relative to it happens
    there and nowhere else.

    Raises OSError, also when ``folder`` is a symbolic link.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(folder, flags, dir_fd=dir_fd)
    except NotADirectoryError:
        if stat.S_ISLNK(os.stat(folder, dir_fd=dir_fd, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, "its folder is a symbolic link") from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any, *, durable: bool) -> None:
    """Atomically writes ``value`` as indented JSON. Raises RunError, and ValueError for NaN or infinity."""
    write_atomic(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode(), durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object at ``path``, its texts such that a terminal may have them.

    Raises RunError when it is missing or not a JSON object.
    """
    with explained("read", path):
        data = read_file(path)
    try:
        value = _printable(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise RunError(f"cannot read {path}: not JSON ({error}); the file is damaged") from error
    if not isinstance(value, dict):
        raise RunError(f"cannot read {path}: a JSON object is expected; the file is damaged")
    return value


def _printable(value: Any) -> Any:
    """What a file says is anybody's, and ends up on terminals: its texts, at any depth, are cleaned."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _printable(inner) for key, inner in value.items()}
    return [_printable(inner) for inner in value] if isinstance(value, list) else value


def fsync_folder(folder: Path) -> None:
    """Makes renames inside ``folder`` survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_name(path: Path) -> Path:
    """A hidden name beside ``path`` that no other living thread uses."""
    return path.with_name(_temporary(path.name))


def _temporary(name: str) -> str:
    return f".{name}.{threading.get_native_id()}{TEMPORARY}"


def remove(path: Path) -> None:
    """Removes what is at ``path``: a folder with all in it, else the file or link itself. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(run: Path) -> None:
    """Removes what killed writers left under way in a run folder that this process holds. Raises OSError."""
    for folder, folders, files in os.walk(run):
        for name in [*folders, *files]:
            if name.startswith(".") and name.endswith(TEMPORARY):
                remove(Path(folder, name))


def refuse_links(folder: Path, names: Iterable[str]) -> None:
    """Raises RunError when one of these paths below a run folder is a symbolic link."""
    for name in names:
        if (folder / name).is_symlink():
            raise RunError(f"{folder / name} is a symbolic link; a run folder must not hold any: remove it")


def remove_folder(folder: Path) -> None:
    """Removes a folder so that nobody ever sees it half removed. Raises OSError."""
    doomed = temporary_name(folder)
    remove(doomed)
    os.replace(folder, doomed)
    with suppress(OSError):
        # It does not count under this name; the next who tidies up removes it.
        remove(doomed)
