"""``Scenario``: the resolved and checked settings of one run, and the hash that names the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from fedprune import plugins
from fedprune.plugins import Origin
from fedprune.scenario.errors import ScenarioError, plain
from fedprune.scenario.explain import explain
from fedprune.scenario.mode import check_mode
from fedprune.scenario.section_list import AnySection
from fedprune.scenario.sections import (
    AFTERWARDS,
    SECTIONS,
    AggregateSection,
    ClockSection,
    ComputeSection,
    DataSection,
    DistillSection,
    DownlinkSection,
    EngineSection,
    EvaluateSection,
    FaultsSection,
    ModelSection,
    PartitionSection,
    PersonalizeSection,
    RunSection,
    ScheduleSection,
    ServerOptimizerSection,
    StrategySection,
    TaskSection,
    TrainSection,
    UpdateChain,
    UplinkSection,
)


class Scenario(BaseModel):
    """One run's settings, resolved and checked; frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: RunSection = Field(default_factory=RunSection)
    data: DataSection = Field(default_factory=DataSection)
    task: TaskSection = Field(default_factory=TaskSection)
    partition: PartitionSection = Field(default_factory=PartitionSection)
    model: ModelSection = Field(default_factory=ModelSection)
    train: TrainSection = Field(default_factory=TrainSection)
    schedule: ScheduleSection = Field(default_factory=ScheduleSection)
    compute: ComputeSection = Field(default_factory=ComputeSection)
    distill: DistillSection = Field(default_factory=DistillSection)
    strategy: StrategySection = Field(default_factory=StrategySection)
    update: UpdateChain = Field(default_factory=UpdateChain)
    aggregate: AggregateSection = Field(default_factory=AggregateSection)
    server_optimizer: ServerOptimizerSection = Field(default_factory=ServerOptimizerSection)
    uplink: UplinkSection = Field(default_factory=UplinkSection)
    downlink: DownlinkSection = Field(default_factory=DownlinkSection)
    clock: ClockSection = Field(default_factory=ClockSection)
    faults: FaultsSection = Field(default_factory=FaultsSection)
    evaluate: EvaluateSection = Field(default_factory=EvaluateSection)
    personalize: PersonalizeSection = Field(default_factory=PersonalizeSection)
    engine: EngineSection = Field(default_factory=EngineSection)

    _origins: tuple[Origin, ...] = PrivateAttr(())

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """A scenario from sections as TOML has them (no ``[sweep]``); keys that are None count as not given.

        Raises ScenarioError.
        """
        cleaned = {
            str(section): plain(value, str(section)) for section, value in raw.items() if value is not None
        }
        try:
            made = cls.model_validate(cleaned)
        except ValidationError as error:
            raise explain(error) from None
        asked, there = made.run.clients_per_round, made.partition.clients
        if asked > there:
            what = f"{asked} of {there} clients ([partition] clients); lower the one or raise the other"
            raise ScenarioError(what, "run", "clients_per_round")
        for name, patience in (("run", made.run.patience), ("train", made.train.patience)):
            if patience and not made.partition.validation:
                what = "waits for a better score on validation data: set [partition] validation above 0"
                raise ScenarioError(what, name, "patience")
        if (key := made.faults.timed()) and made.clock.name is None:
            what = (
                'happens in simulated time: say how fast clients are, for example [clock] name = "constant"'
            )
            raise ScenarioError(what, "faults", key)
        for choice in made._choices():
            if reason := made.strategy.made().refuses(choice):
                section = "update" if choice == "attack" else choice
                raise ScenarioError(f"'{made.strategy.name}' cannot take it: {reason}", section)
        check_mode(made)
        made._origins = tuple(made._find_origins())
        return made

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the plug-ins come from that the scenario names and that are not fedprune's own."""
        return self._origins

    def reach(self) -> AbstractContextManager[None]:
        """Inside, the plug-ins of this scenario are looked for where they were when it was read."""
        return plugins.reaching(origin.folder for origin in self._origins if origin.folder is not None)

    def _find_origins(self) -> Iterator[Origin]:
        for name in SECTIONS:
            for kind, named in self.section(name).plugins():
                if origin := plugins.origin(kind, named):
                    yield origin

    def _choices(self) -> Iterator[str]:
        """What the scenario asks for that a strategy may refuse; see ``Strategy.refuses``."""
        hostile = {table.made().hostile for table in self.update.root}
        yield from (choice for choice, asked in (("update", False), ("attack", True)) if asked in hostile)
        for section in ("aggregate", "server_optimizer"):
            if self.section(section) != type(self).model_fields[section].get_default(
                call_default_factory=True
            ):
                yield section

    @property
    def label(self) -> str:
        """What tables call this run: what its sweep varied, else its name."""
        return self.run.label or self.run.name

    def section(self, name: str) -> AnySection:
        """The section that scenarios call ``name``."""
        found: AnySection = getattr(self, name)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Every section with every key resolved, as TOML has them; ``from_dict`` gives an equal scenario.

        A section is a table, key -> value, or a list of tables; a list without any is left out.
        """
        sections = {name: self.section(name).plain() for name in SECTIONS}
        return {name: keys for name, keys in sections.items() if keys}

    def to_toml(self) -> str:
        """``to_dict`` as a TOML file's text."""
        return tomli_w.dumps(self.to_dict())

    def settings_hash(self) -> str:
        """12 hex digits of the sha256 over everything that can change a result, in canonical JSON."""
        settings = {name: self.section(name).decisive() for name in SECTIONS if name not in AFTERWARDS}
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def run_hash(self) -> str:
        """12 hex digits that name the run: of its settings, and of the user's code that can change a result.

        That code is the plug-ins which the scenario names and which are not fedprune's own, each with the
        modules of the user's that it imports; a run without any has the hash of its settings. fedprune's own
        code is written down in the run's environment instead: another version of it makes no other name.
        """
        deciding = [origin for origin in self._origins if plugins.KINDS[origin.kind].decides]
        if not deciding:
            return self.settings_hash()
        code = sorted({f"{origin.kind} {origin.name} {origin.sha256}" for origin in deciding})
        return hashlib.sha256("\n".join([self.settings_hash(), *code]).encode()).hexdigest()[:12]

    def run_id(self) -> str:
        """The name of the run's folder: its own name, its hash (see ``run_hash``), and its seed."""
        return f"{self.run.name}-{self.run_hash()}-s{self.run.seed}"

    def client_settings(self) -> dict[str, Any]:
        """What a client needs to know, as JSON-able sections: only what differs from defaults."""
        sections = {name: self.section(name).told_to_clients() for name in SECTIONS}
        return {name: keys for name, keys in sections.items() if keys}

    @classmethod
    def from_client_settings(cls, settings: Mapping[str, Any]) -> Self:
        """What a client knows of a scenario: all that it was told as it is, the rest at its defaults."""
        # The server samples; here the number only has to fit a partition of any size.
        return cls.from_dict({**settings, "run": {**settings.get("run", {}), "clients_per_round": 1}})
