"""Scenarios: one experiment each, read from a TOML file and checked before anything runs.

``load_scenarios`` reads a file and expands its sweep; ``Scenario`` holds the resolved settings of one run and
their hash. Whatever is wrong ends in one ScenarioError: which file and line, which section and key, and what
to do.
"""

from fedprune.scenario.errors import ScenarioError
from fedprune.scenario.files import bundled_scenarios, load_scenarios
from fedprune.scenario.scenario import Scenario

__all__ = ["Scenario", "ScenarioError", "bundled_scenarios", "load_scenarios"]
