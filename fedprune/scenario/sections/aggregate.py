"""``[aggregate]``: how the server combines what clients send."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Role, plugin


class AggregateSection(PluginSection):
    """The rule by which a coordinate's values become one; further keys are its dataclass's fields."""

    KIND, NAMED_BY, SECTION = "aggregators", "name", "aggregate"
    ROLE: ClassVar[Role] = Role(for_clients=False)

    name: Annotated[str, plugin("aggregators")] = "mean"
    """The rule."""
