"""What ``fedprune tickets`` left in a run's folder, as pictures and tables of a report.

``masks`` and ``scored`` make pictures of studies' results; this file finds these results, and makes
tables of what the command prints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedprune import plugins
from fedprune.reports.figures import Figure
from fedprune.reports.methods import Method
from fedprune.reports.tables import Cell, Table
from fedprune.reports.tickets import masks, scored
from fedprune.runs.files import RunError, read_json
from fedprune.runs.frames import RunData

if TYPE_CHECKING:
    from fedprune.tickets.study_table import StudyTable

FOLDER = "tickets"
"""Where ``fedprune tickets`` writes within a run's folder."""

PICTURES: dict[str, Callable[[Any, masks.Record], list[Figure]]] = {
    "overlap": masks.overlap,
    "clusters": masks.clusters,
    "retrain": scored.retrain,
    "transfer": scored.transfer,
    "mask_swap": scored.mask_swap,
    "connectivity": scored.connectivity,
    "early_bird": masks.early_bird,
    "leak": masks.leak,
}
"""Study -> its pictures, from all that is known of the run and the study's result.

In the order in which they are shown; other studies, which come last, have tables only.
"""

HEADS = {
    "density": "Kept share of the prunable weights.",
    "density %": "Kept share of the prunable weights.",
    "std over clients": "Standard deviation of clients' scores, each the mean of its seeds.",
    "std over seeds": "Standard deviation of a client's score over seeds.",
    "95 % interval": "Of the mean difference, by Student's t over clients.",
    "effect": "Cohen's d_z: the mean difference over its standard deviation.",
    "p": "How often chance gives as much; how chance was drawn is said above.",
    "p (Holm)": "The same, corrected for how many comparisons the table makes.",
    "Jaccard": "Weights that both masks keep, of those that either keeps.",
    "Hamming": "Share of weights on which two masks differ.",
    "by chance": "The same for independent random masks of these densities.",
    "agreement": "Correlation of two masks' bits: 0 by chance, 1 for equal masks.",
    "mean z": "Mean over pairs of the overlap's distance from chance, in standard deviations.",
    "z of mean": "The mean overlap's distance from chance, in its own standard deviation.",
    "rho labels": "Rank correlation of agreement with how much of their labels two clients share.",
    "with initial": "Agreement with masks of the largest initial weights.",
    "with server's": "Agreement with masks of the server's largest last weights.",
    "adjusted Rand": "Agreement of two clusterings: 0 by chance, 1 when they are equal.",
    "AUC": "How often a client that has a label is ranked before one that has not: 0.5 by guessing.",
    "95 % of shuffles below": "The AUC that labels shuffled among clients reach in 1 of 20 draws.",
    "balanced accuracy": "Mean of the shares of clients rightly told to have a label and not to have it.",
    "barrier": "The largest excess of the error over the straight line between the two ends.",
    "shared": "The share of labels that two clients have in common.",
}
"""Head of a study's column -> what it means, where the word alone does not say."""

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_SORTED = re.compile(rf"({_NUMBER})|({_NUMBER})-{_NUMBER}|\[({_NUMBER}), .*\]|({_NUMBER}) of \d+")
"""Cells with a number to sort by: a number, a range, an interval, a count."""


@dataclass(frozen=True)
class Studied:
    """A finished study: ``about`` says in a line what it asks; ``note`` why it has no result, if so."""

    name: str
    about: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class RunTickets:
    """The studies of one run; ``method`` is the index of its method, ``run`` its folder's name."""

    method: int
    run: str
    label: str
    seed: int
    studies: tuple[Studied, ...]

    @property
    def figures(self) -> list[Figure]:
        return [figure for study in self.studies for figure in study.figures]


def tickets(methods: Sequence[Method]) -> list[RunTickets]:
    """The studies of these runs, run by run; runs without finished studies are left out.

    Raises RunError when a result is damaged.
    """
    found: list[RunTickets] = []
    for index, method in enumerate(methods):
        for run, row in zip(method.runs, method.rows, strict=True):
            if studies := _studies(run, len(found)):
                found.append(RunTickets(index, row["run"], row["label"], row["seed"], studies))
    return found


def _studies(run: RunData, place: int) -> tuple[Studied, ...]:
    """The studies of one run, which is the ``place``-th that has any."""
    about = plugins.describe("studies")
    names = [name for name in (*PICTURES, *sorted(about.keys() - PICTURES.keys())) if name in about]
    paths = {name: run.path / FOLDER / f"{name}.json" for name in names}
    records = {name: read_json(path) for name, path in paths.items() if path.is_file()}
    stale = {name for name, record in records.items() if not _fits(record, run)}
    usable = {name: record for name, record in records.items() if name not in stale}
    results = {name: record["result"] for name, record in usable.items() if "result" in record}
    known = masks.Known(results, run.partition, run.score, run.summary.get("score_chance"))
    return tuple(
        Studied(name, about[name], note=_stale(run))
        if name in stale
        else _study(name, about[name], record, known, paths[name], f"tickets-{place}-{name}")
        for name, record in records.items()
    )


def _fits(record: Mapping[str, Any], run: RunData) -> bool:
    """Whether a result was measured by this version on the run as it is now."""
    from fedprune.tickets.lab import LAYOUT

    of = record.get("of")
    now = {"layout": LAYOUT, "settings": run.folder.settings_hash, "round": run.status.get("round")}
    # What is no record at all is not old but damaged, which shows when it is read.
    return not isinstance(of, dict) or all(of.get(key, value) == value for key, value in now.items())


def _stale(run: RunData) -> str:
    return (
        "Left out: measured on an earlier state of this run, or by another version."
        f" To measure it anew: fedprune tickets {run.path.resolve().name}"
    )


def _study(
    name: str, about: str, record: Mapping[str, Any], known: masks.Known, path: Path, id: str
) -> Studied:
    """Raises RunError for a result that is not what the study writes, whatever is wrong with it."""
    from fedprune.tickets import lab

    try:
        if "skipped" in record:
            return Studied(name, about, note=f"Skipped: {record['skipped']}.")
        result = record["result"]
        # NaN and infinity are no JSON, though Python reads them.
        json.dumps(result, allow_nan=False)
        printed = lab.study(name).tables(result, known.score)
        shown = tuple(
            _table(table, f"{id}-{place}", file_of(name, place)) for place, table in enumerate(printed)
        )
        verdict = lab.study(name).verdict(result, known.score)
        drawn = PICTURES[name](known, result) if name in PICTURES else []
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise RunError(
            f"{path} is not what 'fedprune tickets' writes ({type(error).__name__}: {error});"
            " remove it, and measure it anew if you want it in the report"
        ) from error
    figures = tuple({**figure, "id": f"{id}-{figure['id']}"} for figure in drawn)
    return Studied(name, about, figures, shown, verdict=verdict)


def file_of(study: str, place: int) -> str:
    """The name, without suffix, of the file that holds a study's table at that place."""
    return f"tickets_{study}" + (f"_{place + 1}" if place else "")


def _table(printed: StudyTable, id: str, file: str) -> Table:
    rows = tuple(
        tuple(_cell(text, first=place == 0) for place, text in enumerate(line)) for line in printed.lines
    )
    title, notes = printed.title[:1].upper() + printed.title[1:], "; ".join(printed.notes)
    caption = title if title.endswith("?") else f"{title}{':' if notes else '.'}"
    caption += f" {notes}." if notes else ""
    # A head without a name could not be read aloud.
    header = tuple(name or "value" for name in printed.header)
    about = tuple(HEADS.get(name, "") for name in header)
    return Table(id, caption, header, rows, (None,) * len(rows), about, file=file)


def _cell(text: str, *, first: bool) -> Cell:
    if text in ("", "-"):
        return Cell(text)
    if found := _SORTED.fullmatch(text):
        return Cell(text, value=float(next(group for group in found.groups() if group is not None)))
    # In a column of numbers, a word in front of a row ("best") has no place among them.
    return Cell(text, value=text if first else None)
