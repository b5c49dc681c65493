"""The sections of a scenario, a file each: what every key may hold, and what it holds unless it is given.

Unknown keys are refused and types are strict (``"0.5"`` is no number, ``true`` no integer). Some sections
take free keys beside their own: ``[task]`` and ``[strategy]`` (the fields of their dataclasses),
``[partition]`` (the arguments of the partitioner), ``[model]`` (the options of ``build``), ``[uplink]`` and
``[downlink]`` (the fields of the quantizer).
"""

from fedprune.scenario.section_list import AnySection
from fedprune.scenario.sections.aggregate import AggregateSection
from fedprune.scenario.sections.clock import ClockSection
from fedprune.scenario.sections.codec import CodecSection, DownlinkSection, UplinkSection
from fedprune.scenario.sections.compute import ComputeSection
from fedprune.scenario.sections.data import DataSection
from fedprune.scenario.sections.distill import DistillSection
from fedprune.scenario.sections.engine import EngineSection
from fedprune.scenario.sections.evaluate import EvaluateSection
from fedprune.scenario.sections.faults import FaultsSection
from fedprune.scenario.sections.model import ModelSection
from fedprune.scenario.sections.partition import PartitionSection
from fedprune.scenario.sections.personalize import PersonalizeSection
from fedprune.scenario.sections.run import RunSection
from fedprune.scenario.sections.schedule import ScheduleSection
from fedprune.scenario.sections.server_optimizer import ServerOptimizerSection
from fedprune.scenario.sections.strategy import StrategySection
from fedprune.scenario.sections.task import TaskSection
from fedprune.scenario.sections.train import TrainSection
from fedprune.scenario.sections.update import UpdateChain

__all__ = [
    "AFTERWARDS",
    "SECTIONS",
    "AggregateSection",
    "ClockSection",
    "CodecSection",
    "ComputeSection",
    "DataSection",
    "DistillSection",
    "DownlinkSection",
    "EngineSection",
    "EvaluateSection",
    "FaultsSection",
    "ModelSection",
    "PartitionSection",
    "PersonalizeSection",
    "RunSection",
    "ScheduleSection",
    "ServerOptimizerSection",
    "StrategySection",
    "TaskSection",
    "TrainSection",
    "UpdateChain",
    "UplinkSection",
]

SECTIONS: dict[str, type[AnySection]] = {
    "run": RunSection,
    "data": DataSection,
    "task": TaskSection,
    "partition": PartitionSection,
    "model": ModelSection,
    "train": TrainSection,
    "schedule": ScheduleSection,
    "compute": ComputeSection,
    "distill": DistillSection,
    "strategy": StrategySection,
    "update": UpdateChain,
    "aggregate": AggregateSection,
    "server_optimizer": ServerOptimizerSection,
    "uplink": UplinkSection,
    "downlink": DownlinkSection,
    "clock": ClockSection,
    "faults": FaultsSection,
    "evaluate": EvaluateSection,
    "personalize": PersonalizeSection,
    "engine": EngineSection,
}

AFTERWARDS = frozenset({"personalize"})
"""Sections of what is done with a run once its rounds are over: its hash does not cover them."""
