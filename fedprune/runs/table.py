"""Results of runs as rows, read from their folders alone; runs that differ by seed can share a row."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedprune.estimate import estimate
from fedprune.runs.code import code_of
from fedprune.runs.fields import misfit
from fedprune.runs.files import RunError, read_json
from fedprune.runs.folder import RunFolder
from fedprune.runs.labels import label_without_seed, told_apart
from fedprune.runs.latency import LATENCY, read_latency
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import totals
from fedprune.runs.task import read_score
from fedprune.scenario.flat import flat
from fedprune.scenario.section import Section
from fedprune.scenario.sections import SECTIONS
from fedprune.score import UNKNOWN, Score
from fedprune.types import printable

Row = dict[str, Any]

MEASURED = (
    "clients",
    "clients_in_all",
    "test_score_personal",
    "test_score_personal_std",
    "test_score_personal_worst10",
    "test_score_personal_low",
    "test_score_personal_high",
    "test_score_received",
    "test_score_trained",
    "clients_never_sampled",
    "test_score_personal_never_sampled",
    "replies_dropped",
    "replies_late",
    "replies_crashed",
    "replies_refused",
    "attackers",
    "test_score_personal_honest",
    "density",
    "multiply_adds",
    "bytes_up_total",
    "bytes_down_total",
    "bytes_to_target",
    "simulated_seconds_total",
    "simulated_seconds_to_target",
    "epsilon",
    "seconds_total",
)
"""Fields of ``results.json`` that rows carry, in its units; None where a run does not have them (yet).

Rows carry those of LATENCY beside them."""

HALF = "_half"
"""Suffix of half of a grouped row's 95 % interval over seeds."""


def results_table(folders: Sequence[Path]) -> list[Row]:
    """One row a run folder, in the given order; an unfinished run has what it measured so far.

    A row holds ``run`` (folder name), ``name``, ``label``, ``seed``, ``state``, ``round``, ``rounds`` (asked
    for), ``missing`` (clients that the final evaluation lacks), ``settings`` (dotted key -> value of those
    that decide the result, the seed aside), ``code`` (the user's plug-ins that do -> sha256), ``group``
    (equal for runs that differ only by seed), ``folder`` (its path), ``score`` (the fields of ``Score``),
    MEASURED and LATENCY. Raises RunError for what is no run folder or damaged.
    """
    return [_row(Path(folder)) for folder in folders]


def group_seeds(rows: Sequence[Row]) -> list[Row]:
    """Complete runs that differ only by seed as one row: means, ``<field>_half``, ``seeds`` for ``seed``.

    The half is that of the 95 % t-interval over seeds (see ``fedprune.estimate``). A field that any of the
    runs lacks is None. Runs that are alone or not complete stay as they are. No two rows have one label (see
    runs.labels).
    """
    groups = [members[0] if len(members) == 1 else _merged(members) for members in grouped(rows)]
    return [{**row, "label": label} for row, label in zip(groups, told_apart(groups), strict=True)]


def grouped(rows: Sequence[Row]) -> list[list[Row]]:
    """Complete rows that differ only by seed together, in order of their first; any other row alone.

    A seed counts once in a group: the same run from another folder is no further seed but begins a group.
    """
    groups: dict[tuple[str, int], list[Row]] = {}
    seen: Counter[tuple[str, int]] = Counter()
    for row in rows:
        group = row["group"] if row["state"] == "complete" else f"{row['run']}/{len(groups)}"
        groups.setdefault((group, seen[group, row["seed"]]), []).append(row)
        seen[group, row["seed"]] += 1
    return list(groups.values())


def _row(path: Path) -> Row:
    folder = RunFolder.open(path)
    scenario = scenario_of(folder)
    run = scenario.get("run", {})
    settings = flat({section: _decisive(section, keys) for section, keys in scenario.items()})
    code, status = code_of(folder.environment), folder.read_status()
    results = _results(folder, status["state"])
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
        "missing": status.get("missing", 0),
        "group": _group(settings, code),
        "settings": settings,
        "code": code,
        "folder": str(path),
        "score": read_score(path).record(),
        **{name: results.get(name) for name in MEASURED},
        **read_latency(path),
    }


def scenario_of(folder: RunFolder) -> dict[str, Any]:
    """The run's resolved scenario: section -> its keys and their values, or a list of tables of such.

    Raises RunError when it is damaged.
    """
    try:
        scenario = tomllib.loads(folder.scenario_toml)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{folder.path / 'scenario.toml'}: {error}; the file is damaged") from error
    return {section: keys for section, keys in scenario.items() if isinstance(keys, dict | list)}


def _results(folder: RunFolder, state: str) -> Row:
    """The run's results as far as they go."""
    path = folder.path / "results.json"
    if not path.exists():
        if state == "complete":
            raise RunError(
                f"{folder.path} is complete, but {path.name} is gone: put it back, or run it again"
            )
        return _so_far(folder)
    results = read_json(path)
    lacking = (name for name in totals([]) if results.get(name) is None)
    if field := misfit(path.name, results) or next(lacking, None):
        raise RunError(f"{path}: '{field}' is not what it should be; the file is damaged")
    return results


def _so_far(folder: RunFolder) -> Row:
    """The fields that an unfinished run can give already: bytes, seconds and density so far."""
    rounds = read_lines(folder.rounds)
    return {**totals(rounds), "density": rounds[-1].get("density") if rounds else None}


def _group(settings: Row, code: Row) -> str:
    """A short name for what decides the result, the seed aside."""
    text = json.dumps([settings, code], sort_keys=True, default=str)
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


_COMMON = ("run", "name", "state", "round", "rounds", "group", "settings", "code", "folder", "score")
"""Fields that a row of several seeds has from its first."""


def _merged(rows: Sequence[Row]) -> Row:
    merged = {key: rows[0][key] for key in _COMMON}
    merged["label"] = label_without_seed(rows[0])
    merged["missing"] = sum(row["missing"] for row in rows)
    merged["seeds"] = [row["seed"] for row in rows]
    for name in (*MEASURED, *LATENCY):
        values = [row[name] for row in rows]
        found = None if None in values else estimate(values)
        merged[name], merged[name + HALF] = (found.mean, found.half) if found else (None, None)
    return merged


def lacking(missing: int) -> list[str]:
    """What is to be said of so many clients that a final evaluation lacks; nothing of none."""
    return [f"{missing} client{'s' if missing > 1 else ''} missing"] if missing else []


def sampled(row: Row) -> str:
    """What is to be said of a run of which a sample of clients was evaluated: how many, and how well the mean
    over all is known. Of several seeds' runs only the first."""
    told = (
        f"{printable(str(row['label']))}: {row['clients']:,.0f} of {row['clients_in_all']:,.0f} clients, "
        "drawn at random, were evaluated"
    )
    if "seeds" in row:
        return f"{told}."
    score = Score.of(row["score"])
    low, high = (
        f"{row[f'test_score_personal_{end}'] * score.factor:.{score.digits}f}" for end in ("low", "high")
    )
    return f"{told}; the 95 % interval of the mean over all is {low} to {high}."


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
