"""Threads of this process: the example of an engine, as its file in ``engines/crews`` would be."""

from __future__ import annotations

import os
from dataclasses import dataclass

from fedprune.engines.answer import answer, load_client_app
from fedprune.engines.crew import Crew
from fedprune.engines.lanes import LaneCrew
from fedprune.types import Bounds, NodeConfig


@dataclass(frozen=True)
class Threads:
    """Clients in this many threads, which suits clients that mostly wait."""

    threads: int = 2

    def open(self, client_app: str, config: NodeConfig) -> Crew:
        """See ``Engine.open``."""
        return LaneCrew(lambda: _Thread(client_app, config), self.threads)


class _Thread:
    """A lane that works in the thread that the crew already has for it."""

    def __init__(self, client_app: str, config: NodeConfig) -> None:
        self._client_app, self._config = client_app, config
        self.pid, self.alive = os.getpid(), True

    def load(self) -> None:
        self._app = load_client_app(self._client_app)

    def answer(self, request: bytes, nodes: int, bounds: Bounds) -> bytes:
        return answer(self._app, request, nodes, self._config)

    def cpu_seconds(self, *, with_children: bool) -> float | None: ...

    def kill(self) -> None: ...

    def end(self) -> None: ...
