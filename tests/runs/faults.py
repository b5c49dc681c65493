"""A file layer that fails, or kills its own process, at the n-th system call that changes the disk."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CALLS = ("open", "write", "fsync", "replace", "rename", "mkdir", "rmdir", "unlink")


def full_disk(name: str) -> None:
    """The disk is full, or dying."""
    code = errno.EIO if name == "fsync" else errno.ENOSPC
    raise OSError(code, os.strerror(code))


def kill(name: str) -> None:
    """The process dies at this very call."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def failing(at: int, action: Callable[[str], None], calls: tuple[str, ...] = CALLS) -> Iterator[list[str]]:
    """Runs ``action`` in place of call number ``at`` (from 0); yields the list of the calls made so far."""
    made: list[str] = []
    originals = {name: getattr(os, name) for name in calls}

    def wrapped(name: str) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            # A child's pipe is no file: a read that fails there would only leave the child behind.
            if sys._getframe(1).f_globals.get("__name__") == "subprocess":
                return originals[name](*args, **keywords)
            made.append(name)
            if len(made) - 1 == at:
                if name == "write":
                    originals[name](args[0], bytes(args[1])[: len(args[1]) // 2])
                action(name)
            return originals[name](*args, **keywords)

        return call

    for name in calls:
        setattr(os, name, wrapped(name))
    try:
        yield made
    finally:
        for name, original in originals.items():
            setattr(os, name, original)
