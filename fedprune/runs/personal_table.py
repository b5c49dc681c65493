"""Clients' models after the last round as a table: what each mask was worth, paired by client."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from fedprune.estimate import Estimate, estimate
from fedprune.runs.personal import Record, personal_rows
from fedprune.runs.table import group_seeds, grouped, results_table
from fedprune.runs.task import read_score
from fedprune.score import Score
from fedprune.text_table import aligned, markdown

Key = tuple[int, int, str, float]
"""Number of the run, client, kind and target of a model."""

KINDS = ("own", "shared", "random", "dense")
"""Whose mask a model has, in the order of the table; "dense" has none but the one it began with."""

NOTES = (
    "Means over clients and seeds. Intervals: 95 % by Student's t over the differences of each client's two"
    " models. kB: a model as a message, its mask and its kept values in fp32.",
)


@dataclass(frozen=True)
class Models:
    """All models of one kind that were asked for with one density: means over clients and seeds."""

    score: float | None
    """On test data; None where no client has any."""
    density: float
    multiply_adds: float
    bytes: float
    bytes_down: float


@dataclass(frozen=True)
class Level:
    """The models of one label that were asked for with one density."""

    label: str
    target: float
    """The density; 1 for the dense models."""
    kinds: Mapping[str, Models]
    less: Mapping[str, Estimate]
    """Kind -> the own model's score less that kind's, over clients and seeds; none at density 1."""

    @property
    def own(self) -> Models:
        """The clients' own models: at density 1 the dense ones."""
        return self.kinds.get("own") or self.kinds["dense"]


def levels(folders: Sequence[Path]) -> list[Level]:
    """The models of runs by label and density, the densest first; runs that differ by seed count as one."""
    rows = results_table(folders)
    place = {id(row): folder for row, folder in zip(rows, folders, strict=True)}
    found: list[Level] = []
    for members, merged in zip(grouped(rows), group_seeds(rows), strict=True):
        found += levels_of(str(merged["label"]), [place[id(row)] for row in members])
    return found


def levels_of(label: str, folders: Sequence[Path]) -> list[Level]:
    """The models of runs that differ by seed alone; none where nothing was personalized."""
    every = {
        (number, row["client"], row["kind"], row["target"]): row
        for number, folder in enumerate(folders)
        for row in personal_rows(folder)
    }
    targets = sorted({row["target"] for row in every.values()}, reverse=True)
    return [_level(label, every, target) for target in targets]


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
    own = level.own
    return [
        level.label,
        f"{100 * own.density:.1f}",
        *(_number(level.kinds.get(kind), score) for kind in KINDS),
        *(_difference(level.less.get(kind), score) for kind in KINDS[1:]),
        f"{own.multiply_adds * 1e-6:.3f}",
        f"{own.bytes * 1e-3:.1f}",
        f"{own.bytes_down * 1e-3:.1f}",
    ]


def _number(models: Models | None, score: Score) -> str:
    if models is None or models.score is None:
        return "-"
    return f"{models.score * score.factor:.{score.digits}f}"


def _difference(found: Estimate | None, score: Score) -> str:
    if found is None:
        return "-"
    text = f"{found.mean * score.factor:+.{score.digits}f}"
    if found.low is None or found.high is None:
        return text
    ends = (f"{end * score.factor:+.{score.digits}f}" for end in (found.low, found.high))
    return f"{text} [{', '.join(ends)}]"


def _level(label: str, every: Mapping[Key, Record], target: float) -> Level:
    kinds = {key[2] for key in every if key[3] == target}
    models = {
        kind: _models([row for key, row in every.items() if key[2:] == (kind, target)]) for kind in kinds
    }
    less = {kind: found for kind in KINDS[1:] if (found := _less(every, kind, target)) is not None}
    return Level(label, target, models, less)


def _models(rows: Sequence[Record]) -> Models:
    tested = [row["test_score"] for row in rows if row["test_score"] is not None]
    means = (fmean(row[name] for row in rows) for name in ("density", "multiply_adds", "bytes", "bytes_down"))
    return Models(fmean(tested) if tested else None, *means)


def _less(every: Mapping[Key, Record], kind: str, target: float) -> Estimate | None:
    """The own models' scores less those of a kind; None where there are none of both."""
    own = _scores(every, "own", target)
    other = _scores(every, kind, 1.0 if kind == "dense" else target)
    return estimate([own[key] - other[key] for key in sorted(own) if key in other])


def _scores(every: Mapping[Key, Record], kind: str, target: float) -> dict[tuple[int, int], float]:
    """(run, client) -> the test score of this client's model, for clients that have test data."""
    return {
        key[:2]: row["test_score"]
        for key, row in every.items()
        if key[2:] == (kind, target) and row["test_score"] is not None
    }
