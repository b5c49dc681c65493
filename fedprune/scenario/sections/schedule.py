"""``[schedule]``: how the clients' learning rate changes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import plugin


class ScheduleSection(PluginSection):
    """What ``train.lr`` is multiplied by; further keys are the fields of the schedule's dataclass."""

    KIND, NAMED_BY, SECTION = "schedules", "name", "schedule"

    name: Annotated[str, plugin("schedules")] = "constant"
    """The form of the schedule."""
    over: Literal["rounds", "steps"] = "rounds"
    """Whether it runs over the rounds of the run, or anew over the steps of each local training."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the rounds or steps, at the beginning, in which the rate rises in a straight line."""
