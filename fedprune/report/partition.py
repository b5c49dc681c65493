"""Who holds what: training samples by label and client, a picture for each partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fedprune.report.findings import listed
from fedprune.report.methods import Method

MOST_CLIENTS = 200
"""Columns of the picture; further clients are counted in its caption alone."""


def partitions(methods: Sequence[Method]) -> list[dict[str, Any]]:
    """A grid for each distinct partition of the runs (see report.figures)."""
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
    clients = manifest["clients"]
    labels = sorted({label for client in clients for label in client["labels"]}, key=_order)
    row = {label: place for place, label in enumerate(labels)}
    cells = [
        [column, row[label], count]
        for column, client in enumerate(clients[:MOST_CLIENTS])
        for label, count in client["labels"].items()
    ]
    settings = manifest["settings"]
    name = f"{settings['dataset']} split by {settings['name']}, seed {settings['seed']}"
    more = f" The first {MOST_CLIENTS} clients are drawn." if len(clients) > MOST_CLIENTS else ""
    return {
        "id": f"partition-{index}",
        "kind": "grid",
        "title": name,
        "alt": f"{len(clients)} clients and {len(labels)} labels: a client has "
        f"{_range([len(client['labels']) for client in clients])} labels and "
        f"{_range([client['train'] for client in clients])} training samples.",
        "note": "Darker: more training samples of the label."
        + more
        + (f" Used by {listed(users)}." if users else ""),
        "x": {"label": "client"},
        "y": {"label": "label"},
        "columns": list(range(min(len(clients), MOST_CLIENTS))),
        "rows": labels,
        "cells": cells,
        "unit": "samples",
        "max": max((count for _, _, count in cells), default=1),
    }


def _order(label: str) -> tuple[int, str]:
    return (int(label), "") if label.isdecimal() else (1 << 62, label)


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"
