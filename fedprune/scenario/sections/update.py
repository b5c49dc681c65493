"""``[[update]]``: what happens to a client's update between training and the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import plugin
from fedprune.scenario.section_list import SectionList


class UpdateSection(PluginSection):
    """One stage; further keys are its dataclass's fields."""

    KIND, NAMED_BY, SECTION = "updates", "name", "update"

    name: Annotated[str, plugin("updates")] = "clip"
    """The stage."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of all clients that carry the stage out, drawn by the seed; all of them unless given."""
    clients: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    """The clients that carry it out, by their ids from 0, in the place of a share."""


class UpdateChain(SectionList[UpdateSection]):
    """The stages in the order in which a client carries them out; none unless given."""
