"""A worker process as the driver sees it: a lane that answers over a socket."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable

import psutil

from fedprune.engines.channel import FAILED, Frame, channel_pair, receive_frame, send_frame
from fedprune.engines.crew import EndedError, EngineError, check_size
from fedprune.types import Bounds, NodeConfig

STARTUP_SECONDS = 180.0
"""A worker that has not loaded its ClientApp by then counts as hung; torch from a cold disk takes long."""

THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Set to 1 in a worker: bits depend on the number of threads, and workers share the cores."""

_STDERR = 2
_SECONDS_TO_END = 0.5


class WorkerProcess:
    """A started worker process; a ``Lane``."""

    def __init__(self, client_app: str, config: NodeConfig) -> None:
        self._socket, theirs = channel_pair()
        arguments = [str(theirs.fileno()), client_app, json.dumps(config)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "fedprune.engines.worker", *arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # The driver's own output stays clean of what a client prints.
                stdout=_STDERR,
                env={**os.environ, **worker_environment()},
                # Its own group: the terminal's interrupt goes to the driver alone.
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """See ``Lane.pid``."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """See ``Lane.alive``."""
        return self._process.poll() is None

    def load(self) -> None:
        """See ``Lane.load``."""
        self._socket.settimeout(STARTUP_SECONDS)
        tag, report = self._next()
        self._socket.settimeout(None)
        if tag == FAILED:
            # One line for the user, and the worker's traceback as a note below ours.
            line, _, trace = report.decode().partition("\n")
            error = EngineError(line)
            error.add_note(trace)
            raise error

    def answer(self, request: bytes, nodes: int, bounds: Bounds) -> bytes:
        """See ``Lane.answer``."""
        # A worker that is gone is found by the next receipt, which says how it ended.
        with contextlib.suppress(OSError):
            send_frame(self._socket, nodes, request)
        return bytes(self._next(lambda length: check_size(length, bounds))[1])

    def cpu_seconds(self, *, with_children: bool) -> float | None:
        """See ``Lane.cpu_seconds``."""
        try:
            this = psutil.Process(self._process.pid)
            family = [this, *this.children(recursive=True)] if with_children else [this]
            # Those of children that have ended are counted with their parent's.
            return sum(sum(process.cpu_times()[:4]) for process in family)
        except psutil.Error:
            return None

    def kill(self) -> None:
        """See ``Lane.kill``."""
        self._process.kill()

    def end(self) -> None:
        """See ``Lane.end``."""
        self._socket.close()
        self._wait()

    def _next(self, check: Callable[[int], None] | None = None) -> Frame:
        try:
            return receive_frame(self._socket, check)
        except (EOFError, OSError):
            raise EndedError(f"its worker process {self._wait()}") from None

    def _wait(self) -> str:
        """Wait for a process that is ending, kill it if it is not; how it ended, for people."""
        for _ in range(2):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_SECONDS_TO_END)
                break
            self._process.kill()
        status = self._process.returncode
        return f"was killed by signal {-status}" if status and status < 0 else f"ended with status {status}"


def worker_environment() -> dict[str, str]:
    """What a worker has in its environment by its driver: the import path, a thread per numerical library."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**dict.fromkeys(THREAD_LIMITS, "1"), "PYTHONPATH": path}
