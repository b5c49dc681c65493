"""Finished runs of digits to study, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.federation.experiment import open_experiment
from fedprune.runs.folder import RunFolder
from fedprune.runs.task import write_task
from tests.conformance.battery import carry, small

PRUNING = {"name": "sub_fedavg", "step": 0.5, "target": 0.7, "distance": 0.0, "gate": 0.0}


def finished(runs: Path, strategy: dict[str, object], **run: object) -> Path:
    """The folder of a small complete run."""
    # So many images and weights that masks of good tickets can be told from random ones.
    scenario = small(
        strategy,
        run={"rounds": 4, "checkpoint_every": 1, **run},
        partition={"shard_size": 20},
        model={"width": 1.0},
    )
    folder, _ = carry(scenario, runs)
    # The rounds alone were carried: who runs them says that they are over.
    opened = RunFolder.open(folder)
    experiment = open_experiment(scenario.client_settings(), None)
    opened.write_partition(experiment.partition.manifest())
    write_task(folder, experiment.task_name, experiment.score, experiment.chance)
    opened.write_status("complete", 4)
    return folder


@pytest.fixture(scope="session")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run of Sub-FedAvg that kept its history. Not to be written to."""
    return finished(tmp_path_factory.mktemp("runs"), PRUNING, keep_history=True)


@pytest.fixture(scope="session")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run whose clients have no masks. Not to be written to."""
    return finished(tmp_path_factory.mktemp("runs"), {"name": "fedavg"})
