"""The pictures of a report as plain data: all numbers are computed here, ``draw.js`` and ``svg.py`` draw.

A figure is a dict with ``id``, ``title``, ``alt`` (the finding in words, also shown as its caption),
``note`` (what was measured), ``kind`` (a key of ``svg.KINDS``) and what its kind draws; ``method`` is the
index of a method where the figure shows just one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fedprune.reports.findings import ends_finding
from fedprune.reports.methods import MEGA, Method
from fedprune.score import Score

if TYPE_CHECKING:
    import polars as pl

Figure = dict[str, Any]

MOST_POINTS = 300
"""Points of a line: more cannot be told apart on a screen."""
MOST_BINS = 60
"""Bars of a stack, of which each is the mean over its rounds; columns of a grid of rounds."""
MOST_LINES = 8
"""Layers drawn as lines; of more, a grid."""
BAND_FROM = 3
"""Seeds from which on a line gets a band: two seeds' interval, 12.7 standard errors, would hide all else."""
ROUND = {"label": "round", "unit": "", "digits": 0}
"""The axis of rounds."""


def span(values: Sequence[float], score: Score) -> dict[str, float]:
    """The ends of an axis that holds all of these scores, as shown, cut where scores end by nature."""
    low, high = padded(values)
    if score.percent or not score.higher_is_better:
        low = max(low, 0.0)
    return {"min": low, "max": min(high, score.factor * 1.01) if score.percent else high}


def padded(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest value, with some room beyond."""
    low, high = min(values), max(values)
    pad = (high - low or 1.0) * 0.04
    return low - pad, high + pad


def slug(text: str) -> str:
    """``text`` as part of a file name or id: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x"


def curve(
    id: str, title: str, note: str, y: Figure, methods: Sequence[tuple[int, Method]], what: pl.Expr
) -> list[Figure]:
    """``what`` by round, a line for each (index, method) that measured it; no figure where none did."""
    found = series(methods, what, "round")
    labels = dict(methods)
    figure = {
        "id": id,
        "kind": "lines",
        "title": title,
        "alt": ends_finding([(labels[line["method"]].label, line["y"][-1]) for line in found], y),
        "note": note + bands([method for _, method in methods]),
        "x": ROUND,
        "y": y,
        "series": found,
    }
    return [figure] if found else []


def work(methods: Sequence[Method]) -> list[Figure]:
    """Multiply-adds by round; no figure where no run has any."""
    import polars as pl

    return curve(
        "multiply-adds",
        "Multiply-adds of a forward pass",
        "Round curve: one sample through the physically shrunk model, mean over a round's clients.",
        {"label": "multiply-adds", "unit": "M", "digits": 3, "zero": True},
        list(enumerate(methods)),
        pl.col("multiply_adds") / MEGA,
    )


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
            "x": ROUND,
        }
        draw = _density_lines if len(names) <= MOST_LINES else _density_grid
        panels.append(figure | draw(names, layers))
    return panels


def bands(methods: Sequence[Method]) -> str:
    """What a note says of the bands around lines, where a method has seeds enough for them."""
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
    shown = [rounds[place] for place in places(len(rounds), MOST_BINS)]
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


def series(methods: Sequence[tuple[int, Method]], y: pl.Expr, x: str) -> list[Figure]:
    """A line for each (index, method); those that never measured it, or ``x``, have none."""
    curves = [(index, _thinned(method.curve(y).drop_nulls(x), MOST_POINTS)) for index, method in methods]
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


def _thinned(table: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most ``most`` rows, evenly spaced, the last one among them."""
    return table if table.height <= most else table[places(table.height, most)]


def places(count: int, most: int, ends: int | None = None) -> list[int]:
    """``most`` evenly spaced places from 0 to ``ends`` (the last of ``count``), all when there are fewer."""
    last = count - 1 if ends is None else ends
    steps = min(most, last + 1)
    return [0] if steps < 2 else [round(step * last / (steps - 1)) for step in range(steps)]


def _float(value: Any) -> float:
    return 0.0 if value is None else float(value)


def mean(table: pl.DataFrame, name: str) -> float:
    """The mean of a column; 0 of one without values."""
    return _float(table[name].mean())
