"""The driver's own process: for debugging, and where starting processes is not wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fedprune.engines.crew import Crew, Job
from fedprune.types import Bounds, NodeConfig


@dataclass(frozen=True)
class InProcess:
    """Clients in this process, one after the other, over the same bytes as in a worker process."""

    def open(self, client_app: str, config: NodeConfig) -> Crew:
        """See ``Engine.open``."""
        return _Inline(client_app, config)


class _Inline(Crew):
    """Answers a message when it is submitted, since nobody else is there to do it later."""

    lanes = 1

    def __init__(self, client_app: str, config: NodeConfig) -> None:
        self._client_app, self._config = client_app, config
        self._answer: Callable[[bytes, int], bytes] | None = None

    def start(self) -> None:
        """Nothing is to start."""

    def wait(self) -> None:
        """Load the ClientApp. Raises EngineError when it does not load."""
        if self._answer is None:
            # Late: a scenario that only names this engine needs no Flower.
            from fedprune.engines.answer import answer, load_client_app

            app = load_client_app(self._client_app)
            self._answer = lambda request, nodes: answer(app, request, nodes, self._config)

    def submit(self, request: bytes, nodes: int, bounds: Bounds) -> Job:
        """See ``Crew.submit``; a message at work is never cut short."""
        self.wait()
        assert self._answer is not None
        job = Job()
        job.set_result(self._answer(request, nodes))
        return job

    def close(self) -> None:
        """Nothing is to end."""
