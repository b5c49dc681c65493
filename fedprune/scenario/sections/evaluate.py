"""``[evaluate]``: when personal models are tested."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from fedprune.scenario.section import Role, Section


class EvaluateSection(Section):
    """When personal models are tested."""

    ROLE: ClassVar[Role] = Role(for_clients=False)

    every: Annotated[int, Field(ge=0)] = 10
    """Rounds between evaluations; 0: at the end only."""
    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    """Accuracy in (0, 1] for which the bytes spent until then are reported."""
