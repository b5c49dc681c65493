"""Frames over a socket between driver and worker: a tag, a length, that many bytes.

The driver's end never blocks, so that one hung worker cannot hold up the others; the worker's end blocks.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterator

READY, REPLY, FAILED = range(3)
"""Tags of frames from a worker: the ClientApp is loaded; a reply; the ClientApp does not load (why, as UTF-8:
one line, then a traceback).

The tag of a frame to a worker is the number of nodes, and its bytes are a message.
"""

Frame = tuple[int, bytearray]

_HEADER = struct.Struct("<IQ")
# A whole LeNet-5 fits, so that neither side waits for the other to read; the kernel may grant less.
_BUFFER = 1 << 20


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, the driver's and the worker's."""
    pair = socket.socketpair()
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return pair


class DriverEnd:
    """The driver's end of the socket to one worker."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.socket = end
        self._unsent: deque[memoryview] = deque()
        self._tag: int | None = None
        self._target, self._got = bytearray(_HEADER.size), 0

    @property
    def unsent(self) -> bool:
        """Whether frames wait for the socket to take more: call `flush` once it is writable."""
        return bool(self._unsent)

    def send(self, tag: int, payload: bytes) -> None:
        """Queue a frame and send what the socket takes; raises OSError when the worker is gone."""
        self._unsent += (memoryview(_HEADER.pack(tag, len(payload))), memoryview(payload))
        self.flush()

    def flush(self) -> None:
        """Send what the socket takes now; raises OSError when the worker is gone."""
        while self._unsent:
            try:
                sent = self.socket.send(self._unsent[0])
            except BlockingIOError:
                return
            rest = self._unsent.popleft()[sent:]
            if rest:
                self._unsent.appendleft(rest)

    def frames(self) -> Iterator[Frame]:
        """The frames that have fully arrived; raises EOFError or OSError when the worker is gone."""
        while True:
            if self._got == len(self._target):
                if self._tag is not None:
                    yield self._tag, self._target
                    self._begin_header()
                else:
                    self._tag, length = _HEADER.unpack(self._target)
                    self._target, self._got = bytearray(length), 0
                continue
            try:
                count = self.socket.recv_into(memoryview(self._target)[self._got :])
            except BlockingIOError:
                return
            if not count:
                raise EOFError
            self._got += count

    def _begin_header(self) -> None:
        self._tag = None
        self._target, self._got = bytearray(_HEADER.size), 0


def send_frame(end: socket.socket, tag: int, payload: bytes) -> None:
    """Send one frame, waiting as long as it takes; raises OSError when the driver is gone."""
    end.sendall(_HEADER.pack(tag, len(payload)))
    end.sendall(payload)


def receive_frame(end: socket.socket) -> Frame:
    """Wait for one frame; raises EOFError or OSError when the driver is gone."""
    tag, length = _HEADER.unpack(_receive(end, _HEADER.size))
    return tag, _receive(end, length)


def _receive(end: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    rest = memoryview(data)
    while rest:
        count = end.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data
