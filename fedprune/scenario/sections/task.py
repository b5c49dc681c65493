"""``[task]``: what is learned from the data, and its options."""

from __future__ import annotations

from typing import Annotated

from fedprune.scenario.plugin_section import OptionalPluginSection
from fedprune.scenario.section import plugin


class TaskSection(OptionalPluginSection):
    """What is learned: the data set's own task unless named; further keys are that task's fields."""

    KIND, NAMED_BY, SECTION = "tasks", "name", "task"

    name: Annotated[str, plugin("tasks")] | None = None
    """The task; the one that the data set is for unless given."""
