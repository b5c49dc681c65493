"""This process, as ``in_process`` is, up to a number of messages."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.engines.crew import Crew, EngineError, Job
from fedprune.engines.crews.in_process import InProcess
from fedprune.types import Bounds, NodeConfig


@dataclass(frozen=True)
class Counted:
    """For finding out how many messages a method needs."""

    most: int = 1000
    """Messages that are answered; the next one is refused."""

    def open(self, client_app: str, config: NodeConfig) -> Crew:
        """See ``Engine.open``."""
        crew = InProcess().open(client_app, config)
        submit, left = crew.submit, iter(range(self.most))

        def counted(request: bytes, nodes: int, bounds: Bounds) -> Job:
            if next(left, None) is None:
                raise EngineError(f"more than {self.most} messages")
            return submit(request, nodes, bounds)

        crew.submit = counted  # type: ignore[method-assign]
        return crew
