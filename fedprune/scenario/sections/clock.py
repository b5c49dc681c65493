"""``[clock]``: how fast the simulated clients compute and what their connections carry."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fedprune.scenario.plugin_section import OptionalPluginSection
from fedprune.scenario.section import Role, plugin


class ClockSection(OptionalPluginSection):
    """The clients' simulated speeds; further keys are the clock's fields. No time is simulated unless
    named."""

    KIND, NAMED_BY, SECTION = "clocks", "name", "clock"
    ROLE: ClassVar[Role] = Role(for_clients=False)

    name: Annotated[str, plugin("clocks")] | None = None
    """The clock; none unless given."""
