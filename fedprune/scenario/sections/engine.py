"""``[engine]``: where clients run."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from fedprune.scenario.section import Role, Section, plugin


class EngineSection(Section):
    """Where clients run; never changes a result."""

    ROLE: ClassVar[Role] = Role(changes_results=False, for_clients=False)

    name: Annotated[str, plugin("engines")] = "local"
    workers: Annotated[int, Field(ge=0, le=1024)] | None = None
    """Worker processes; as many as usable cores unless given, 0: in this process."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds that a round may take; unlimited unless given."""
