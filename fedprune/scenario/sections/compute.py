"""``[compute]``: what trains the clients' models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Role, plugin


class ComputeSection(PluginSection):
    """How clients' requests are computed; further keys are the trainer's fields."""

    KIND, NAMED_BY, SECTION = "trainers", "trainer", "compute"
    ROLE = Role(changes_results=False)

    trainer: Annotated[str, plugin("trainers")] = "sequential"
    """Who carries out trainings, gradients and evaluations."""
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d{1,2})?|mps|auto)$"), Role()] = "cpu"
    """Where models and samples live: cpu, cuda, cuda:1, mps, or auto for the best that a machine has. Other
    devices give other bits, so this is part of what names a run."""
