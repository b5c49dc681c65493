"""What ``fedprune show`` prints: runs side by side, and below them what their figures mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fedprune.estimate import PLUS_MINUS
from fedprune.runs import personal_table
from fedprune.runs.metrics import FATES
from fedprune.runs.personal import personal_rows
from fedprune.runs.table import (
    HALF,
    SCORES,
    Row,
    group_seeds,
    lacking,
    results_table,
    sampled,
    score_title,
    scores_of,
)
from fedprune.score import Score
from fedprune.text_table import aligned, markdown
from fedprune.types import printable

FINAL = (
    "Scores: every client's model in the final evaluation after the last round, mean over clients; "
    "std: standard deviation over clients."
)
"""What a table of final scores says below it: they are no points of the curves by round."""

NEVER_SAMPLED = (
    "Never sampled: clients that took part in no round (those whose replies were never accepted, too), and "
    "the score of the model that they would use; the other columns hold them as well."
)
"""What a table says below it where some clients took no part."""


HONEST = "Honest: the mean score of the clients that do not attack; the other columns hold attackers as well."
"""What a table says below it where some clients attack."""


def render(folders: Sequence[Path], form: Literal["text", "markdown", "json"] = "text") -> str:
    """The text that ``fedprune show`` prints: runs grouped by seed as a table, or each run raw as JSON."""
    rows = results_table(folders)
    if form == "json":
        return json.dumps(rows, indent=2)
    grouped = group_seeds(rows)
    header, *lines = _cells(grouped)
    table = (markdown if form == "markdown" else aligned)(header, lines)
    notes = _notes(grouped)
    text = "\n".join([table, "", *notes]) if notes else table
    personalized = [folder for folder in folders if personal_rows(folder)]
    if not personalized:
        return text
    return f"{text}\n\nClients' models after the last round:\n{personal_table.render(personalized, form)}"


def _notes(rows: Sequence[Row]) -> list[str]:
    """What stands below a table: how its scores were measured, and what "±" means where there is one."""
    said = []
    if any(row["test_score_personal"] is not None for row in rows):
        said.append(FINAL)
    if any(_never_sampled(row) for row in rows):
        said.append(NEVER_SAMPLED)
    if any(_honest(row) for row in rows):
        said.append(HONEST)
    said += [sampled(row) for row in rows if row["test_score_personal_low"] is not None]
    if any("seeds" in row for row in rows):
        said.append(f"Means over seeds. {PLUS_MINUS}.")
    return said


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[Row], str]
    """Empty where there is nothing to say; a column that is empty in all rows is left out."""


def _number(name: str, factor: float, digits: int) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        if row[name] is None:
            return ""
        half = row.get(name + HALF)
        text = f"{row[name] * factor:.{digits}f}"
        return text if half is None else f"{text} ± {half * factor:.{digits}f}"

    return cell


def _state(row: Row) -> str:
    """How a run stands and what its results lack, in words; nothing for one that is complete and whole."""
    said = [] if row["state"] == "complete" else [f"{row['state']} at {row['round']}/{row['rounds']}"]
    return ", ".join([*said, *lacking(row["missing"])])


def _never_sampled(row: Row) -> str:
    """How many clients took no part, and their mean score."""
    count, reached = row["clients_never_sampled"], row["test_score_personal_never_sampled"]
    if not count:
        return ""
    score = Score.of(row["score"])
    return f"{count:g}" if reached is None else f"{count:g}: {reached * score.factor:.{score.digits}f}"


def _honest(row: Row) -> str:
    """The mean score of the clients that do not attack, where some do."""
    reached, score = row["test_score_personal_honest"], Score.of(row["score"])
    return "" if reached is None else f"{reached * score.factor:.{score.digits}f}"


def _lost(row: Row) -> str:
    """How many replies did not count, by what became of them."""
    met = [(row[f"replies_{fate}"], fate) for fate in FATES]
    return ", ".join(f"{count:g} {fate}" for count, fate in met if count)


def _of(score: Score, cell: Callable[[Row], str]) -> Callable[[Row], str]:
    """Rows of other scores have nothing to say."""
    return lambda row: cell(row) if Score.of(row["score"]) == score else ""


def _columns(rows: Sequence[Row]) -> list[_Column]:
    scores = scores_of([row["score"] for row in rows])
    scored = [
        _Column(
            score_title(score, what, len(scores) > 1),
            _of(score, _number(name, score.factor, score.digits)),
        )
        for score in scores
        for what, name in SCORES
    ]
    return [*_ABOUT, *scored, *_SPENT]


_ABOUT = (
    _Column("run", lambda row: printable(str(row["label"]))),
    _Column("seeds", lambda row: str(len(row["seeds"])) if "seeds" in row else ""),
)
_SPENT = (
    _Column("never sampled", _never_sampled),
    _Column("honest", _honest),
    _Column("replies lost", _lost),
    _Column("density %", _number("density", 100, 1)),
    _Column("M multiply-adds", _number("multiply_adds", 1e-6, 3)),
    _Column("MB up", _number("bytes_up_total", 1e-6, 2)),
    _Column("MB down", _number("bytes_down_total", 1e-6, 2)),
    _Column("MB to target", _number("bytes_to_target", 1e-6, 2)),
    _Column("simulated s", _number("simulated_seconds_total", 1, 1)),
    _Column("simulated s to target", _number("simulated_seconds_to_target", 1, 1)),
    _Column("ms an answer", _number("latency", 1e3, 3)),
    _Column("x dense", _number("latency_speedup", 1, 2)),
    _Column("epsilon", _number("epsilon", 1, 2)),
    _Column("rounds", lambda row: str(row["rounds"] or "")),
    _Column("seconds", _number("seconds_total", 1, 1)),
    _Column("status", _state),
)


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    """Header and lines; within a column that is kept, nothing is shown as a dash."""
    columns = [(column.title, [column.cell(row) for row in rows]) for column in _columns(rows)]
    kept = [(title, cells) for title, cells in columns if title == "run" or any(cells)]
    header = [title for title, _ in kept]
    return [header, *([cells[index] or "-" for _, cells in kept] for index in range(len(rows)))]
