"""``[[update]]``: what happens to a client's update between training and the wire."""

from __future__ import annotations

from typing import Annotated

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import plugin
from fedprune.scenario.section_list import SectionList


class UpdateSection(PluginSection):
    """One stage; further keys are its dataclass's fields."""

    KIND, NAMED_BY, SECTION = "updates", "name", "update"

    name: Annotated[str, plugin("updates")] = "clip"
    """The stage."""


class UpdateChain(SectionList[UpdateSection]):
    """The stages in the order in which a client carries them out; none unless given."""
