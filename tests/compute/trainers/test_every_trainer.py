"""Trainers: equal requests give equal bits, whoever carries them out, and a new one is a file."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fedprune import plugins
from fedprune.compute.threads import one_thread
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays
from tests.conformance.battery import small

EXAMPLE = Path(__file__).parents[2] / "conformance" / "examples" / "trainers" / "pairs.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with a trainer of its own, within reach."""
    (tmp_path / "trainers").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "trainers")
    return tmp_path


def opened(trainer: str) -> Experiment:
    sections = {"partition": {"validation": 0.25}, "train": {"epochs": 4, "patience": 1}}
    scenario = small({"name": "fedavg"}, compute={"trainer": trainer}, **sections)
    return open_experiment(scenario.client_settings(), None)


def fitted(experiment: Experiment, client: int) -> tuple[Arrays, list[int]]:
    """The weights after a training, and the epochs that hooks were told of."""
    seen: list[int] = []
    with one_thread():
        weights = LocalWork(experiment, client, 1, experiment.training(client)).fit(
            experiment.initial, Mask(), after_epoch=lambda epoch, _: seen.append(epoch)
        )
    return weights, seen


def test_a_trainer_in_one_short_file_trains_two_clients_at_once_and_changes_no_bit(folder: Path) -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 40
    alone = [fitted(opened("sequential"), client) for client in (0, 1)]
    with plugins.reaching([folder]), ThreadPoolExecutor(2) as threads:
        experiment = opened("pairs")
        together = list(threads.map(lambda client: fitted(experiment, client), (0, 1)))
    for (weights, epochs), (expected, told) in zip(together, alone, strict=True):
        assert epochs == told
        assert all(np.array_equal(weights[name], value) for name, value in expected.items())


def test_the_trainer_is_no_part_of_what_names_a_run(folder: Path) -> None:
    with plugins.reaching([folder]):
        named = {
            small({"name": "fedavg"}, compute={"trainer": name}).run_id() for name in ("sequential", "pairs")
        }
    assert len(named) == 1
