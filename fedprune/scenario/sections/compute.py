"""``[compute]``: what trains the clients' models."""

from __future__ import annotations

from typing import Annotated

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Role, plugin


class ComputeSection(PluginSection):
    """How clients' requests are computed; further keys are the trainer's fields."""

    KIND, NAMED_BY, SECTION = "trainers", "trainer", "compute"
    ROLE = Role(changes_results=False)

    trainer: Annotated[str, plugin("trainers")] = "sequential"
    """Who carries out trainings, gradients and evaluations."""
