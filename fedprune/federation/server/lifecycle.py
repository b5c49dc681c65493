"""A run around its rounds: its folder, new or taken up again, and its status until the results are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flwr.serverapp import Grid

from fedprune.federation.experiment import checked_experiment
from fedprune.federation.server.loop import Rounds
from fedprune.progress import Progress
from fedprune.runs.checkpoint import retained_rounds
from fedprune.runs.code import check_code, code_record
from fedprune.runs.files import RunError, read_json
from fedprune.runs.folder import RunFolder, RunState
from fedprune.runs.task import read_score, write_task
from fedprune.scenario import Scenario


@contextmanager
def run_folder(scenario: Scenario, path: Path, *, force: bool = False) -> Iterator[RunFolder]:
    """The run's folder, locked inside: the one at ``path``, to go on with, or a new one if none or ``force``.

    Raises UserError for what the user can mend about the scenario, its data or the folder.
    """
    experiment = checked_experiment(scenario)
    if path.exists() and not force:
        with RunFolder.open(path).lock() as folder:
            check_versions(folder)
            check_code(folder)
            yield folder
        return
    with RunFolder.create(
        path.parent,
        path.name,
        scenario.to_toml(),
        scenario.settings_hash(),
        force,
        label=scenario.label,
        code=code_record(scenario.origins),
    ) as folder:
        write_task(folder.path, experiment.task_name, experiment.score, experiment.chance)
        folder.write_partition(experiment.partition.manifest())
        yield folder


def carry(grid: Grid, folder: RunFolder, scenario: Scenario, progress: Progress) -> None:
    """Take a run from its last checkpoint to its results; its status says how that went.

    A complete run is only reported. Raises TooFewRepliesError when a round misses its quorum.
    """
    if folder.read_status()["state"] != "complete":
        # Not the status's: a killed run had trained further than its last checkpoint.
        done = max(retained_rounds(folder.checkpoints), default=0)
        score = read_score(folder.path)
        progress.run_started(folder.path.name, scenario.label, scenario.run.rounds, done, score)
        _work(grid, folder, scenario, progress, done)
    progress.run_finished(summary(folder, scenario))


def summary(folder: RunFolder, scenario: Scenario) -> dict[str, Any]:
    """A complete run's results, with its name and place."""
    metrics = read_json(folder.path / "results.json")
    return {"run": folder.path.name, "label": scenario.label, "folder": str(folder.path), **metrics}


def check_versions(folder: RunFolder) -> None:
    """Raises RunError when the run began under another torch version than this one."""
    then, now = folder.environment.get("versions", {}).get("torch"), version("torch")
    if then != now:
        raise RunError(
            f"{folder.path}: begun under torch {then}, this is {now}: its bits would differ; "
            "install that version, or allow it with fedprune resume --other-versions"
        )


def _work(grid: Grid, folder: RunFolder, scenario: Scenario, progress: Progress, done: int) -> None:
    """The rounds after ``done``, and the final evaluation."""
    folder.write_status("running", done)

    def on_round(record: dict[str, Any]) -> None:
        nonlocal done
        done = record["round"]
        folder.write_status("running", done)
        progress.round_finished({**record, "rounds": scenario.run.rounds})

    state: RunState = "failed"
    try:
        Rounds(grid, folder, scenario, on_round).run()
        state = "complete"
    except (KeyboardInterrupt, SystemExit):
        state = "stopped"
        raise
    finally:
        folder.write_status(state, done)
