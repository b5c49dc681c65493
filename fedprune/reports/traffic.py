"""What travelled, by direction and part: a row a method for its mean round, and a panel a method."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from fedprune.reports.figures import MOST_BINS, ROUND, Figure, mean, places, slug
from fedprune.reports.findings import PART_NAMES, parts_finding, traffic_finding
from fedprune.reports.methods import DIRECTIONS, PARTS, Method

if TYPE_CHECKING:
    import polars as pl

ARROWS = {"up": "↑ clients to server", "down": "↓ server to clients"}
"""Direction -> what a picture calls it."""


def parts(methods: Sequence[Method]) -> list[Figure]:
    """MB of each part in a mean round on a logarithmic axis, where half a percent can be read."""
    rows: list[Figure] = []
    for index, method in enumerate(methods):
        table = method.traffic()
        sent = {way: [mean(table, f"{way}_{part}") for part in PARTS] for way in DIRECTIONS}
        if any(value for way in DIRECTIONS for value in sent[way]):
            rows.append({"method": index, **sent})
    if not rows:
        return []
    values = [value for row in rows for way in DIRECTIONS for value in row[way] if value]
    return [
        {
            "id": "parts",
            "kind": "parts",
            "title": "Which part weighs what?",
            "alt": parts_finding([(methods[row["method"]].label, row["up"], row["down"]) for row in rows]),
            "note": "Mean over all rounds, on a logarithmic axis. A part that is not sent has no mark.",
            "x": {
                "label": "in a round",
                "unit": "MB",
                "digits": 6,
                "log": True,
                "min": min(values) / 1.5,
                "max": max(values) * 1.5,
            },
            "parts": [PART_NAMES[part] for part in PARTS],
            "sides": ARROWS,
            "rows": rows,
        }
    ]


def by_round(methods: Sequence[Method]) -> list[Figure]:
    """A panel a method: MB by round, what is sent up above the axis, what is sent down below it, by part."""
    tables = [method.traffic() for method in methods]
    panels: list[Figure] = []
    for index, (method, table) in enumerate(zip(methods, tables, strict=True)):
        if not table.height:
            continue
        means = {f"{way}_{part}": mean(table, f"{way}_{part}") for way in DIRECTIONS for part in PARTS}
        panels.append(
            {
                "id": f"traffic-{index}-{slug(method.label)}",
                "kind": "stack",
                "method": index,
                "title": method.label,
                "alt": traffic_finding(method.label, means),
                "note": "",
                "x": ROUND,
                "y": {"label": "in a round", "unit": "MB", "digits": 3},
                "sides": ARROWS,
                "parts": [PART_NAMES[part] for part in PARTS],
                "bins": _bins(table),
            }
        )
    top = max((sum(bar["up"]) for panel in panels for bar in panel["bins"]), default=0.0)
    low = max((sum(bar["down"]) for panel in panels for bar in panel["bins"]), default=0.0)
    for panel in panels:
        panel["y"] |= {"max": top, "min": -low}
    return panels


def _bins(table: pl.DataFrame) -> list[Figure]:
    """Rounds in at most MOST_BINS groups of neighbours: first and last round, mean MB by part each way."""
    edges = [*places(table.height, min(MOST_BINS, table.height) + 1, ends=table.height)]
    bins = []
    for start, stop in pairwise(edges):
        part = table[start:stop]
        bar = {way: [mean(part, f"{way}_{name}") for name in PARTS] for way in DIRECTIONS}
        bins.append({"first": part["round"][0], "last": part["round"][-1], **bar})
    return bins
