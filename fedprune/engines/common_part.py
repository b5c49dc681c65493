"""``CommonPart``: what the messages of a round have in common goes to the machines once, and not per client.

Messages of a dense method differ in their first kilobyte, which says whom they are for, and end in the same
global weights. So the end that a message shares with one before it is left out, whatever it means.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

WORTH_BYTES = 64 * 1024
"""An end that is shorter travels with its message: to look it up elsewhere would take longer."""


@dataclass(frozen=True)
class Parcel:
    """A message as ``own`` bytes of its own, and the end of a common message from ``start`` on."""

    own: bytes
    common: Any
    """What ``put`` made of the common message; None where all bytes are the message's own."""
    start: int = 0


class CommonPart:
    """Splits messages; used by many threads."""

    def __init__(self, put: Callable[[bytes], Any]) -> None:
        """``put`` stores a message where every machine can fetch it once, and returns what stands for it."""
        self._put = put
        self._lock = threading.Lock()
        self._message = b""
        self._stored: Any = None
        self._end = b""
        """The end that the last split message shared; most of those that follow have it too."""

    def parcel(self, message: bytes) -> Parcel:
        """The message, split; it becomes the common one itself where too little of it is shared."""
        if len(message) < WORTH_BYTES:
            return Parcel(message, None)
        worth = max(WORTH_BYTES, len(message) // 2)
        with self._lock:
            # To compare with one end is ten times faster than to find where two messages begin to differ.
            if len(self._end) < worth or not message.endswith(self._end):
                shared = _common_end(message, self._message)
                if shared < worth:
                    self._stored, self._message = self._put(message), message
                    shared = len(message)
                self._end = message[len(message) - shared :]
            shared = len(self._end)
            return Parcel(message[: len(message) - shared], self._stored, len(self._message) - shared)


def joined(own: bytes, common: bytes | None, start: int) -> bytes:
    """Inverse of ``CommonPart.parcel``."""
    return own if common is None else b"".join([own, memoryview(common)[start:]])


def cut(reply: bytes, pieces: int) -> list[bytes]:
    """``reply`` in so many pieces of nearly one length, in order."""
    length = -(-len(reply) // pieces)
    return [reply[at * length : (at + 1) * length] for at in range(pieces)]


def _common_end(first: bytes, second: bytes) -> int:
    """How many bytes at their ends are the same."""
    most = min(len(first), len(second))
    if not most:
        return 0
    differs = np.frombuffer(first, np.uint8)[-most:] != np.frombuffer(second, np.uint8)[-most:]
    return int(differs[::-1].argmax()) if differs.any() else most
