"""One process at a time: a lock file that the operating system frees when its holder dies in any way."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from fedprune.runs.files import RunError, explained, open_regular


def acquire(path: Path) -> int:
    """Locks the file ``path``, made when missing, and returns its descriptor; closing that unlocks.

    Processes forked from this one share the claim, spawned ones do not. Raises RunError naming the process
    that holds it, or when the disk refuses.
    """
    with explained("lock", path):
        descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            _claim(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def alive(pid: Any) -> bool:
    """Whether a process of this number lives on this machine."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _claim(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise RunError(f"{path.parent} is in use by process {holder}: wait for it or stop it first") from None
    if not path.exists() or not os.path.samestat(os.fstat(descriptor), os.stat(path)):
        raise RunError(f"{path.parent} was replaced by another process: try again")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
