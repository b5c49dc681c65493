"""Frames over a socket between driver and worker: a tag, a length, that many bytes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

LONGEST = (1 << 31) + (1 << 20)
"""Bytes of the longest frame: protobuf's own limit for a message, and what is around it."""

READY, REPLY, FAILED = range(3)
"""Tags of frames from a worker: the ClientApp is loaded; a reply; the ClientApp does not load (why, as UTF-8:
one line, then a traceback).

The tag of a frame to a worker is the number of nodes, and its bytes are a message.
"""

Frame = tuple[int, bytearray]

_HEADER = struct.Struct("<IQ")
# A whole LeNet-5 fits, so that neither side waits for the other to read; the kernel may grant less.
_BUFFER = 1 << 20

_GIVEN_UP = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000}
"""When a machine that is silent counts as gone: after 25 s. A system has what of it has its name there."""


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, the driver's and the worker's."""
    pair = socket.socketpair()
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return pair


def tuned(end: socket.socket) -> socket.socket:
    """A connection to another machine, which fails when that machine is gone without a word."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in _GIVEN_UP.items():
        if hasattr(socket, name):
            end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return end


def send_frame(end: socket.socket, tag: int, payload: bytes) -> None:
    """Send one frame, waiting as long as it takes; raises OSError when the other side is gone."""
    end.sendall(_HEADER.pack(tag, len(payload)))
    end.sendall(payload)


def receive_frame(end: socket.socket, check: Callable[[int], None] | None = None) -> Frame:
    """Wait for one frame.

    Args:
        end: this side's socket.
        check: is given the frame's length before a byte of it is read or room is made for it, and raises
            where that is too long; the socket is of no use then.

    Raises EOFError or OSError when the other side is gone, EOFError too for a frame over LONGEST.
    """
    tag, length = _HEADER.unpack(receive_exactly(end, _HEADER.size))
    if check is not None:
        check(length)
    if length > LONGEST:
        raise EOFError
    return tag, receive_exactly(end, length)


def receive_exactly(end: socket.socket, length: int) -> bytearray:
    """Wait for so many bytes; raises EOFError or OSError when the other side is gone."""
    data = bytearray(length)
    rest = memoryview(data)
    while rest:
        # All in one call: a thread of a busy driver waits for its turn after each.
        count = end.recv_into(rest, len(rest), socket.MSG_WAITALL)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data
