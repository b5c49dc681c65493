"""The end of an exchange, and the wait for what is done before it."""

from __future__ import annotations

import math
import queue
import time
from concurrent.futures import Future

from fedprune.engines.crew import Crew


class Deadline:
    """The end of an exchange, which waits while workers start: that is not the clients' delay."""

    def __init__(self, crew: Crew, seconds: float | None) -> None:
        """``seconds`` from now at most, None for as long as it takes."""
        self._crew, self._started_s = crew, crew.starting_s
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    def left_s(self) -> float:
        """Seconds that are left until the end, infinite where there is none, negative once it is over."""
        return self._end + self._crew.starting_s - self._started_s - time.monotonic()

    def next_of(self, done: queue.SimpleQueue[Future[bytes]]) -> Future[bytes] | None:
        """The next job that is done, None when there is none by the deadline."""
        while True:
            left_s = self.left_s()
            try:
                return done.get() if left_s == math.inf else done.get(timeout=max(0.0, left_s))
            except queue.Empty:
                if left_s <= 0:
                    return None
