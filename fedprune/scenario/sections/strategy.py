"""``[strategy]``: which algorithm, and its options."""

from __future__ import annotations

from typing import Annotated

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import plugin


class StrategySection(PluginSection):
    """Which algorithm; further keys are its dataclass's fields, all of them resolved."""

    KIND, NAMED_BY, SECTION = "strategies", "name", "strategy"

    name: Annotated[str, plugin("strategies")] = "fedavg"
    """The algorithm."""
