"""``[task]``: what is learned from the data, and its options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import model_validator

from fedprune.scenario.errors import ScenarioError
from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import plugin


class TaskSection(PluginSection):
    """What is learned: the data set's own task unless named; further keys are that task's fields."""

    KIND, NAMED_BY, SECTION = "tasks", "name", "task"

    name: Annotated[str, plugin("tasks")] | None = None
    """The task; the one that the data set is for unless given."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_named_task(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("name") is None and (keys := raw.keys() - {"name"}):
            raise ScenarioError("belongs to a task: set [task] name as well", cls.SECTION, min(keys))
        return raw

    def plugins(self) -> Iterator[tuple[str, str]]:
        if self.name is not None:
            yield self.KIND, self.name
            yield from super().plugins()

    def defaults(self) -> dict[str, Any]:
        return {"name": None} if self.name is None else super().defaults()
