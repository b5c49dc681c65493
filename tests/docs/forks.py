"""A Python whose scripts start at once: each is a fork of a process that has made their imports already.

To import torch, Flower and fedprune takes 3 s of processor time, and the pages have some fifty commands and
sessions. A fork has arguments, a folder, an environment, streams and an exit status of its own, and what it
starts in its turn is started as ever. What a page says about the start itself needs a real one.

This file is run as well: ``forks.py serve SOCKET`` is the process that forks, ``forks.py ask SOCKET SCRIPT
ARGUMENT...`` has it do so for one script, and ends as that does.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MODULES = (
    "fedprune.cli.verbs",
    "fedprune.federation.flower.client_app",
    "fedprune.federation.flower.server_app",
    "sklearn.datasets",
    "torch_pruning",
)
"""What is imported before: none of it starts a thread, which a fork would lack."""


@contextmanager
def forking(environment: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """The folder of a ``python`` and a ``fedprune`` that stand for those of a virtual environment.

    ``folder`` is where they are put; the path of a socket in it must be short, 107 characters at most.
    """
    commands, address = Path(environment["VIRTUAL_ENV"]) / "bin", folder / "socket"
    ask = shlex.join(map(str, [commands / "python", "-IS", __file__, "ask", address]))
    stand_in(folder / "python", ask)
    stand_in(folder / "fedprune", f"{ask} {shlex.quote(str(commands / 'fedprune'))}")
    with subprocess.Popen(
        [commands / "python", __file__, "serve", address],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n", "the process that forks did not start"
        # To leave closes the pipes, which ends the process.
        yield folder


def stand_in(path: Path, command: str) -> None:
    """A command of that path which is another command, with more arguments."""
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', "utf-8")
    path.chmod(0o755)


def ask(address: str, *arguments: str) -> int:
    """Have the server run a script with all that this process was given; returns its exit status."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b"\n"], [0, 1, 2])
        server.sendall(json.dumps([os.getcwd(), dict(os.environ), arguments]).encode())
        server.shutdown(socket.SHUT_WR)
        # To the end of the stream, which is the end of the fork; one that was killed says nothing.
        return int(server.makefile().read() or 1)


def serve(address: str) -> int:
    """Fork for each client until standard input is closed; in a fork, returns the status of its script."""
    for name in MODULES:
        importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        # Nobody waits for the forks here.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
            client, _ = listener.accept()
            if not os.fork():
                listener.close()
                return attend(client)
            client.close()
    return 0


def attend(client: socket.socket) -> int:
    """Become what the client stands for. The client stays connected as long as this process lives."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(client, 1, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # What Python found out about those that it started with need not be so of these.
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    with client.makefile("rb") as request:
        folder, environment, sys.argv = json.load(request)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    added = [os.path.dirname(sys.argv[0]), *environment["PYTHONPATH"].split(os.pathsep)]
    sys.path[:1] = map(os.path.abspath, added)
    status: object = None
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    client.sendall(b"%d" % (status if isinstance(status, int) else status is not None))
    client.detach()
    return 0


if __name__ == "__main__":
    sys.exit({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
