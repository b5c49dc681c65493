"""Results of runs as a table, read from their folders alone; runs that differ by seed can share a row."""

from __future__ import annotations

import hashlib
import json
import statistics
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fedprune.runs.files import RunError, read_json
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.runs.task import read_score
from fedprune.scenario.section import Section
from fedprune.scenario.sections import SECTIONS
from fedprune.score import UNKNOWN, Score
from fedprune.text_table import aligned, markdown
from fedprune.types import printable

Row = dict[str, Any]

MEASURED = (
    "test_score_personal",
    "test_score_personal_std",
    "test_score_personal_worst10",
    "test_score_received",
    "test_score_trained",
    "density",
    "multiply_adds",
    "bytes_up_total",
    "bytes_down_total",
    "bytes_to_target",
    "epsilon",
    "seconds_total",
)
"""Fields of ``results.json`` that rows carry, in its units; None where a run does not have them (yet)."""

SPREAD = "_spread"
"""Suffix of a grouped row's sample standard deviation over seeds."""


def results_table(folders: Sequence[Path]) -> list[Row]:
    """One row a run folder, in the given order; an unfinished run has what it measured so far.

    A row holds ``run`` (folder name), ``name``, ``label``, ``seed``, ``state``, ``round``, ``rounds`` (asked
    for), ``group`` (equal for runs that differ only by seed), ``score`` (the fields of ``Score``) and
    MEASURED. Raises RunError for what is no run folder or damaged.
    """
    return [_row(Path(folder)) for folder in folders]


def group_seeds(rows: Sequence[Row]) -> list[Row]:
    """Complete runs that differ only by seed as one row: means, ``<field>_spread``, ``seeds`` for ``seed``.

    The spread is the sample standard deviation over seeds. A field that any of the runs lacks is None. Runs
    that are alone or not complete stay as they are.
    """
    return [members[0] if len(members) == 1 else _merged(members) for members in grouped(rows)]


def grouped(rows: Sequence[Row]) -> list[list[Row]]:
    """Complete rows that differ only by seed together, in order of their first; any other row alone."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        complete = row["state"] == "complete"
        groups.setdefault(row["group"] if complete else f"{row['run']}/{len(groups)}", []).append(row)
    return list(groups.values())


def render(folders: Sequence[Path], form: Literal["text", "markdown", "json"] = "text") -> str:
    """The text that ``fedprune show`` prints: runs grouped by seed as a table, or each run raw as JSON."""
    rows = results_table(folders)
    if form == "json":
        return json.dumps(rows, indent=2)
    header, *lines = _cells(group_seeds(rows))
    return (markdown if form == "markdown" else aligned)(header, lines)


def _row(path: Path) -> Row:
    folder = RunFolder.open(path)
    scenario = scenario_of(folder)
    run = scenario.get("run", {})
    status = folder.read_status()
    results = read_json(path / "results.json") if (path / "results.json").exists() else _so_far(folder)
    return {
        "run": path.resolve().name,
        "name": run.get("name", path.name),
        "label": results.get("label")
        or status.get("label")
        or run.get("label")
        or run.get("name")
        or path.name,
        "seed": run.get("seed", 0),
        "state": status.get("state", "unknown"),
        "round": status.get("round", 0),
        "rounds": run.get("rounds"),
        "group": _group(scenario),
        "score": read_score(path).record(),
        **{name: results.get(name) for name in MEASURED},
    }


def scenario_of(folder: RunFolder) -> dict[str, Any]:
    """The run's resolved scenario: section -> its keys and their values, or a list of tables of such.

    Raises RunError when it is damaged.
    """
    try:
        scenario = tomllib.loads(folder.scenario_toml)
    except ValueError as error:
        raise RunError(f"{folder.path / 'scenario.toml'}: {error}; the file is damaged") from error
    return {section: keys for section, keys in scenario.items() if isinstance(keys, dict | list)}


def _so_far(folder: RunFolder) -> Row:
    """The fields that an unfinished run can give already: bytes, seconds and density so far."""
    rounds = read_lines(folder.rounds)
    totals = {
        f"{name}_total": sum(record.get(name) or 0 for record in rounds)
        for name in ("bytes_up", "bytes_down", "seconds")
    }
    return {**totals, "density": rounds[-1].get("density") if rounds else None}


def _group(scenario: dict[str, Any]) -> str:
    """A short name for the settings that decide the result, the seed aside."""
    settings = {section: _decisive(section, keys) for section, keys in scenario.items()}
    text = json.dumps({name: keys for name, keys in settings.items() if keys}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _decisive(section: str, keys: Any) -> Any:
    """The keys of a section of which another value makes another setting; a list of tables as it is."""
    model = SECTIONS.get(section, Section)
    if not issubclass(model, Section) or isinstance(keys, list):
        return keys
    return {
        key: value
        for key, value in keys.items()
        if model.role(key).changes_results and (section, key) != ("run", "seed")
    }


def _merged(rows: Sequence[Row]) -> Row:
    merged = {key: rows[0][key] for key in ("run", "name", "state", "round", "rounds", "group", "score")}
    merged["label"] = label_without_seed(rows[0])
    merged["seeds"] = [row["seed"] for row in rows]
    for name in MEASURED:
        values = [row[name] for row in rows if row[name] is not None]
        whole = len(values) == len(rows)
        merged[name] = statistics.fmean(values) if whole else None
        merged[name + SPREAD] = statistics.stdev(values) if whole else None
    return merged


def label_without_seed(row: Row) -> str:
    """The row's label without the ``seed 3`` that a sweep over seeds puts into it."""
    parts = [part for part in row["label"].split(", ") if part != f"seed {row['seed']}"]
    return ", ".join(parts) or str(row["name"])


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[Row], str]
    """Empty where there is nothing to say; a column that is empty in all rows is left out."""


def _number(name: str, factor: float, digits: int) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        if row[name] is None:
            return ""
        spread = row.get(name + SPREAD)
        text = f"{row[name] * factor:.{digits}f}"
        return text if spread is None else f"{text} ± {spread * factor:.{digits}f}"

    return cell


def _state(row: Row) -> str:
    return "" if row["state"] == "complete" else f"{row['state']} at {row['round']}/{row['rounds']}"


SCORES = (
    ("", "test_score_personal"),
    ("std", "test_score_personal_std"),
    ("worst 10 %", "test_score_personal_worst10"),
    ("received", "test_score_received"),
    ("trained", "test_score_trained"),
)
"""Columns of a table that hold scores: what the head says beside the score's name or unit, and the field."""


def scores_of(records: Sequence[dict[str, Any]]) -> list[Score]:
    """The different scores among the ``score`` fields of rows, in order of their first.

    A run that has not said yet what it measures has nothing to show: it counts only where no other run does.
    """
    found = list(dict.fromkeys(Score.of(record) for record in records))
    return [score for score in found if score != UNKNOWN] or found


def score_title(score: Score, what: str, others: bool) -> str:
    """The head of a column of SCORES: "accuracy %", "std %", "worst 10 %".

    With ``others`` the table holds scores of several kinds, and every head says of which its column is.
    """
    if not what:
        return score.title
    head = what if what.endswith("%") else score.with_unit(what)
    return f"{score.name}: {head}" if others else head


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
    _Column("density %", _number("density", 100, 1)),
    _Column("M multiply-adds", _number("multiply_adds", 1e-6, 3)),
    _Column("MB up", _number("bytes_up_total", 1e-6, 2)),
    _Column("MB down", _number("bytes_down_total", 1e-6, 2)),
    _Column("MB to target", _number("bytes_to_target", 1e-6, 2)),
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
