"""``[evaluate]``: when personal models are tested."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from fedprune.scenario.section import Count, Role, Section

ALL, SAMPLE = 10_000, 1_000
"""Of more clients than ALL the final evaluation asks a SAMPLE, unless the scenario says otherwise."""


class EvaluateSection(Section):
    """When the clients' personal models are tested, how many must be, and which score a run is to reach."""

    ROLE: ClassVar[Role] = Role(for_clients=False)

    every: Annotated[int, Field(ge=0)] = 10
    """Rounds between evaluations; 0: at the end only."""
    clients: Count | None = None
    """Clients that the final evaluation asks, drawn from all; unless given, all of up to 10,000, else
    1,000."""
    quorum: Annotated[float, Field(gt=0, le=1), Role(changes_results=False, for_clients=False)] = 1.0
    """Share of the clients asked that must answer the final evaluation for the run to be complete."""
    latency: Annotated[bool, Role(changes_results=False, for_clients=False)] = False
    """Time a typical client's final model, dense, masked, shrunk and in int8, into the run's latency.json;
    needs the extra export."""
    target: float | None = None
    """Score, in the task's unit, for which the bytes spent until then are reported; a share in (0, 1]."""

    def asked(self, clients: int) -> int:
        """How many of so many clients the final evaluation asks."""
        if self.clients is None:
            return clients if clients <= ALL else SAMPLE
        return min(self.clients, clients)
