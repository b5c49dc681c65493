"""Worker processes on this machine, one per usable core."""

from __future__ import annotations

import os
from dataclasses import dataclass

from fedprune.engines.crew import Crew
from fedprune.engines.lanes import LaneCrew
from fedprune.engines.process import WorkerProcess
from fedprune.types import NodeConfig

MOST_WORKERS = 1024


@dataclass(frozen=True)
class Processes:
    """Clients in worker processes, each of which answers for any client, one at a time."""

    workers: int | None = None
    """How many; one for each usable core unless given."""

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= MOST_WORKERS:
            raise ValueError(
                f"workers: must lie in 1 to {MOST_WORKERS}, not {self.workers}; "
                'name = "in_process" runs clients without worker processes'
            )

    def open(self, client_app: str, config: NodeConfig) -> Crew:
        """See ``Engine.open``."""
        workers = self.workers or usable_cores()
        return LaneCrew(lambda: WorkerProcess(client_app, config), workers)


def usable_cores() -> int:
    """Cores this process may run on: the machine's, less what a scheduler or container keeps from it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
