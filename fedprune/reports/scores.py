"""The pictures of scores: against bytes, over rounds, and client by client, one set for each kind of score.

Runs of different tasks may stand in one report; what they scored cannot share an axis.
"""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.estimate import Estimate
from fedprune.reports.figures import ROUND, Figure, bands, series, slug, span
from fedprune.reports.findings import last_finding, listed, score_finding
from fedprune.reports.methods import MEGA, Method, pareto
from fedprune.score import Score

LOG_FROM = 20
"""Axes whose largest value is so many times the smallest begin logarithmic."""


def by_bytes(methods: Sequence[Method], score: Score) -> list[Figure]:
    """The score against cumulative bytes, the final evaluations with their Pareto front, and what the target
    cost; no figure where nothing was measured."""
    import polars as pl

    chosen = _chosen(methods, score)
    lines = series(chosen, score.factor * pl.col("test_score_after"), "mb")
    finals = []
    for index, method in chosen:
        spent, reached = method.megabytes(), method.result("test_score_personal", score.factor)
        if spent and reached:
            finals.append({"method": index, "x": spent.mean, **_interval(reached)})
    if not lines and not finals:
        return []
    front = pareto([(methods[end["method"]].label, end["x"], end["y"]) for end in finals], score)
    target, costs = _target(chosen, score)
    return [
        {
            "id": f"{slug(score.name)}-by-bytes",
            "kind": "lines",
            "title": "What does each byte buy?",
            "alt": score_finding(front, methods, costs, target, score),
            "note": f"Lines: mean test {score.name} after local training of the clients sampled in a round,"
            " against all bytes handed to the transport so far, both directions."
            + bands(methods)
            + " Stars: every client's own model in the final evaluation. Dashed grey: Pareto front of the"
            f" stars; no method has {_better(score)} for fewer bytes."
            + (f" Diamonds: where a run first reached {_said(target, score)}." if costs else ""),
            "x": {"label": "traffic so far, up and down", "unit": "MB", "digits": 2, "log": _wide(finals)},
            "y": _axis(f"personal {score.name}", score),
            "series": lines,
            "finals": finals,
            "front": [[x, y] for _, x, y in front],
            "target": target,
            "reached": costs,
        }
    ]


def by_round(methods: Sequence[Method], score: Score) -> list[Figure]:
    """The score by round; no figure where nothing was measured."""
    import polars as pl

    what = f"personal {score.name}"
    chosen = _chosen(methods, score)
    figure = {
        "id": f"{slug(score.name)}-by-round",
        "kind": "lines",
        "title": f"{score.name[:1].upper()}{score.name[1:]} over rounds",
        "alt": last_finding(
            [method for _, method in chosen], "test_score_personal", score.factor, what, score.shown_unit
        ),
        "note": f"Mean test {score.name} after local training of the clients sampled in a round."
        + bands(methods),
        "x": ROUND,
        "y": _axis(what, score),
        "series": series(chosen, score.factor * pl.col("test_score_after"), "round"),
    }
    return [figure] if figure["series"] else []


def distribution(methods: Sequence[Method], score: Score) -> list[Figure]:
    """Every client's score, a row a method, with its mean, median and the mean of its worst tenth."""
    rows = [row for index, method in _chosen(methods, score) for row in _row(index, method)]
    if not rows:
        return []
    late = [methods[row["method"]].label for row in rows if not methods[row["method"]].evaluated]
    whose = "" if len(late) == len(rows) else f" ({listed(late)})"
    when = " In its last evaluated round where a run has no final evaluation by client" if late else ""
    return [
        {
            "id": "clients" if score.name == "accuracy" else f"clients-{slug(score.name)}",
            "kind": "dots",
            "title": "How are clients served?",
            "alt": _spread_finding(methods, rows, score),
            "note": f"A dot a client (and seed): test {score.name} of the model it would use, in the final"
            " evaluation. Diamond: mean; bar: median; triangle: mean of the worst 10 %."
            + (f"{when}{whose}." if late else ""),
            "x": {**_axis(f"{score.name} of a client", score), **_ends(rows, score)},
            "rows": rows,
        }
    ]


def _row(index: int, method: Method) -> list[Figure]:
    """The clients of one method; nothing where none was measured."""
    from fedprune.runs.metrics import summarise

    score, table = method.score, method.clients()
    values = [score.factor * value for value in table["score"]]
    if not values:
        return []
    worst = method.result("test_score_personal_worst10", score.factor) if method.evaluated else None
    pooled = summarise(values, score)
    return [
        {
            "method": index,
            "values": values,
            "clients": table["client"].to_list(),
            "seeds": table["seed"].to_list() if len(method.runs) > 1 else None,
            "mean": pooled["mean"],
            "median": float(table["score"].median()) * score.factor,  # type: ignore[arg-type]
            "worst": worst.mean if worst else pooled["worst10"],
        }
    ]


def _ends(rows: Sequence[Figure], score: Score) -> dict[str, float]:
    """Where the axis of clients ends; percentages end at 100, as the page knows."""
    return (
        {} if score.percent else span([end for row in rows for end in (*row["values"], row["worst"])], score)
    )


def _spread_finding(methods: Sequence[Method], rows: Sequence[Figure], score: Score) -> str:
    """Which methods serve the worst tenth of clients best and least."""
    best, least = (pick(rows, key=lambda row: score.sign * row["worst"]) for pick in (max, min))
    text = f"The worst tenth of clients reaches {_brief(best['worst'], score)} with"
    text += f" {methods[best['method']].label}"
    if best is least:
        return f"{text}."
    return f"{text} and {_brief(least['worst'], score)} with {methods[least['method']].label}."


def _chosen(methods: Sequence[Method], score: Score) -> list[tuple[int, Method]]:
    """The methods of this score, with their indices among all."""
    return [(index, method) for index, method in enumerate(methods) if method.score == score]


def _target(methods: Sequence[tuple[int, Method]], score: Score) -> tuple[float | None, list[Figure]]:
    """The target that all runs share, as it is shown, and what it cost those that reached it."""
    goals = [run.summary.get("target_score") for _, method in methods for run in method.runs]
    asked = {float(goal) for goal in goals if goal is not None}
    if len(asked) != 1:
        return None, []
    costs = [
        {"method": index, "x": cost.mean, "n": cost.n}
        for index, method in methods
        if (cost := method.result("bytes_to_target", 1 / MEGA))
    ]
    return score.factor * asked.pop(), costs


def _axis(label: str, score: Score) -> Figure:
    return {"label": label, "unit": score.shown_unit, "digits": score.digits}


def _better(score: Score) -> str:
    """What a better method has."""
    return f"{'more' if score.percent else 'a better'} {score.name}"


def _said(target: float | None, score: Score) -> str:
    """The target in words, as exactly as it was asked for."""
    return score.with_unit(f"the target of {target:g}")


def _brief(value: float, score: Score) -> str:
    """A shown value with a decimal less than in tables."""
    return score.with_unit(f"{value:.{score.digits - 1}f}")


def _interval(value: Estimate) -> Figure:
    return {"y": value.mean, "low": value.low, "high": value.high, "n": value.n}


def _wide(finals: Sequence[Figure]) -> bool:
    """Whether the methods' totals span more than a linear axis can show."""
    totals = [end["x"] for end in finals]
    return bool(totals) and min(totals) > 0 and max(totals) / min(totals) >= LOG_FROM
