"""The pictures of a report as plain data: all numbers are computed here, ``draw.js`` and ``svg.py`` draw.

A figure is a dict with ``id``, ``title``, ``alt`` (the finding in words, also shown as its caption),
``note`` (what was measured), ``kind`` (a key of ``svg.KINDS``) and what its kind draws; ``method`` is the
index of a method where the figure shows just one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fedprune.report.findings import PART_NAMES, accuracy_finding, last_finding, listed, traffic_finding
from fedprune.report.methods import DIRECTIONS, MEGA, PARTS, Method, pareto

if TYPE_CHECKING:
    import polars as pl

Figure = dict[str, Any]

MOST_POINTS = 300
"""Points of a line: more cannot be told apart on a screen."""
MOST_BINS = 60
"""Bars of a stack; a bar is the mean over its rounds."""
MOST_LINES = 8
"""Layers drawn as lines; of more, a grid."""
BAND_FROM = 3
"""Seeds from which on a line gets a band: two seeds' interval, 12.7 standard errors, would hide all else."""
LOG_FROM = 20
"""Axes whose largest value is so many times the smallest begin logarithmic."""


def slug(text: str) -> str:
    """``text`` as part of a file name or id: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x"


def accuracy_by_bytes(methods: Sequence[Method]) -> Figure:
    """Accuracy against cumulative bytes, the final evaluations with their Pareto front, and what the target
    cost."""
    import polars as pl

    series = _series(methods, 100 * pl.col("test_accuracy_after"), "mb")
    finals = []
    for index, method in enumerate(methods):
        spent, accuracy = method.megabytes(), method.result("test_accuracy_personal", 100)
        if spent and accuracy:
            finals.append({"method": index, "x": spent.mean, **_interval(accuracy)})
    front = pareto((methods[end["method"]].label, end["x"], end["y"]) for end in finals)
    targets = {row["target_accuracy"] for method in methods for row in _summaries(method)} - {None}
    reached = [
        {"method": index, "x": cost.mean, "n": cost.n}
        for index, method in enumerate(methods)
        if len(targets) == 1 and (cost := method.result("bytes_to_target", 1 / MEGA))
    ]
    target = 100 * targets.pop() if len(targets) == 1 else None
    return {
        "id": "accuracy-by-bytes",
        "kind": "lines",
        "title": "What does each byte buy?",
        "alt": accuracy_finding(front, methods, reached, target),
        "note": "Lines: mean test accuracy after local training of the clients sampled in a round, against"
        " all bytes handed to the transport so far, both directions."
        + _bands(methods)
        + " Stars: every client's own model in the final"
        " evaluation. Dashed grey: Pareto front of the stars; no method has more accuracy for fewer bytes."
        + (f" Diamonds: where a run first reached the target of {target:g} %." if reached else ""),
        "x": {"label": "traffic so far, up and down", "unit": "MB", "digits": 2, "log": _wide(finals)},
        "y": {"label": "personal accuracy", "unit": "%", "digits": 2},
        "series": series,
        "finals": finals,
        "front": [[x, y] for _, x, y in front],
        "target": target,
        "reached": reached,
    }


def over_rounds(methods: Sequence[Method]) -> list[Figure]:
    """Accuracy and multiply-adds by round."""
    import polars as pl

    accuracy = {
        "id": "accuracy-by-round",
        "title": "Accuracy over rounds",
        "alt": last_finding(methods, "test_accuracy_personal", 100, "personal accuracy", "%"),
        "note": "Mean test accuracy after local training of the clients sampled in a round."
        + _bands(methods),
        "y": {"label": "personal accuracy", "unit": "%", "digits": 2},
        "series": _series(methods, 100 * pl.col("test_accuracy_after"), "round"),
    }
    work = {
        "id": "multiply-adds",
        "title": "Multiply-adds of a forward pass",
        "alt": last_finding(methods, "multiply_adds", 1 / MEGA, "multiply-adds", "M"),
        "note": "One sample through the physically shrunk model, mean over a round's clients."
        + _bands(methods),
        "y": {"label": "multiply-adds", "unit": "M", "digits": 3, "zero": True},
        "series": _series(methods, pl.col("multiply_adds") / MEGA, "round"),
    }
    x = {"label": "round", "unit": "", "digits": 0}
    return [{"kind": "lines", "x": x, **figure} for figure in (accuracy, work) if figure["series"]]


def traffic(methods: Sequence[Method]) -> list[Figure]:
    """A panel a method: MB by round, sent down below the axis, sent up above it, stacked by part."""
    tables = [method.traffic() for method in methods]
    panels: list[Figure] = []
    for index, (method, table) in enumerate(zip(methods, tables, strict=True)):
        if not table.height:
            continue
        means = {f"{way}_{part}": _mean(table, f"{way}_{part}") for way in DIRECTIONS for part in PARTS}
        panels.append(
            {
                "id": f"traffic-{index}-{slug(method.label)}",
                "kind": "stack",
                "method": index,
                "title": method.label,
                "alt": traffic_finding(method.label, means),
                "note": "",
                "x": {"label": "round", "unit": "", "digits": 0},
                "y": {"label": "down | up", "unit": "MB", "digits": 3},
                "parts": [PART_NAMES[part] for part in PARTS],
                "bins": _bins(table),
            }
        )
    top = max((sum(bar["up"]) for panel in panels for bar in panel["bins"]), default=0.0)
    low = max((sum(bar["down"]) for panel in panels for bar in panel["bins"]), default=0.0)
    for panel in panels:
        panel["y"] |= {"max": top, "min": -low}
    return panels


def distribution(methods: Sequence[Method]) -> Figure | None:
    """Every client's accuracy, a row a method, with its mean, median and the mean of its worst tenth."""
    from fedprune.runs.metrics import summarise

    rows: list[Figure] = []
    for index, method in enumerate(methods):
        table = method.clients()
        values = [100 * value for value in table["accuracy"]]
        if values:
            worst = method.result("test_accuracy_personal_worst10", 100) if method.evaluated else None
            pooled = summarise(values)
            rows.append(
                {
                    "method": index,
                    "values": values,
                    "clients": table["client"].to_list(),
                    "seeds": table["seed"].to_list() if len(method.runs) > 1 else None,
                    "mean": pooled["mean"],
                    "median": _float(table["accuracy"].median()) * 100,
                    "worst": worst.mean if worst else pooled["worst10"],
                }
            )
    if not rows:
        return None
    best, least = (pick(rows, key=lambda row: row["worst"]) for pick in (max, min))
    late = [methods[row["method"]].label for row in rows if not methods[row["method"]].evaluated]
    whose = "" if len(late) == len(rows) else f" ({listed(late)})"
    when = " In its last evaluated round where a run has no final evaluation by client" if late else ""
    return {
        "id": "clients",
        "kind": "dots",
        "title": "How are clients served?",
        "alt": "The worst tenth of clients reaches"
        f" {best['worst']:.1f} % with {methods[best['method']].label}"
        + (
            f" and {least['worst']:.1f} % with {methods[least['method']].label}."
            if best is not least
            else "."
        ),
        "note": "A dot a client (and seed): test accuracy of the model it would use, in the final evaluation."
        " Diamond: mean; bar: median; triangle: mean of the worst 10 %."
        + (f"{when}{whose}." if late else ""),
        "x": {"label": "accuracy of a client", "unit": "%", "digits": 2},
        "rows": rows,
    }


def densities(methods: Sequence[Method]) -> list[Figure]:
    """A panel for each method that ever prunes: each layer's density by round, as lines or a grid."""
    panels = []
    for index, method in enumerate(methods):
        table = method.layers()
        if not table.height or _float(table["density"].min()) >= 1:
            continue
        names = table["layer"].unique(maintain_order=True).to_list()
        layers = [_thinned(table.filter(layer=name).sort("round"), MOST_POINTS) for name in names]
        last = sorted((layer["density"][-1] * 100, name) for layer, name in zip(layers, names, strict=True))
        figure = {
            "id": f"density-{index}-{slug(method.label)}",
            "method": index,
            "title": method.label,
            "alt": f"{method.label}: in the last round {last[0][1]} is the sparsest layer"
            f" ({last[0][0]:.1f} % kept), {last[-1][1]} the densest ({last[-1][0]:.1f} %).",
            "note": "",
            "x": {"label": "round", "unit": "", "digits": 0},
        }
        draw = _density_lines if len(names) <= MOST_LINES else _density_grid
        panels.append(figure | draw(names, layers))
    return panels


def _bands(methods: Sequence[Method]) -> str:
    seeds = max(len(method.runs) for method in methods)
    return "" if seeds < BAND_FROM else " Bands: 95 % t-interval over seeds, where there are three or more."


def _density_lines(names: Sequence[str], layers: Sequence[pl.DataFrame]) -> Figure:
    series = [
        {"name": name, "x": layer["round"].to_list(), "y": (100 * layer["density"]).to_list()}
        for name, layer in zip(names, layers, strict=True)
    ]
    y = {"label": "density", "unit": "%", "digits": 1, "min": 0, "max": 100}
    return {"kind": "lines", "y": y, "series": series}


def _density_grid(names: Sequence[str], layers: Sequence[pl.DataFrame]) -> Figure:
    rounds = sorted({round for layer in layers for round in layer["round"]})
    shown = [rounds[place] for place in _places(len(rounds), MOST_BINS)]
    column = {round: place for place, round in enumerate(shown)}
    cells = [
        [column[round], row, 100 * density]
        for row, layer in enumerate(layers)
        for round, density in zip(layer["round"], layer["density"], strict=True)
        if round in column
    ]
    return {
        "kind": "grid",
        "columns": shown,
        "rows": list(names),
        "cells": cells,
        "unit": "% kept",
        "max": 100,
    }


def _series(methods: Sequence[Method], y: pl.Expr, x: str) -> list[Figure]:
    """A line a method; those that never measured it have none."""
    curves = [(index, _thinned(method.curve(y), MOST_POINTS)) for index, method in enumerate(methods)]
    return [
        {
            "method": index,
            "x": curve[x].to_list(),
            "y": curve["mean"].to_list(),
            "round": curve["round"].to_list(),
            "n": curve["n"].to_list(),
            "low": curve["low"].to_list() if curve["low"].count() else None,
            "high": curve["high"].to_list() if curve["low"].count() else None,
        }
        for index, curve in curves
        if curve.height
    ]


def _bins(table: pl.DataFrame) -> list[Figure]:
    """Rounds in at most MOST_BINS groups of neighbours: first and last round, mean MB by part each way."""
    edges = [*_places(table.height, min(MOST_BINS, table.height) + 1, ends=table.height)]
    bins = []
    for start, stop in pairwise(edges):
        part = table[start:stop]
        bar = {way: [_mean(part, f"{way}_{name}") for name in PARTS] for way in DIRECTIONS}
        bins.append({"first": part["round"][0], "last": part["round"][-1], **bar})
    return bins


def _thinned(table: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most ``most`` rows, evenly spaced, the last one among them."""
    return table if table.height <= most else table[_places(table.height, most)]


def _places(count: int, most: int, ends: int | None = None) -> list[int]:
    """``most`` evenly spaced places from 0 to ``ends`` (the last of ``count``), all when there are fewer."""
    last = count - 1 if ends is None else ends
    steps = min(most, last + 1)
    return [0] if steps < 2 else [round(step * last / (steps - 1)) for step in range(steps)]


def _interval(value: Any) -> Figure:
    return {"y": value.mean, "low": value.low, "high": value.high, "n": value.n}


def _summaries(method: Method) -> Iterable[dict[str, Any]]:
    return [{"target_accuracy": run.summary.get("target_accuracy")} for run in method.runs]


def _wide(finals: Sequence[Figure]) -> bool:
    """Whether the methods' totals span more than a linear axis can show."""
    totals = [end["x"] for end in finals]
    return bool(totals) and min(totals) > 0 and max(totals) / min(totals) >= LOG_FROM


def _float(value: Any) -> float:
    return 0.0 if value is None else float(value)


def _mean(table: pl.DataFrame, name: str) -> float:
    return _float(table[name].mean())
