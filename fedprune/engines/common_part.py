"""``CommonPart``: what the messages of a round have in common goes to the machines once, and not per client.

Messages of a dense method differ in their first kilobyte, which says whom they are for, and end in the same
global weights. So the end that a message shares with one before it is left out, whatever it means.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

WORTH_BYTES = 64 * 1024
"""An end that is shorter travels with its message: to look it up elsewhere would take longer."""


_START = struct.Struct("<q")
_WHOLE = -1


@dataclass(frozen=True)
class Parcel:
    """A message as bytes of its own, behind which the end of a common message belongs."""

    own: bytes
    """Where in the common message that end begins (8 bytes), and the message's own bytes."""
    common: Any = None
    """What ``put`` made of the common message; None where all bytes are the message's own."""


class CommonPart:
    """Splits messages; used by many threads."""

    def __init__(self, put: Callable[[bytes], Any]) -> None:
        """``put`` stores a message where every machine can fetch it once, and returns what stands for it."""
        self._put = put
        self._lock = threading.Lock()
        self._message = b""
        self._stored: Any = None
        """None until a second message shares its end: what is one client's alone is never stored."""
        self._end = b""
        """The end that the last split message shared; most of those that follow have it too."""

    def parcel(self, message: bytes) -> Parcel:
        """The message, split; one that shares too little travels whole, and the next is compared with it."""
        if len(message) < WORTH_BYTES:
            return _parcel(message)
        worth = max(WORTH_BYTES, len(message) // 2)
        with self._lock:
            # To compare with one end is ten times faster than to find where two messages begin to differ.
            if len(self._end) < worth or not message.endswith(self._end):
                shared = _common_end(message, self._message)
                if shared < worth:
                    self._message, self._stored, self._end = message, None, b""
                    return _parcel(message)
                if self._stored is None:
                    self._stored = self._put(self._message)
                self._end = message[len(message) - shared :]
            shared = len(self._end)
            own, start = memoryview(message)[: len(message) - shared], len(self._message) - shared
            return _parcel(own, start, self._stored)


def joined(own: bytes | bytearray, common: bytes | None) -> bytes:
    """Inverse of ``CommonPart.parcel``, from a parcel's own bytes and the common message."""
    (start,) = _START.unpack_from(own)
    end = b"" if common is None or start == _WHOLE else memoryview(common)[start:]
    return b"".join([memoryview(own)[_START.size :], end])


def _parcel(own: bytes | memoryview, start: int = _WHOLE, common: Any = None) -> Parcel:
    return Parcel(b"".join([_START.pack(start), own]), common)


def _common_end(first: bytes, second: bytes) -> int:
    """How many bytes at their ends are the same."""
    most = min(len(first), len(second))
    if not most:
        return 0
    differs = np.frombuffer(first, np.uint8)[-most:] != np.frombuffer(second, np.uint8)[-most:]
    return int(differs[::-1].argmax()) if differs.any() else most
