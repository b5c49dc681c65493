"""``[server_optimizer]``: what the server makes of the combined model."""

from __future__ import annotations

from typing import Annotated, ClassVar

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Role, plugin


class ServerOptimizerSection(PluginSection):
    """How the server steps along the combined change; further keys are its dataclass's fields."""

    KIND, NAMED_BY, SECTION = "server_optimizers", "name", "server_optimizer"
    ROLE: ClassVar[Role] = Role(for_clients=False)

    name: Annotated[str, plugin("server_optimizers")] = "none"
    """The step that the server takes."""
