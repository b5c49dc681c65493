"""The score against what it cost: bytes, multiply-adds, kept weights, latency, seconds of two clocks.

All are drawn alike: stars are final evaluations with their Pareto front, small dots their seeds, and lines,
for costs that add up over rounds, are what was measured on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedprune.reports.figures import Figure, bands, series, slug
from fedprune.reports.findings import front_finding
from fedprune.reports.methods import MEGA, Method, pareto
from fedprune.score import Score

LOG_FROM = 20
"""Axes whose largest value is so many times the smallest begin logarithmic."""


@dataclass(frozen=True)
class Cost:
    """Something of which less is better; all methods pay it for their score."""

    id: str
    title: str
    label: str
    """The name of its axis."""
    unit: str
    digits: int
    spent: Callable[[Mapping[str, Any]], float | None]
    """What a finished run spent in all, from its row of results; None where that was not measured."""
    phrase: str
    """How a finding names an amount of it, with ``{}`` for the number and its unit."""
    cheaper: str
    """What no method does that is not on the front, behind "more accuracy"."""
    note: str = ""
    column: str | None = None
    """The column of ``Method.curve`` that holds what was spent so far; None for what does not add up."""


def _of(name: str, factor: float) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda row: None if row[name] is None else row[name] * factor


BYTES = Cost(
    "bytes",
    "What does each byte buy?",
    "traffic so far, up and down",
    "MB",
    2,
    lambda row: (row["bytes_up_total"] + row["bytes_down_total"]) / MEGA,
    "for {}",
    "for fewer bytes",
    "Bytes are all that was handed to the transport, both directions.",
    "mb",
)
MULTIPLY_ADDS = Cost(
    "multiply-adds",
    "What does each multiply-add buy?",
    "multiply-adds of a forward pass",
    "M",
    3,
    _of("multiply_adds", 1 / MEGA),
    "with {} multiply-adds",
    "for fewer of them",
    "One sample through the physically shrunk model of a client, mean over clients.",
)
DENSITY = Cost(
    "density",
    "What does each kept weight buy?",
    "density: weights that are kept",
    "%",
    1,
    _of("density", 100),
    "at {} of the weights",
    "with fewer weights",
    "Kept share of the prunable weights, mean over clients.",
)
SECONDS = Cost(
    "seconds",
    "What does each second buy?",
    "seconds of the machine so far",
    "s",
    1,
    _of("seconds_total", 1),
    "in {}",
    "in less time",
    "Seconds are wall-clock time of the rounds on the machine that simulated them, all clients together: they"
    " compare methods that ran on one machine, and say nothing of a federation's own devices and links.",
    "seconds",
)

SIMULATED = Cost(
    "simulated-seconds",
    "What does each simulated second buy?",
    "simulated seconds so far",
    "s",
    1,
    _of("simulated_seconds_total", 1),
    "in {} of the simulated clock",
    "in less simulated time",
    "Simulated seconds are those of the scenario's clock: what clients of these speeds would take,"
    " whatever machine simulated them.",
    "simulated",
)

LATENCY = Cost(
    "latency",
    "What does each millisecond buy?",
    "time to answer one query",
    "ms",
    3,
    _of("latency", 1e3),
    "in {} an answer",
    "in less time",
    "The median time in which the shrunk model of a typical client, the one with the median of multiply-adds,"
    " answers one query in fp32, on one thread of onnxruntime on the machine that ended the run.",
)


def against(cost: Cost, methods: Sequence[Method], score: Score) -> list[Figure]:
    """The score against a cost; no figure where nothing was measured, or where all methods cost the same."""
    import polars as pl

    chosen = [(index, method) for index, method in enumerate(methods) if method.score == score]
    y = score.factor * pl.col("test_score_after")
    lines = series(chosen, y, cost.column) if cost.column else []
    finals = [end for index, method in chosen if (end := final(index, method, cost))]
    if not (lines or finals) or (cost.column is None and len({end["x"] for end in finals}) < 2):
        return []
    front = pareto([(methods[end["method"]].label, end["x"], end["y"]) for end in finals], score)
    return [
        {
            "id": f"{slug(score.name)}-by-{cost.id}",
            "kind": "lines",
            "title": cost.title,
            "alt": front_finding(front, len(finals), cost.phrase, cost.unit, cost.digits, score),
            "note": _note(cost, methods, score, bool(lines)),
            "x": {"label": cost.label, "unit": cost.unit, "digits": cost.digits, "log": _wide(finals)},
            "y": {
                "label": f"personal {score.name}",
                "unit": score.shown_unit,
                "digits": score.digits,
            },
            "series": lines,
            "finals": finals,
            "front": [[x, y] for _, x, y in front],
        }
    ]


def final(index: int, method: Method, cost: Cost) -> Figure | None:
    """A method's final evaluation, mean over seeds with its interval, and each seed; None before its end."""
    score, reached = method.score, method.result("test_score_personal", method.score.factor)
    spent = [cost.spent(row) for row in method.rows]
    if reached is None or None in spent:
        return None
    seeds = [
        {"x": x, "y": score.factor * row["test_score_personal"], "seed": row["seed"]}
        for x, row in zip(spent, method.rows, strict=True)
    ]
    return {
        "method": index,
        "x": sum(seed["x"] for seed in seeds) / len(seeds),
        "y": reached.mean,
        "low": reached.low,
        "high": reached.high,
        "n": reached.n,
        "seeds": seeds if len(seeds) > 1 else [],
    }


def _note(cost: Cost, methods: Sequence[Method], score: Score, lines: bool) -> str:
    """What the marks of the picture are, final evaluation and rounds told apart."""
    several = any(len(method.rows) > 1 for method in methods)
    better = f"{'more' if score.percent else 'a better'} {score.name}"
    parts = [
        f"Stars: final evaluation, {score.name} of every client's own model"
        + (", mean over seeds with its 95 % t-interval; small dots: the seeds." if several else "."),
        f"Dashed grey: the Pareto front of the stars; no method has {better} {cost.cheaper}.",
        cost.note,
    ]
    if lines:
        parts.append(
            f"Lines: round curves, mean test {score.name} after local training of the clients sampled in a"
            " round, which need not end where the final evaluation is." + bands(methods)
        )
    return " ".join(filter(None, parts))


def _wide(finals: Sequence[Figure]) -> bool:
    """Whether the methods' totals span more than a linear axis can show."""
    totals = [end["x"] for end in finals]
    return bool(totals) and min(totals) > 0 and max(totals) / min(totals) >= LOG_FROM
