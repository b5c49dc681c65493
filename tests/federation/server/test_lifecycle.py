"""A run's folder and status, from its first round to its results, on real clients in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import open_grid
from fedprune.federation.flower.client_app import RUNS
from fedprune.federation.server.lifecycle import carry, run_folder
from fedprune.federation.server.round import TooFewRepliesError
from fedprune.progress import Progress
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.score import Score


def tiny(**train: Any) -> Scenario:
    return Scenario.from_dict(
        {
            "run": {"name": "tiny", "rounds": 2, "clients_per_round": 2},
            "partition": {"name": "iid", "clients": 2},
            "model": {"name": "mlp"},
            "train": {"epochs": 1, "batch_size": 100, **train},
        }
    )


class Told(Progress):
    """What a run told, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        self.events.append(f"{label} from {done} to {rounds}")

    def round_finished(self, record: Any) -> None:
        self.events.append(f"round {record['round']} of {record['rounds']}")

    def run_finished(self, summary: Any) -> None:
        self.events.append(f"{Path(summary['folder']).name}: {summary['rounds']} rounds")


def carried(folder: RunFolder, scenario: Scenario) -> list[str]:
    told = Told()
    config = {RUNS: str(folder.path.parent)}
    with open_grid(
        InProcess(), client_app="fedprune.federation.flower.client_app:app", nodes=2, config=config
    ) as grid:
        carry(grid, folder, scenario, told)
    return told.events


def test_a_run_is_carried_to_its_results_and_only_reported_after_that(tmp_path: Path) -> None:
    scenario = tiny()
    run = tmp_path / scenario.run_id()
    with run_folder(scenario, run) as folder:
        assert folder.read_status()["state"] == "running"
        end = f"{run.name}: 2 rounds"
        assert carried(folder, scenario) == ["tiny from 0 to 2", "round 1 of 2", "round 2 of 2", end]
        with pytest.raises(RunError, match="in use"), run_folder(scenario, run):
            pass
    with run_folder(scenario, run) as again:
        assert (again.read_status()["state"], again.read_status()["round"]) == ("complete", 2)
        assert carried(again, scenario) == [end]
    with run_folder(scenario, run, force=True) as anew:
        assert (anew.read_status()["state"], anew.read_status()["round"]) == ("running", 0)


def test_a_run_that_ends_in_an_error_says_so_in_its_status(tmp_path: Path) -> None:
    scenario = tiny(lr=1e30)
    with (
        run_folder(scenario, tmp_path / scenario.run_id()) as folder,
        pytest.raises(TooFewRepliesError, match="training diverged"),
    ):
        carried(folder, scenario)
    assert (folder.read_status()["state"], folder.read_status()["round"]) == ("failed", 0)


def test_a_run_begun_under_another_torch_is_not_taken_up(tmp_path: Path) -> None:
    scenario = tiny()
    with run_folder(scenario, tmp_path / scenario.run_id()) as folder:
        environment = {**folder.environment, "versions": {"torch": "1.0"}}
    (folder.path / "environment.json").write_text(json.dumps(environment), "utf-8")
    with pytest.raises(RunError, match=r"begun under torch 1\.0"), run_folder(scenario, folder.path):
        pass
    with folder.lock():
        assert folder.read_status()["round"] == 0
