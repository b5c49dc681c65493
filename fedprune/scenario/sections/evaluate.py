"""``[evaluate]``: when personal models are tested."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from fedprune.scenario.section import Role, Section


class EvaluateSection(Section):
    """When the clients' personal models are tested, how many must be, and which score a run is to reach."""

    ROLE: ClassVar[Role] = Role(for_clients=False)

    every: Annotated[int, Field(ge=0)] = 10
    """Rounds between evaluations; 0: at the end only."""
    quorum: Annotated[float, Field(gt=0, le=1), Role(changes_results=False, for_clients=False)] = 1.0
    """Share of all clients that must answer the final evaluation for the run to be complete."""
    latency: Annotated[bool, Role(changes_results=False, for_clients=False)] = False
    """Time a typical client's final model, dense, masked, shrunk and in int8, into the run's latency.json;
    needs the extra export."""
    target: float | None = None
    """Score, in the task's unit, for which the bytes spent until then are reported; a share in (0, 1]."""
