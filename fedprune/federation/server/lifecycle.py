"""A run around its rounds: its folder, new or taken up again, and its status until the results are there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flwr.serverapp import Grid

from fedprune.federation.experiment import Experiment, checked_experiment, open_experiment
from fedprune.federation.flower.streaming import StreamingGrid
from fedprune.federation.server.loop import Rounds
from fedprune.federation.server.personalize import personalize
from fedprune.federation.server.survey import MissingClientsError
from fedprune.progress import Progress
from fedprune.runs.checkpoint import retained_rounds
from fedprune.runs.code import check_code, code_record, kept
from fedprune.runs.environment import changes
from fedprune.runs.files import RunError, read_json, write_json
from fedprune.runs.folder import RunFolder, RunState
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import totals
from fedprune.runs.personal import personalized_as
from fedprune.runs.seal import SEAL, seal
from fedprune.runs.task import read_score, write_task
from fedprune.scenario import Scenario

SECONDS_BETWEEN_STATUSES = 1.0
"""A final evaluation says so often how far it has come to who watches."""


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
            check_data(folder, scenario)
            folder.mend_status(scenario.label)
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
        _describe(folder, experiment)
        yield folder


def carry(grid: Grid, folder: RunFolder, scenario: Scenario, progress: Progress) -> None:
    """Take a run from its last checkpoint to its results; its status says how that went.

    A finished run is only reported; of one whose final evaluation lacks clients, these are asked again.
    Raises TooFewRepliesError when a round, or the final evaluation, misses its quorum.
    """
    if folder.finished:
        if is_over(folder, scenario):
            keep(folder, scenario, progress)
            return
        _personalize(grid, folder, scenario, progress)
        return
    if not (folder.path / SEAL).exists():
        # Its first process was killed before it had said so much.
        _describe(folder, open_experiment(scenario.client_settings(), scenario.data.root))
    # A process that was killed at the very end had sealed results, which now come again.
    seal(folder.path, ended=False)
    # Not the status's: a killed run had trained further than its last checkpoint.
    done = max(retained_rounds(folder.checkpoints), default=0)
    score = read_score(folder.path)
    progress.run_started(folder.path.name, scenario.label, scenario.run.rounds, done, score)
    _work(grid, folder, scenario, progress, done)
    _personalize(grid, folder, scenario, progress)


def _personalize(grid: Grid, folder: RunFolder, scenario: Scenario, progress: Progress) -> None:
    """What [personalize] asks for after the last round, and then the run's summary."""
    if not is_over(folder, scenario):
        progress.note(f"{scenario.label}: clients personalize their models")
    personalize(grid, folder, scenario.personalize)
    progress.run_finished(_summary(folder, scenario))


def is_over(folder: RunFolder, scenario: Scenario) -> bool:
    """Whether nothing of the run is left to do: it is complete, and what clients were to make of their models
    after the last round is there."""
    wanted = scenario.personalize.densities
    return folder.finished and (not wanted or bool(personalized_as(folder)))


def keep(folder: RunFolder, scenario: Scenario, progress: Progress) -> None:
    """Report a complete run as it is, and say that it was not made again."""
    progress.note(kept(folder))
    progress.run_finished(_summary(folder, scenario))


def check_versions(folder: RunFolder) -> None:
    """Raises RunError when the run began under other versions, or on another processor, than are here."""
    if changed := changes(folder.environment):
        raise RunError(
            f"{folder.path}: begun under {', '.join(changed)}: its bits could differ; "
            "go back to that, or allow it with fedprune resume --other-versions"
        )


def check_data(folder: RunFolder, scenario: Scenario) -> None:
    """Raises RunError when the run began with other samples than its data set holds now."""
    path = folder.path / "partition.json"
    then = read_json(path)["settings"].get("fingerprint") if path.exists() else None
    if then not in (None, checked_experiment(scenario).dataset.fingerprint):
        raise RunError(
            f"{folder.path}: the data '{scenario.data.name}' were changed since the run began: its results "
            "are of others; undo the change, or replace the run with fedprune run --force"
        )


def _summary(folder: RunFolder, scenario: Scenario) -> dict[str, Any]:
    """A complete run's results, with its name and place."""
    metrics = read_json(folder.path / "results.json")
    return {"run": folder.path.name, "label": scenario.label, "folder": str(folder.path), **metrics}


def _describe(folder: RunFolder, experiment: Experiment) -> None:
    """What a run says from its beginning of its task and its clients."""
    write_task(folder.path, experiment.task_name, experiment.score, experiment.chance)
    folder.write_partition(experiment.partition.manifest())
    seal(folder.path, ended=False)


def _note_machines(grid: Grid, folder: RunFolder) -> None:
    """Write into the run's environment where its clients are, if that is not on this machine alone."""
    machines = grid.described() if isinstance(grid, StreamingGrid) else {}
    known = folder.environment
    if not machines or known.get("engine") == machines:
        return
    # A run without a seal passes, and one that was killed in between would not under the old one.
    (folder.path / SEAL).unlink(missing_ok=True)
    write_json(folder.path / "environment.json", {**known, "engine": machines}, durable=True)
    seal(folder.path, ended=False)


def _by_machine(grid: Grid) -> dict[str, Any]:
    """How many clients of the last round each machine had, where there are several."""
    answered = grid.answered() if isinstance(grid, StreamingGrid) else {}
    return {"machines": answered} if len(answered) > 1 else {}


def _work(grid: Grid, folder: RunFolder, scenario: Scenario, progress: Progress, done: int) -> None:
    """The rounds after ``done``, and the final evaluation."""
    folder.write_status("running", done)
    spent: dict[str, float] = {}

    def on_round(record: dict[str, Any]) -> None:
        nonlocal done
        done = record["round"]
        folder.write_status("running", done)
        for name, more in totals([record]).items():
            spent[name] += more
        told = {"rounds": scenario.run.rounds, **_by_machine(grid)}
        progress.round_finished({**record, **spent, **told})

    told_s = -SECONDS_BETWEEN_STATUSES

    def on_evaluated(evaluated: int, clients: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= SECONDS_BETWEEN_STATUSES:
            told_s = time.monotonic()
            folder.write_status("running", done, evaluated=(evaluated, clients))
        progress.client_evaluated(evaluated, clients)

    state: RunState = "failed"
    missing = 0
    try:
        _note_machines(grid, folder)
        rounds = Rounds(grid, folder, scenario, on_round, on_evaluated)
        # Only now is the log cut back to the checkpoint from which the run goes on.
        spent |= totals(read_lines(folder.rounds))
        missing = rounds.run()
        seal(folder.path, ended=True)
        state = "complete"
    except MissingClientsError as error:
        missing = error.missing
        raise
    except (KeyboardInterrupt, SystemExit):
        state = "stopped"
        raise
    finally:
        folder.write_status(state, done, missing)
