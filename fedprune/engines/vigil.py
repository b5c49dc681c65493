"""``Vigil``: the watch over one message at work, which tells workers that are late or hang from honest ones.

Without a limit of the user's a client may take as long as its worker is seen to work: nobody knows how long
an honest one needs. A worker that is stopped, or waits for what never comes, uses no processor time.
"""

from __future__ import annotations

import time
from typing import Protocol

from fedprune.engines.crew import LateError, LostError
from fedprune.types import Bounds

HUNG_S = 60.0
"""Seconds of doing nothing after which a worker is suspected; it is ended after as many more."""
LOOK_S = 1.0
"""Seconds between two looks at a worker."""
IDLE_CPU_S = 0.1
"""Processor time that a worker may use while it does nothing: it looks every second whether its driver
lives."""
_LONGEST_STEP_S = 2 * LOOK_S


class Watched(Protocol):
    """What a vigil needs of a worker."""

    def cpu_seconds(self, *, with_children: bool) -> float | None:
        """Processor time that it has used so far, in seconds, and with them the processes that it started.

        None where nobody can tell.
        """


class Vigil:
    """One message at work from its beginning to its end."""

    def __init__(self, worker: Watched, bounds: Bounds) -> None:
        self._worker, self._bounds = worker, bounds
        self._began = self._looked = time.monotonic()
        self._quiet_s = 0.0
        self._used: float | None = None
        self._used_with_children: float | None = None

    def due(self) -> float:
        """Seconds until the next look, at most LOOK_S."""
        if self._bounds.seconds is None:
            return LOOK_S
        return min(LOOK_S, max(0.0, self._began + self._bounds.seconds - time.monotonic()))

    def look(self) -> LostError | None:
        """Why the worker is to be ended now, None when it is not."""
        now = time.monotonic()
        if self._bounds.seconds is not None:
            late = now - self._began >= self._bounds.seconds
            return LateError(f"no reply within {self._bounds.seconds:g} s") if late else None
        # A machine that slept, or a driver that was stopped, is no reason to suspect the worker.
        step, self._looked = min(now - self._looked, _LONGEST_STEP_S), now
        used = self._worker.cpu_seconds(with_children=False)
        if used is None:
            return None
        if self._used is None or used - self._used > IDLE_CPU_S:
            self._used, self._used_with_children, self._quiet_s = used, None, 0.0
            return None
        self._quiet_s += step
        return self._judged() if self._quiet_s >= HUNG_S else None

    def _judged(self) -> LostError | None:
        """The verdict on a worker that did nothing for HUNG_S: it may wait for a process that it started."""
        before, now = self._used_with_children, self._worker.cpu_seconds(with_children=True)
        self._used_with_children, self._quiet_s = now, 0.0
        if before is None or now is None or now - before > IDLE_CPU_S:
            return None
        return LostError(
            f"its worker did nothing for {2 * HUNG_S:g} s and was ended: it was stopped or waited in vain; "
            "where clients may wait longer, [engine] timeout says how long"
        )
