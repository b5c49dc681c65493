"""Clients' models after the last round as a table: what each mask was worth, paired by client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fedprune.estimate import Estimate, estimate
from fedprune.runs.folder import RunFolder
from fedprune.runs.personal import Record, personal_rows
from fedprune.runs.task import read_score
from fedprune.score import Score
from fedprune.text_table import aligned, markdown

KINDS = ("own", "shared", "random", "dense")
"""Whose mask a model has, in the order of the table; "dense" has none but the one it began with."""

NOTES = (
    "Means over clients and seeds. Intervals: 95 % by Student's t over the differences of each client's two"
    " models. kB: a model as a message, its mask and its kept values in fp32.",
)


@dataclass(frozen=True)
class Level:
    """All models of one label that were asked for with one density."""

    label: str
    target: float
    """The density; 1 for the dense models."""
    scores: Mapping[str, float | None]
    """Kind -> mean score on test data; of kinds that there are."""
    less: Mapping[str, Estimate]
    """Kind -> the own model's score less that kind's, over clients; none at density 1."""
    means: Mapping[str, float]
    """Density, multiply-adds, bytes and bytes down: means over the clients' own models."""


def levels(folders: Sequence[Path]) -> list[Level]:
    """The models of runs by label and density, the densest first; runs of one label are its seeds."""
    labelled: dict[str, list[list[Record]]] = {}
    for folder in folders:
        if rows := personal_rows(folder):
            label = str(RunFolder.open(folder).read_status().get("label", ""))
            labelled.setdefault(label, []).append(rows)
    return [level for label, runs in labelled.items() for level in _levels(label, runs)]


def render(folders: Sequence[Path], form: Literal["text", "markdown", "json"] = "text") -> str:
    """The table as text, or the lines of all runs as JSON."""
    if form == "json":
        return json.dumps({str(folder): personal_rows(folder) for folder in folders}, indent=2)
    found = levels(folders)
    if not found:
        return "no client of these runs has personalized its model"
    score = read_score(folders[0])
    header, lines = cells(found, score)
    return "\n".join([(markdown if form == "markdown" else aligned)(header, lines), "", *NOTES])


def cells(found: Sequence[Level], score: Score) -> tuple[list[str], list[list[str]]]:
    """The header and the lines of the table."""
    header = ["run", "density %", *(f"{kind} {score.shown_unit}".strip() for kind in KINDS)]
    header += [f"own less {kind}" for kind in KINDS[1:]]
    header += ["M multiply-adds", "kB", "kB down"]
    return header, [_line(level, score) for level in found]


def _line(level: Level, score: Score) -> list[str]:
    means = level.means
    return [
        level.label or "run",
        f"{100 * means['density']:.1f}",
        *(_number(level.scores.get(kind), score) for kind in KINDS),
        *(_difference(level.less.get(kind), score) for kind in KINDS[1:]),
        f"{means['multiply_adds'] * 1e-6:.3f}",
        f"{means['bytes'] * 1e-3:.1f}",
        f"{means['bytes_down'] * 1e-3:.1f}",
    ]


def _number(value: float | None, score: Score) -> str:
    return "-" if value is None else f"{value * score.factor:.{score.digits}f}"


def _difference(found: Estimate | None, score: Score) -> str:
    if found is None:
        return "-"
    text = f"{found.mean * score.factor:+.{score.digits}f}"
    if found.low is None or found.high is None:
        return text
    ends = (f"{end * score.factor:+.{score.digits}f}" for end in (found.low, found.high))
    return f"{text} [{', '.join(ends)}]"


def _levels(label: str, runs: Sequence[Sequence[Record]]) -> Iterable[Level]:
    """The levels of the runs of one label, each run a list of its lines."""
    tested = [
        {(number, row["client"], row["kind"], row["target"]): row for row in rows}
        for number, rows in enumerate(runs)
    ]
    every = {key: row for rows in tested for key, row in rows.items()}
    for target in sorted({row["target"] for row in every.values()}, reverse=True):
        kinds = {key[2] for key in every if key[3] == target}
        described = "dense" if kinds == {"dense"} else "own"
        own = [row for key, row in every.items() if key[3] == target and key[2] == described]
        yield Level(
            label,
            target,
            {kind: _mean(_scores(every, kind, target).values()) for kind in kinds},
            {
                kind: found
                for kind in KINDS[1:]
                if described == "own" and (found := _less(every, kind, target)) is not None
            },
            {name: _mean(row[name] for row in own) or 0.0 for name in _MEANS},
        )


_MEANS = ("density", "multiply_adds", "bytes", "bytes_down")


def _scores(every: Mapping[Any, Record], kind: str, target: float) -> dict[tuple[int, int], float]:
    """(run, client) -> the test score of this client's model, for clients that have test data."""
    return {
        key[:2]: row["test_score"]
        for key, row in every.items()
        if key[2:] == (kind, target) and row["test_score"] is not None
    }


def _less(every: Mapping[Any, Record], kind: str, target: float) -> Estimate | None:
    """The own models' scores less those of a kind; None where there are none of that kind."""
    own, other = (
        _scores(every, "own", target),
        _scores(every, kind, 1.0 if kind == "dense" else target),
    )
    return estimate([own[key] - other[key] for key in sorted(own) if key in other])


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
