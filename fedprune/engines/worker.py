"""A worker process: load the ClientApp, answer messages one at a time, end when the driver does.

Started by the driver as ``python -m fedprune.engines.worker``, with the file descriptor of its socket, the
ClientApp (``module:attribute``) and what every node is told (JSON).
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import threading
import traceback

from fedprune.engines.channel import FAILED, READY, REPLY, receive_frame, send_frame
from fedprune.types import NodeConfig


def main(descriptor: int, client_app: str, config: NodeConfig) -> None:
    """Serve the driver at the other end of the socket until it closes."""
    # An interrupt is the driver's to handle: it decides what becomes of messages at work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = socket.socket(fileno=descriptor)
    threading.Thread(target=_end_with_driver, args=(descriptor, os.getppid()), daemon=True).start()
    try:
        _serve(end, client_app, config)
    except (EOFError, OSError):
        return


def _serve(end: socket.socket, client_app: str, config: NodeConfig) -> None:
    try:
        # Late, so that the watch over the driver stands before the seconds that imports take.
        from fedprune.engines.answer import answer, load_client_app

        app = load_client_app(client_app)
    except Exception as error:
        send_frame(end, FAILED, f"{error}\n{traceback.format_exc()}".encode(errors="backslashreplace"))
        return
    send_frame(end, READY, b"")
    while True:
        nodes, request = receive_frame(end)
        send_frame(end, REPLY, answer(app, request, nodes, config))


def _end_with_driver(descriptor: int, driver: int) -> None:
    """End this process as soon as the driver is gone, even in the middle of a message."""
    hangup = select.poll()
    hangup.register(descriptor, 0)
    # A process forked from the driver may keep the socket open, hence the look at the parent's id.
    while not hangup.poll(1000) and os.getppid() == driver:
        pass
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
