"""Who holds what: training samples by label and client, a picture for each partition.

Where samples bear no label, a row holds all samples of each client.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fedprune.reports.findings import listed
from fedprune.reports.methods import Method

LABEL = {"class": "label", "tenth": "tenth of the targets", "none": ""}
"""What a label of a partition is -> its name."""
MOST_CLIENTS = 200
"""Columns of the picture; further clients are counted in its caption alone."""


def partitions(methods: Sequence[Method]) -> list[dict[str, Any]]:
    """A grid for each distinct partition of the runs (see reports.figures)."""
    found: dict[str, dict[str, Any]] = {}
    used: dict[str, list[str]] = {}
    for method in methods:
        for run, row in zip(method.runs, method.rows, strict=True):
            manifest = run.partition
            if manifest.get("clients"):
                found.setdefault(str(manifest["hash"]), manifest)
                used.setdefault(str(manifest["hash"]), []).append(f"{method.label} (seed {row['seed']})")
    return [
        _grid(index, manifest, [] if len(found) == 1 else used[key])
        for index, (key, manifest) in enumerate(found.items())
    ]


def _grid(index: int, manifest: dict[str, Any], users: Sequence[str]) -> dict[str, Any]:
    clients, what = manifest["clients"], LABEL[manifest["labels"]]
    there = manifest["settings"]["clients"]
    held = [client["labels"] if what else {"all": client["train"]} for client in clients]
    labels = sorted({label for counts in held for label in counts}, key=_order)
    row = {label: place for place, label in enumerate(labels)}
    cells = [
        [column, row[label], count]
        for column, counts in enumerate(held[:MOST_CLIENTS])
        for label, count in counts.items()
    ]
    settings = manifest["settings"]
    name = f"{settings['dataset']} split by {settings['name']}, seed {settings['seed']}"
    more = f" The first {MOST_CLIENTS} clients are drawn." if there > MOST_CLIENTS else ""
    return {
        "id": f"partition-{index}",
        "kind": "grid",
        "title": name,
        "alt": _finding(there, clients, labels, what),
        "note": f"The stronger the colour, the more training samples{f' of the {what}' if what else ''}."
        + more
        + (f" Used by {listed(users)}." if users else ""),
        "x": {"label": "client"},
        "y": {"label": what},
        "columns": list(range(min(len(clients), MOST_CLIENTS))),
        "rows": labels,
        "cells": cells,
        "unit": "samples",
        "max": max((count for _, _, count in cells), default=1),
    }


def _finding(there: int, clients: Sequence[dict[str, Any]], labels: Sequence[str], what: str) -> str:
    """How many clients there are and share how many labels, and how many of both the listed ones have."""
    one = "a client" if there == len(clients) else f"each of the first {len(clients)}"
    samples = f"{_range([client['train'] for client in clients])} training samples"
    if not what:
        return f"{there} clients: {one} has {samples}."
    own = _range([len(client["labels"]) for client in clients])
    several = "labels" if what == "label" else f"labels (each a {what})"
    return f"{there} clients and {len(labels)} {several}: {one} has {own} labels and {samples}."


def _order(label: str) -> tuple[int, str]:
    return (int(label), "") if label.isdecimal() else (1 << 62, label)


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"
