"""The pictures of scores: against bytes, over rounds, and client by client, one set for each kind of score.

Runs of different tasks may stand in one report; what they scored cannot share an axis.
"""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.reports.costs import BYTES, DENSITY, LATENCY, MULTIPLY_ADDS, SECONDS, SIMULATED, against
from fedprune.reports.figures import Figure, curve, slug, span
from fedprune.reports.findings import listed, target_finding
from fedprune.reports.methods import MEGA, Method
from fedprune.score import Score


def by_cost(methods: Sequence[Method], score: Score) -> list[Figure]:
    """The score against all that it costs, bytes first and across the page."""
    first = [{**figure, "wide": True} for figure in by_bytes(methods, score)]
    others = (against(cost, methods, score) for cost in (MULTIPLY_ADDS, DENSITY, LATENCY, SIMULATED, SECONDS))
    return [*first, *(figure for found in others for figure in found)]


def by_bytes(methods: Sequence[Method], score: Score) -> list[Figure]:
    """The score against cumulative bytes, with what the target cost; no figure where nothing was measured."""
    figures = against(BYTES, methods, score)
    target, costs = _target(_chosen(methods, score), score)
    for figure in figures:
        figure["target"], figure["reached"] = target, costs
        if target is not None:
            figure["alt"] += target_finding(methods, costs, target, score)
        if costs:
            figure["note"] += f" Diamonds: where a run first reached {_said(target, score)}."
    return figures


def by_round(methods: Sequence[Method], score: Score) -> list[Figure]:
    """Scores and loss by round, each where it was measured."""
    import polars as pl

    personal, whole = pl.col("test_score_after"), pl.col("test_score_global")
    name = f"{score.name[:1].upper()}{score.name[1:]}"
    return [
        *curve(
            f"{slug(score.name)}-by-round",
            f"{name} over rounds",
            f"Round curve: mean test {score.name} after local training of the clients sampled in a round. The"
            " final evaluation, whoever was sampled, is in the table.",
            _axis(f"personal {score.name}", score),
            _chosen(methods, score),
            score.factor * personal,
        ),
        *curve(
            f"global-{slug(score.name)}-by-round",
            f"{name} of the global model",
            f"Round curve: {score.name} of the server's weights, unmasked and not trained further, on the"
            " whole test set. Methods in which no weights travel have none.",
            _axis(f"global {score.name}", score),
            _chosen(methods, score),
            score.factor * whole,
        ),
        *curve(
            f"{slug(score.name)}-training-loss",
            "Training loss",
            "Round curve: the task's loss in the last local epoch, before each step, mean over the clients"
            " sampled in a round.",
            {"label": "training loss", "unit": "", "digits": 4, "zero": True},
            _chosen(methods, score),
            pl.col("train_loss"),
        ),
    ]


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


def _said(target: float | None, score: Score) -> str:
    """The target in words, as exactly as it was asked for."""
    return score.with_unit(f"the target of {target:g}")


def _brief(value: float, score: Score) -> str:
    """A shown value with a decimal less than in tables."""
    return score.with_unit(f"{value:.{score.digits - 1}f}")
