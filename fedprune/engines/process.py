"""One worker process as the driver sees it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

from fedprune.engines.channel import DriverEnd, channel_pair
from fedprune.types import NodeConfig

THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Set to 1 in a worker: bits depend on the number of threads, and workers share the cores."""

_STDERR = 2
_SECONDS_TO_END = 0.5


class WorkerProcess:
    """A started worker, its channel, and the message (by index) that it holds."""

    def __init__(self, client_app: str, config: NodeConfig) -> None:
        ours, theirs = channel_pair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "fedprune.engines.worker",
                    str(theirs.fileno()),
                    client_app,
                    json.dumps(config),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # The driver's own output stays clean of what a client prints.
                stdout=_STDERR,
                env=_environment(),
                # Its own group: the terminal's interrupt goes to the driver alone.
                process_group=0,
            )
        self.channel = DriverEnd(ours)
        self.held: int | None = None
        self.ready = False
        self.born = time.monotonic()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process without waiting for it; `end` waits."""
        self._process.kill()

    def end(self) -> str:
        """Wait for a process that is ending, kill it if it is not; how it ended, for people."""
        self.channel.socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_END)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_END)
        status = self._process.returncode
        return f"was killed by signal {-status}" if status and status < 0 else f"ended with status {status}"


def _environment() -> dict[str, str]:
    """The driver's environment and import path, one thread per numerical library."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**os.environ, **dict.fromkeys(THREAD_LIMITS, "1"), "PYTHONPATH": path}
