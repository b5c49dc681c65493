"""What each client gains over learning alone: its score less its own score in a run where nothing travels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedprune.estimate import Estimate, estimate
from fedprune.reports.figures import Figure, padded, slug
from fedprune.reports.methods import Method, client_scores
from fedprune.runs.frames import RunData
from fedprune.score import Score

if TYPE_CHECKING:
    import polars as pl


def gains(methods: Sequence[Method], score: Score) -> list[Figure]:
    """A row for each method, a dot for each client: paired with the same client of a run that learned alone.

    Two runs are paired that have one partition, client by client; no figure without such a pair. Scores are
    those of final evaluations.
    """
    chosen = [(index, method) for index, method in enumerate(methods) if method.score == score]
    alone = _alone([method for _, method in chosen])
    rows = [row for index, method in chosen if not method.alone and (row := _row(index, method, alone))]
    if not rows:
        return []
    ends = [value for row in rows for value in (*row["values"], row["low"], row["high"]) if value is not None]
    low, high = padded([*ends, 0.0])
    unit = score.difference_unit
    return [
        {
            "id": "gains" if score.name == "accuracy" else f"gains-{slug(score.name)}",
            "kind": "dots",
            "title": "What does a client gain over learning alone?",
            "alt": _finding(methods, rows, score),
            "note": f"Final evaluation. A dot a client (and seed): its test {score.name} less that of the"
            " same client, with the same data, in the run in which nothing travels. Diamond: mean over"
            " clients, and over seeds with its 95 % t-interval where there are several.",
            "x": {
                "label": f"gain of a client in {score.name}"
                if score.higher_is_better
                else f"change of a client's {score.name} (less is better)",
                "unit": unit,
                "digits": score.digits,
                "min": low,
                "max": high,
            },
            "rows": rows,
            "marks": [{"x": 0, "label": "as alone"}],
        }
    ]


def _alone(methods: Sequence[Method]) -> dict[tuple[str, int], RunData]:
    """(partition, seed) -> the first finished run on it whose clients learn alone."""
    found: dict[tuple[str, int], RunData] = {}
    for method in methods:
        if method.alone:
            for run, row in zip(method.runs, method.rows, strict=True):
                if run.final.height and (split := run.partition.get("hash")):
                    found.setdefault((str(split), row["seed"]), run)
    return found


def _row(index: int, method: Method, alone: dict[tuple[str, int], RunData]) -> Figure | None:
    """One method's gains; None where it has no finished run with a partner."""
    paired: list[tuple[int, pl.DataFrame]] = []
    for run, row in zip(method.runs, method.rows, strict=True):
        partner = alone.get((str(run.partition.get("hash")), row["seed"]))
        if partner is not None and run.final.height:
            paired.append((row["seed"], _paired(run, partner, method.score.factor)))
    found = estimate([float(table["gain"].mean()) for _, table in paired])  # type: ignore[arg-type]
    if found is None:
        return None
    values = [value for _, table in paired for value in table["gain"]]
    better, level = sum(method.score.sign * value > 0 for value in values), values.count(0)
    many = f"{better} of {len(values)} clients are better off" + (f", {level} level" if level else "")
    return {
        "method": index,
        "values": values,
        "clients": [client for _, table in paired for client in table["client"]],
        "seeds": [seed for seed, table in paired for _ in table["client"]] if len(paired) > 1 else None,
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "many": many,
        "told": _told(found, many, method.score),
    }


def _paired(run: RunData, partner: RunData, factor: float) -> pl.DataFrame:
    import polars as pl

    both = client_scores(run).join(client_scores(partner), on="client", suffix="_alone")
    return both.select("client", gain=factor * (pl.col("score") - pl.col("score_alone"))).sort("client")


def _told(found: Estimate, many: str, score: Score) -> list[str]:
    told = [f"mean gain: {_signed(found.mean, score)}", many]
    if found.low is not None and found.high is not None:
        ends = f"{found.low:+.{score.digits}f} to {_signed(found.high, score)}"
        told.append(f"95 % interval {ends}, n = {found.n} seeds")
    return told


def _finding(methods: Sequence[Method], rows: Sequence[dict[str, Any]], score: Score) -> str:
    """Who gains most and least, and for how many clients it does."""

    def said(row: dict[str, Any]) -> str:
        return f"{methods[row['method']].label} by {_signed(row['mean'], score)} ({row['many']})"

    most, least = (pick(rows, key=lambda row: score.sign * row["mean"]) for pick in (max, min))
    text = f"Over learning alone, clients change most for the better with {said(most)}"
    return f"{text}." if most is least else f"{text}, least with {said(least)}."


def _signed(value: float, score: Score) -> str:
    return f"{value:+.{score.digits}f} {score.difference_unit}".rstrip()
