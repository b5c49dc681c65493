"""``[engine]``: which engine carries orders to the clients, and where these run."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Role, plugin


class EngineSection(PluginSection):
    """Where clients run; never changes a result. Further keys are the engine's own."""

    KIND, NAMED_BY, SECTION = "engines", "name", "engine"
    ROLE: ClassVar[Role] = Role(changes_results=False, for_clients=False)

    name: Annotated[str, plugin("engines")] = "processes"
    """The engine."""
    timeout: Annotated[float, Field(ge=0.001, le=31_536_000)] | None = None
    """Seconds that a round may take, and each client of the final evaluation; time in which workers start is
    not counted. Unless given, a client may take as long as its worker is seen to work."""
