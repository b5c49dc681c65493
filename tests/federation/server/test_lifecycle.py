"""A run's folder and status, from its first round to its results, on real clients in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import open_grid
from fedprune.federation.flower.keys import RUNS
from fedprune.federation.server.lifecycle import carry, run_folder
from fedprune.federation.server.round import TooFewRepliesError
from fedprune.progress import Progress
from fedprune.runs.code import kept
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.runs.seal import seal
from fedprune.scenario import Scenario
from fedprune.score import Score

CLIENT_APP = "fedprune.federation.flower.client_app:app"


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

    def note(self, line: str) -> None:
        self.events.append(line.partition(";")[0])

    def run_finished(self, summary: Any) -> None:
        self.events.append(f"{Path(summary['folder']).name}: {summary['rounds']} rounds")


def carried(folder: RunFolder, scenario: Scenario) -> list[str]:
    told = Told()
    config = {RUNS: str(folder.path.parent)}
    with open_grid(InProcess(), client_app=CLIENT_APP, nodes=2, config=config) as grid:
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
        assert carried(again, scenario) == [f"{run.name}: already complete, kept", end]
    with run_folder(scenario, run, force=True) as anew:
        assert (anew.read_status()["state"], anew.read_status()["round"]) == ("running", 0)


def test_a_run_that_ends_in_an_error_says_so_in_its_status(tmp_path: Path) -> None:
    scenario = tiny(lr=1e18)
    with (
        run_folder(scenario, tmp_path / scenario.run_id()) as folder,
        pytest.raises(TooFewRepliesError, match="training diverged"),
    ):
        carried(folder, scenario)
    assert (folder.read_status()["state"], folder.read_status()["round"]) == ("failed", 0)


def test_totals_of_a_run_that_goes_on_are_those_of_the_whole_run(tmp_path: Path) -> None:
    class Stopping(Progress):
        """Stops the run after its first round, and listens to the rest."""

        def __init__(self, stop: int) -> None:
            self.stop, self.last = stop, {}

        def round_finished(self, record: Any) -> None:
            self.last = record
            if record["round"] == self.stop:
                raise KeyboardInterrupt

    scenario = tiny()
    path = tmp_path / scenario.run_id()
    with open_grid(InProcess(), client_app=CLIENT_APP, nodes=2, config={RUNS: str(tmp_path)}) as grid:
        with run_folder(scenario, path) as folder, pytest.raises(KeyboardInterrupt):
            carry(grid, folder, scenario, Stopping(1))
        told = Stopping(0)
        with run_folder(scenario, path) as folder:
            carry(grid, folder, scenario, told)
    results = json.loads((path / "results.json").read_text("utf-8"))
    for name in ("bytes_up_total", "bytes_down_total", "seconds_total"):
        assert told.last[name] == results[name]
        assert told.last[name] > told.last[name.removesuffix("_total")] > 0


def test_a_run_on_data_that_changed_is_neither_kept_nor_taken_up(tmp_path: Path) -> None:
    scenario = tiny()
    with run_folder(scenario, tmp_path / scenario.run_id()) as folder:
        pass
    manifest = json.loads((folder.path / "partition.json").read_text("utf-8"))
    manifest["settings"]["fingerprint"] = "0" * 64
    (folder.path / "partition.json").write_text(json.dumps(manifest), "utf-8")
    seal(folder.path, ended=False)
    with pytest.raises(RunError, match="the data 'digits' were changed"), run_folder(scenario, folder.path):
        pass


def test_a_complete_run_of_other_code_of_fedprunes_is_kept_and_says_so(tmp_path: Path) -> None:
    scenario = tiny()
    with run_folder(scenario, tmp_path / scenario.run_id()) as folder:
        assert "has changed" not in kept(folder)
        environment = {**folder.environment, "source": "0" * 64}
        (folder.path / "environment.json").write_text(json.dumps(environment), "utf-8")
        assert "though fedprune's own code has changed since; --force" in kept(folder)


@pytest.mark.parametrize("changed", [{"versions": {"torch": "1.0", "scipy": "1.0"}}, {"python": "2.7"}])
def test_a_run_begun_under_other_versions_is_not_taken_up(changed: dict[str, Any], tmp_path: Path) -> None:
    scenario = tiny()
    with run_folder(scenario, tmp_path / scenario.run_id()) as folder:
        environment = {**folder.environment, **changed}
        (folder.path / "environment.json").write_text(json.dumps(environment), "utf-8")
        seal(folder.path, ended=False)
    which = r"torch 1\.0 \(here .*\), scipy 1\.0 \(here" if "versions" in changed else r"python 2\.7 \(here 3"
    with pytest.raises(RunError, match=f"begun under {which}"), run_folder(scenario, folder.path):
        pass
    with folder.lock():
        assert folder.read_status()["round"] == 0
