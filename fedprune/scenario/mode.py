"""What ``[run] mode`` asks of the other keys of a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedprune.scenario.errors import ScenarioError

if TYPE_CHECKING:
    from fedprune.scenario.scenario import Scenario


def check_mode(scenario: Scenario) -> None:
    """Raises ScenarioError where a scenario does not fit the mode of its rounds."""
    run = scenario.run
    if run.mode == "lockstep":
        if run.concurrency is not None:
            what = 'is of buffered mode; remove it, or set [run] mode = "buffered"'
            raise ScenarioError(what, "run", "concurrency")
        if run.staleness != run.defaults()["staleness"]:
            what = 'is of buffered mode, no update is stale in lockstep; set [run] mode = "buffered"'
            raise ScenarioError(what, "run", "staleness")
        return
    defaults = scenario.faults.defaults()
    if run.concurrency is None:
        what = "buffered needs to know how many clients are at work at a time: set [run] concurrency"
        raise ScenarioError(what, "run", "mode")
    if run.concurrency > scenario.partition.clients:
        what = f"{run.concurrency} of {scenario.partition.clients} clients ([partition] clients); lower it"
        raise ScenarioError(what, "run", "concurrency")
    if scenario.clock.name is None:
        what = "buffered needs simulated speeds, which say whose reply comes first: set [clock] name"
        raise ScenarioError(what, "run", "mode")
    if key := next(
        (key for key, default in defaults.items() if getattr(scenario.faults, key) != default), None
    ):
        raise ScenarioError(
            "goes wrong in lockstep rounds alone; leave it out of buffered ones", "faults", key
        )
    if reason := scenario.strategy.made().refuses("buffered"):
        raise ScenarioError(f"'{scenario.strategy.name}' cannot be buffered: {reason}", "run", "mode")
    for number, stage in enumerate(scenario.update.root, start=1):
        if stage.made().guarantee() is not None:
            what = "its privacy is accounted for rounds of clients drawn alike, which buffered rounds are not"
            raise ScenarioError(what, "update", "name", table=number)
