"""Runs studies unit by unit; each is on disk as soon as it is measured, so that a stopped study goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from fedprune import plugins
from fedprune.runs import lock
from fedprune.runs.files import explained, read_json, write_json
from fedprune.runs.log import JsonLines, read_lines
from fedprune.score import Score
from fedprune.tickets.finished import FinishedRun, NothingToStudyError, Record, identity
from fedprune.tickets.study_table import StudyTable

LAYOUT = 4
"""Raised when equal settings come to give other results: older results are then made anew."""

Counted = Callable[[str, int, int], None]
"""Told of a study's name, its units done, and its units in all."""


@dataclass(frozen=True)
class Plan:
    """How much to do. Studies that only look at masks use all clients and no seeds."""

    clients: int = 20
    """Clients sampled by studies that train or test."""
    seeds: int = 3
    """Replicates of each training of ``retrain``."""
    epochs: int = 30
    """Epochs of each training from scratch."""
    permutations: int = 9999
    """Draws of each test by permutation."""


class Study(Protocol):
    """The functions that the file of a study defines.

    All randomness in them is keyed, so that equal runs and plans give equal bits.
    """

    def units(self, run: FinishedRun, plan: Plan) -> Sequence[str]:
        """Names of the pieces of work, each measured and stored on its own."""

    def measure(self, run: FinishedRun, plan: Plan, unit: str) -> Record:
        """Carry out one piece of work; its result must be what JSON can hold."""

    def conclude(self, run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
        """The study's result, as JSON can hold it, from what all of its units measured."""

    def tables(self, result: Record, score: Score) -> list[StudyTable]:
        """The tables that show people the result of a run whose scores are to be read as ``score`` says."""

    def verdict(self, result: Record, score: Score) -> str:
        """The answer to what the study asks, in a line: whether it is so, by how much, how sure (see
        ``tickets.verdicts``)."""


def study(name: str) -> Study:
    """The study of that name. Raises UnknownPluginError when there is none."""
    return cast(Study, plugins.load("studies", name))


def carry_out(
    folder: Path, names: Sequence[str], plan: Plan, out: Path, counted: Counted
) -> dict[str, Record]:
    """The records of these studies of the run in ``folder``, each written to ``out/<study>.json``.

    What is there already, for the same run and plan, is not done again. A record holds ``study``, ``of`` (run
    and plan that it belongs to) and ``result``, or ``skipped``: why this run lacks what the study needs.
    Raises RunError when the run is not complete, or when another process works on the same study.
    """
    from fedprune.compute.threads import one_thread

    chosen = {name: study(name) for name in names}
    run = FinishedRun.open(folder)
    with explained("make", out):
        out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        return {name: _one(run, name, found, plan, out, counted) for name, found in chosen.items()}


def render(records: Mapping[str, Record], score: Score) -> str:
    """The records of ``carry_out`` as tables of text; ``score`` is the run's."""
    texts = []
    for name, record in records.items():
        if "skipped" in record:
            texts.append(f"{name}: skipped: {record['skipped']}")
        else:
            found = study(name)
            texts += [table.render() for table in found.tables(record["result"], score)]
            texts[-1] += f"\n  verdict: {found.verdict(record['result'], score)}"
    return "\n\n".join(texts)


def _one(run: FinishedRun, name: str, found: Study, plan: Plan, out: Path, counted: Counted) -> Record:
    of = {"layout": LAYOUT, **json.loads(identity(run)), **asdict(plan)}
    path = out / f"{name}.json"
    with _locked(out / f".{name}.lock"):
        if path.is_file() and (record := read_json(path)).get("of") == of:
            return record
        try:
            record = {"study": name, "of": of, "result": _result(run, name, found, plan, of, out, counted)}
        except NothingToStudyError as reason:
            record = {"study": name, "of": of, "skipped": str(reason)}
        write_json(path, record, durable=True)
        (out / f"{name}.units.jsonl").unlink(missing_ok=True)
        return record


def _result(
    run: FinishedRun, name: str, found: Study, plan: Plan, of: Record, out: Path, counted: Counted
) -> Record:
    units = list(found.units(run, plan))
    with JsonLines(out / f"{name}.units.jsonl") as log:
        measured = _resumed(log, of)
        counted(name, len(measured), len(units))
        for unit in units:
            if unit not in measured:
                measured[unit] = found.measure(run, plan, unit)
                log.append({"unit": unit, "measured": measured[unit]})
                counted(name, len(measured), len(units))
    return found.conclude(run, plan, {unit: measured[unit] for unit in units})


def _resumed(log: JsonLines, of: Record) -> dict[str, Any]:
    """Units measured before for the same run and plan; others are forgotten."""
    lines = read_lines(log.path)
    if lines and lines[0] == {"of": of}:
        return {line["unit"]: line["measured"] for line in lines[1:]}
    log.truncate(0)
    log.append({"of": of})
    return {}


@contextmanager
def _locked(path: Path) -> Any:
    descriptor = lock.acquire(path)
    try:
        yield
    finally:
        os.close(descriptor)
