"""The scenario's ``[[update]]`` chain: its stages, who carries each out, and what cannot work is refused."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.data.schema import Targets
from fedprune.scenario import Scenario, ScenarioError
from fedprune.scenario.sections.update import UpdateSection
from fedprune.types import Array
from fedprune.updates import Assigned, Stage, complaints, drawn


@dataclass(frozen=True)
class Chain:
    """What an update goes through, in order; most runs have nothing in it."""

    steps: tuple[Assigned, ...] = ()

    def of(self, client: int) -> list[Stage]:
        """What this client carries out before it sends."""
        return [step.stage for step in self.steps if step.concerns(client)]

    @property
    def common(self) -> list[Stage]:
        """What every client carries out: only this can be promised of an update."""
        return [step.stage for step in self.steps if step.clients is None]

    @property
    def plots(self) -> list[Assigned]:
        """The stages whose clients make a plan together, which the server's side carries out."""
        return [step for step in self.steps if step.plots]

    @property
    def attackers(self) -> frozenset[int]:
        """The clients that carry out an attack."""
        hostile = [step.clients for step in self.steps if step.stage.hostile and step.clients is not None]
        return frozenset().union(*hostile)

    def targets(self, client: int, targets: Array, classes: int | None) -> Array:
        """What the client takes for its labels."""
        for stage in self.of(client) if classes is not None else ():
            targets = stage.targets(targets, classes or 0)
        return targets


def open_chain(scenario: Scenario, targets: Targets, *, statistics: bool) -> Chain:
    """The scenario's chain; raises ScenarioError, naming the table, for a stage that cannot work.

    Args:
        scenario: has the tables.
        targets: those of the data set.
        statistics: whether batch norm's running statistics travel.
    """
    tables = enumerate(scenario.update.root, start=1)
    chain = Chain(tuple(_assigned(number, table, scenario) for number, table in tables))
    for number, step in enumerate(chain.steps, start=1):
        if what := _trouble(step, targets, statistics=statistics):
            raise ScenarioError(what, "update", "name", table=number)
    every = list(enumerate(chain.steps, start=1))
    # Most clients carry out the common stages alone, which have to work without the others.
    for numbered in (every, [(number, step) for number, step in every if step.clients is None]):
        for place, what in complaints([step.stage for _, step in numbered]):
            raise ScenarioError(what, "update", "name", table=numbered[place - 1][0])
    return chain


def _assigned(number: int, table: UpdateSection, scenario: Scenario) -> Assigned:
    every = scenario.partition.clients
    if table.clients is None:
        few = table.fraction < 1
        return Assigned(table.made(), drawn(every, table.fraction, scenario.run.seed) if few else None)
    if table.fraction < 1:
        raise ScenarioError("give either clients or a fraction of them", "update", "fraction", table=number)
    if max(table.clients) >= every:
        what = f"there is no client {max(table.clients)}; clients are 0..{every - 1}"
        raise ScenarioError(what, "update", "clients", table=number)
    return Assigned(table.made(), frozenset(table.clients))


def _trouble(step: Assigned, targets: Targets, *, statistics: bool) -> str | None:
    stage = step.stage
    if statistics and stage.moves_freely():
        return (
            "could make the variances of batch norms negative, which travel here; "
            'set [strategy] statistics = "personal", or take a model without batch norm'
        )
    if stage.hostile and step.clients is None:
        return "is an attack: say who carries it out, with a fraction below 1 or a list of clients"
    if type(stage).targets is not Stage.targets and targets.classes is None:
        return "needs classes, and this set's targets are values"
    return None
