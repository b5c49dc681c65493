"""``[evaluate]``: when personal models are tested."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from fedprune.scenario.section import Role, Section


class EvaluateSection(Section):
    """When the clients' personal models are tested, and which score a run is to reach."""

    ROLE: ClassVar[Role] = Role(for_clients=False)

    every: Annotated[int, Field(ge=0)] = 10
    """Rounds between evaluations; 0: at the end only."""
    target: float | None = None
    """Score, in the task's unit, for which the bytes spent until then are reported; a share in (0, 1]."""
