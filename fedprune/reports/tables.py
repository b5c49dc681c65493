"""Tables of a report: what a cell shows and what it is sorted by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedprune.estimate import PLUS_MINUS, Estimate
from fedprune.reports.findings import PART_NAMES
from fedprune.reports.level import level_finding
from fedprune.reports.methods import DIRECTIONS, MEGA, PARTS, Method, pareto
from fedprune.reports.traffic import ARROWS
from fedprune.runs.environment import PACKAGES
from fedprune.runs.metrics import METRICS
from fedprune.runs.table import SCORES, lacking, sampled, score_title, scores_of
from fedprune.score import Score


@dataclass(frozen=True)
class Cell:
    """``text`` as shown, ``note`` smaller below it, ``value`` to sort by (None sorts last)."""

    text: str
    note: str = ""
    value: float | str | None = None


@dataclass(frozen=True)
class Table:
    """``rows`` of cells, one a column of ``header``; ``methods``: the index of each row's method, if any."""

    id: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    methods: tuple[int | None, ...]
    about: tuple[str, ...] = ()
    """What each column means; none where their names say it."""
    below: str = ""
    """What stands under it: what ± is, who is level with whom."""
    file: str = ""
    """The name, without suffix, of the files beside the report that hold its numbers; empty without any."""

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        from fedprune.reports.table_html import alone

        return alone(self)


Column = tuple[str, str, float, int]
"""A column made of a field of ``results.json`` or ``latency.json``: title, field, factor, digits."""

SPENT: tuple[Column, ...] = (
    ("density %", "density", 100, 1),
    ("M multiply-adds", "multiply_adds", 1 / MEGA, 3),
    ("MB up", "bytes_up_total", 1 / MEGA, 2),
    ("MB down", "bytes_down_total", 1 / MEGA, 2),
    ("MB to target", "bytes_to_target", 1 / MEGA, 2),
    ("seconds", "seconds_total", 1, 1),
)
"""Columns behind those of the scores."""
SOMETIMES: tuple[Column, ...] = (
    ("simulated s", "simulated_seconds_total", 1, 1),
    ("simulated s to target", "simulated_seconds_to_target", 1, 1),
    ("ms an answer", "latency", 1e3, 3),
    ("x dense", "latency_speedup", 1, 2),
    ("epsilon", "epsilon", 1, 2),
)
"""Columns that stand where any run has something to say in them."""


def results(methods: Sequence[Method]) -> Table:
    """A row a method: means over seeds, with their 95 % intervals where there are several."""
    scores = scores_of([method.score.record() for method in methods])
    front = {index for score in scores for index in on_front(methods, score)}
    groups: list[tuple[Score | None, tuple[Column, ...]]] = [
        *((score, _scored(score, others=len(scores) > 1)) for score in scores),
        (None, (*SPENT, *(column for column in SOMETIMES if _is_there(methods, column[1])))),
    ]

    def row(index: int, method: Method) -> tuple[Cell, ...]:
        measured = [
            _estimate(method.result(name, factor) if score in (None, method.score) else None, digits)
            for score, columns in groups
            for _, name, factor, digits in columns
        ]
        wins = Cell("yes", value=0.0) if index in front else Cell("-")
        rounds = _range([row["round"] for row in method.rows])
        return (Cell(method.label, _state(method), method.label), _count(method), *measured, rounds, wins)

    columns = [column for _, group in groups for column in group]
    header = ("method", "seeds", *(title for title, *_ in columns), "rounds", "Pareto front")
    rows = tuple(row(index, method) for index, method in enumerate(methods))
    about = (
        "Runs that differ by nothing but their seed.",
        "How many runs, and their seeds.",
        *(meaning(name) for _, name, *_ in columns),
        "Rounds that were trained.",
        "Whether no other method has a better score for fewer bytes, both directions together.",
    )
    caption = "Final evaluation, means over seeds. A dash: not measured, or not by all seeds."
    every = [row for method in methods for row in method.rows]
    parts = [sampled(row) for row in every if row["test_score_personal_low"] is not None]
    findings = [level_finding(methods, score) for score in scores]
    below = " ".join([f"{PLUS_MINUS}.", *parts, *findings]).strip()
    return Table("results", caption, header, rows, tuple(range(len(methods))), about, below, "results")


def _is_there(methods: Sequence[Method], field: str) -> bool:
    return any(row[field] is not None for method in methods for row in method.rows)


def meaning(name: str) -> str:
    """What a field of ``results.json`` or ``latency.json`` means, as ``docs/metrics.md`` says."""
    metric = {**METRICS["latency.json"], **METRICS["results.json"]}[name]
    return f"{metric.meaning[:1].upper()}{metric.meaning[1:]}.".replace("`", "")


def on_front(methods: Sequence[Method], score: Score) -> list[int]:
    """The indices of the finished methods of this score that no other beats in traffic and score."""
    ends = [
        (str(index), spent.mean, reached.mean)
        for index, method in enumerate(methods)
        if method.score == score
        and (spent := method.megabytes())
        and (reached := method.result("test_score_personal"))
    ]
    return [int(index) for index, _, _ in pareto(ends, score)]


def _scored(score: Score, others: bool) -> tuple[Column, ...]:
    """The columns of one kind of score."""
    return tuple(
        (score_title(score, what, others), name, score.factor, score.digits) for what, name in SCORES
    )


def traffic(methods: Sequence[Method]) -> Table:
    """MB in a mean round, by direction and part, and how much of it masks are."""
    columns = [(way, part) for way in DIRECTIONS for part in PARTS]

    def row(method: Method) -> tuple[Cell, ...]:
        means = method.traffic().mean()
        values = [means[f"{way}_{part}"][0] for way, part in columns]
        whole = sum(value or 0 for value in values)
        masks = sum(means[f"{way}_mask"][0] or 0 for way in DIRECTIONS)
        share = _number(100 * masks / whole, 2) if whole else Cell("-")
        return (Cell(method.label, value=method.label), *(_number(value, 4) for value in values), share)

    header = ("method", *(f"{ARROWS[way][0]} {PART_NAMES[part]}" for way, part in columns), "masks %")
    about = (
        "Runs that differ by nothing but their seed.",
        *(f"{ARROWS[way]}: {meaning_of_part(way, part)}" for way, part in columns),
        "The share of masks in all that travels, both directions.",
    )
    rows = tuple(row(method) for method in methods)
    caption = "MB in a mean round, ↓ from the server to clients and ↑ from clients to the server, by part."
    return Table("traffic", caption, header, rows, tuple(range(len(methods))), about, file="traffic")


def meaning_of_part(way: str, part: str) -> str:
    """What a part of one direction's bytes is."""
    return METRICS["rounds.jsonl"][f"bytes_{way}_{part}"].meaning.partition(": ")[2] + "."


def failures(methods: Sequence[Method]) -> Table | None:
    """Replies that were missing or rejected, also in the final evaluation, counted by reason; None when there
    are none."""
    rows, owners = [], []
    for index, method in enumerate(methods):
        for run, about in zip(method.runs, method.rows, strict=True):
            counts = Counter(run.failures["reason"])
            counts.update(f"final evaluation: {each['reason']}" for each in run.summary.get("missing", ()))
            for reason, count in sorted(counts.items()):
                seed = Cell(str(about["seed"]), value=float(about["seed"]))
                rows.append((Cell(method.label, value=method.label), seed, Cell(reason, value=reason),
                             Cell(str(count), value=float(count))))  # fmt: skip
                owners.append(index)
    header = ("method", "seed", "reason", "replies")
    caption = "Replies that were missing or rejected."
    table = Table("failures", caption, header, tuple(rows), tuple(owners), file="failures")
    return table if rows else None


def environments(methods: Sequence[Method]) -> Table:
    """The table of environments: what each run was made with, runs of one environment in one row."""
    found: dict[tuple[str, ...], list[str]] = {}
    for method in methods:
        for run, about in zip(method.runs, method.rows, strict=True):
            texts = tuple(fact or "-" for fact in made_with(run.environment).values())
            found.setdefault(texts, []).append(about["label"])
    rows = tuple(
        (Cell("; ".join(labels), value=labels[0]), *(Cell(text, value=text) for text in texts))
        for texts, labels in found.items()
    )
    caption, header = "What the runs were made with.", ("runs", *made_with({}))
    return Table("environments", caption, header, rows, (None,) * len(rows), file="environments")


def made_with(environment: Mapping[str, Any]) -> dict[str, str | None]:
    """The facts of a run's ``environment.json`` by title; None where it does not say."""
    commit = str(environment.get("commit") or "")
    facts = {
        "Python": environment.get("python"),
        **{name: (environment.get("versions") or {}).get(name) for name in PACKAGES},
        # A plus behind the commit: files had been changed.
        "commit": commit[:12] + commit[40:],
        "platform": environment.get("platform"),
        "processor": environment.get("cpu"),
        "cores": environment.get("cores"),
    }
    return {title: str(fact) if fact else None for title, fact in facts.items()}


def _estimate(found: Estimate | None, digits: int) -> Cell:
    if found is None:
        return Cell("-")
    note = "" if found.half is None else f"± {found.half:,.{digits}f}"
    return Cell(f"{found.mean:,.{digits}f}", note, found.mean)


def _number(value: float | None, digits: int) -> Cell:
    return Cell("-") if value is None else Cell(f"{value:,.{digits}f}", value=value)


def _count(method: Method) -> Cell:
    seeds = ", ".join(str(row["seed"]) for row in method.rows)
    return Cell(str(len(method.rows)), seeds if len(method.rows) > 1 else "", float(len(method.rows)))


def _range(values: Sequence[int]) -> Cell:
    low, high = min(values), max(values)
    return Cell(str(high) if low == high else f"{low} to {high}", value=float(high))


def _state(method: Method) -> str:
    row = method.rows[0]
    said = [] if method.complete else [f"{row['state']} at round {row['round']} of {row['rounds']}"]
    return ", ".join([*said, *lacking(sum(row["missing"] for row in method.rows))])
