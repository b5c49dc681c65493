"""A terminal for tests: something is written on it, and what was drawn can be read."""

from __future__ import annotations

import os
import pty
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminal() -> Iterator[tuple[int, list[bytes]]]:
    """The end to write on, and what has been drawn so far: all of it once the terminal is left."""
    reader, writer = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        # A terminal whose other end is closed ends in an error, not in an end of file.
        try:
            while chunk := os.read(reader, 1 << 16):
                seen.append(chunk)
        except OSError:
            return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield writer, seen
    finally:
        os.close(writer)
        thread.join()
        os.close(reader)
