"""Cutting a scenario's data: a folder for each client of a deployment, and one for its server."""

from __future__ import annotations

from pathlib import Path

from fedprune.data.parts import write_parts
from fedprune.federation.experiment import checked_experiment
from fedprune.scenario import Scenario
from fedprune.tasks import task_class
from fedprune.types import UserError


def cut(scenario: Scenario, folder: Path) -> list[Path]:
    """Cut the scenario's data into parts under ``folder``, as its partition says; returns their folders.

    Raises UserError when the data, the partition or the task cannot be had, when the task's loss depends on
    the targets of all clients, which no part holds, and when a part is there already.
    """
    experiment = checked_experiment(scenario)
    if experiment.task != task_class(experiment.task_name)(**scenario.task.fields):
        raise UserError(
            f"task '{experiment.task_name}' is fitted to the training targets of all clients, which a "
            "client's part of the data does not hold: it cannot be cut"
        )
    return write_parts(experiment.dataset, experiment.partition, folder)
