"""Pictures of studies that train or test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedprune.report.figures import Figure
from fedprune.report.methods import Estimate, estimate
from fedprune.report.tickets.masks import Known, Record, rounded, thinned

PERCENT = {"unit": "%", "digits": 2}
INTERVALS = "Diamonds: means over clients, with their 95 % t-intervals."
LINES = {
    "clients": "two clients",
    "training": "before and after training",
    "fresh": "own and fresh start (control)",
}
"""The lines between models that connectivity measures, by the words that the picture has for them."""


def retrain(known: Known, result: Record) -> list[Figure]:
    """Accuracy of each start, and the own ticket less each of the others."""
    conditions, differences = result["conditions"], result["differences"]
    clients, measured = result["clients"], result.get("by_client") or {}
    (own,) = conditions.keys() - differences.keys()
    best = max(differences, key=lambda name: conditions[name]["accuracy"])
    found = differences[best]
    accuracy = _dots(
        {name: [100 * value for value in measured.get(name, ())] for name in conditions},
        {name: 100 * condition["accuracy"] for name, condition in conditions.items()},
        clients,
        controls=[name for name in conditions if not name.startswith("own")],
    )
    apart = {
        name: [100 * (a - b) for a, b in zip(measured[own], measured[name], strict=True)] if measured else []
        for name in differences
    }
    return [
        {
            **accuracy,
            "id": "accuracy",
            "title": "Is it a ticket?",
            "alt": f"Trained from scratch, {own}: {100 * conditions[own]['accuracy']:.2f} %; best of the"
            f" others: {best}, {100 * conditions[best]['accuracy']:.2f} %.",
            "note": f"A dot a client (mean of its seeds). {INTERVALS} Grey: controls.",
            "x": {"label": "accuracy after training from scratch", **PERCENT, **accuracy["x"]},
        },
        {
            **_differences(differences, apart, clients),
            "id": "differences",
            "title": "Own mask with its original weights, less the others",
            "alt": f"Own mask with its original weights, less {best}: {_points(found)}.",
            "note": f"Differences of the same client. {INTERVALS} Right of zero: the own mask with"
            " its original weights is better.",
        },
    ]


def transfer(known: Known, result: Record) -> list[Figure]:
    """Whose mask serves whose data, and the own one less the others."""
    return [_matrix(known, result), _exchanged(result)]


def mask_swap(known: Known, result: Record) -> list[Figure]:
    """Accuracy of the server's weights under whose mask."""
    measured = _by_client(result)
    means = {name: 100 * value for name, value in result["accuracy"].items()}
    accuracy = _dots(measured, means, result["clients"], controls=list(means)[1:])
    told = ", ".join(f"{name} {value:.2f} %" for name, value in means.items())
    return [
        {
            **accuracy,
            "id": "accuracy",
            "title": "What does a mask do on its own?",
            "alt": f"The server's weights, not trained further: {told}.",
            "note": f"A dot a client. {INTERVALS} Grey: controls.",
            "x": {"label": "accuracy under the mask", **PERCENT, **accuracy["x"]},
        }
    ]


def connectivity(known: Known, result: Record) -> list[Figure]:
    """The error along all kinds of lines."""
    lines = result["lines"]
    points = [
        place / (len(line["error"]) - 1) for line in lines.values() for place in range(len(line["error"]))
    ]
    series = []
    for name, line in lines.items():
        kind, _, way = name.partition(", ")
        count = len(line["error"])
        error = [100 * value for value in line["error"]]
        series.append({"name": f"{LINES.get(kind, kind)}, {way}", "x": points[:count], "y": error})
    told = "; ".join(
        f"{one['name']}: {_points(line)}" for one, line in zip(series, lines.values(), strict=True)
    )
    return [
        {
            "id": "error",
            "kind": "lines",
            "title": "Does the error rise between two models?",
            "alt": f"Barriers: {told}.",
            "note": f"Mean over {len(result['clients'])} lines each; 0 and 1 are the models at their ends.",
            "x": {"label": "way from one model to the other", "unit": "", "digits": 1},
            "y": {"label": "error", "unit": "%", "digits": 2, "zero": True},
            "series": series,
        }
    ]


def _matrix(known: Known, result: Record) -> Figure:
    clients, accuracy = result["clients"], 100 * np.array(result["matrix"])
    chosen = thinned(known.arranged(clients))
    controls = {name: np.array(values) for name, values in (result.get("by_client") or {}).items()}
    values = rounded(accuracy[np.ix_(chosen, chosen)]) + rounded(
        100 * np.array([measured[chosen] for measured in controls.values()])
    )
    shown = [value for row in values for value in row]
    names = [str(clients[place]) for place in chosen]
    means = {name: 100 * value for name, value in result["accuracy"].items()}
    own, others = means["own mask"], means["others' masks"]
    return {
        "id": "matrix",
        "kind": "matrix",
        "title": "Whose ticket serves whose data?",
        "alt": f"Trained from scratch under one's own mask {own:.2f} %, under others' masks {others:.2f} %.",
        "note": "Darker: more accurate on the test data of the client below. On the diagonal: one's own mask."
        + (" Last rows: controls." if controls else ""),
        "x": {"label": "data of client", "names": names},
        "y": {"label": "mask of client", "names": [*names, *controls]},
        "values": values,
        "unit": "%",
        "range": [min(shown), max(shown)],
        "strip": None,
    }


def _exchanged(result: Record) -> Figure:
    own, *others = _by_client(result).items()
    apart = {name: [a - b for a, b in zip(own[1], values, strict=True)] for name, values in others if values}
    differences = result["differences"]
    told = "; ".join(f"less {name}: {_points(found)}" for name, found in differences.items())
    return {
        **_differences(differences, apart, result["clients"]),
        "id": "differences",
        "title": "Own mask, less the others",
        "alt": f"The own mask {told}.",
        "note": f"Differences of the same client. {INTERVALS} Right of zero: the own mask is better.",
    }


def _by_client(result: Record) -> dict[str, list[float]]:
    """Accuracy (%) of each client under its own mask, others' (mean) and controls; of these maybe none."""
    table = 100 * np.array(result["matrix"])
    own, stored = np.diag(table), result.get("by_client") or {}
    others = (table.sum(0) - own) / (len(table) - 1)
    controls = [name for name in result["accuracy"] if name not in ("own mask", "others' masks")]
    return {
        "own mask": own.tolist(),
        "others' masks": others.tolist(),
        **{name: [100 * value for value in stored.get(name, ())] for name in controls},
    }


def _dots(
    values: Mapping[str, Sequence[float]],
    means: Mapping[str, float],
    clients: Sequence[int],
    controls: Sequence[str],
) -> Figure:
    """A row a condition; without ``values`` its mean alone."""
    rows: list[Figure] = []
    for name, mean in means.items():
        found = estimate(values[name]) or Estimate(mean, None, None, 0)
        rows.append(_row(name, values[name], clients, mean, found.low, found.high, name in controls))
    return _framed(rows, 100.0)


def _differences(
    found: Mapping[str, Record], values: Mapping[str, Sequence[float]], clients: Sequence[int]
) -> Figure:
    rows = []
    for name, record in found.items():
        low, high = (None if record[end] is None else 100 * record[end] for end in ("low", "high"))
        rows.append(
            _row(f"less {name}", values.get(name, ()), clients, 100 * record["mean"], low, high, False)
        )
    figure = _framed(rows, None)
    x = {"label": "difference of accuracy", "unit": "points", "digits": 2, **figure["x"]}
    return {**figure, "x": x, "marks": [{"x": 0, "label": "no difference"}]}


def _row(
    name: str,
    values: Sequence[float],
    clients: Sequence[int],
    mean: float,
    low: float | None,
    high: float | None,
    control: bool,
) -> Figure:
    sure = [] if low is None else [f"95 % interval {low:.2f} to {high:.2f}, n = {len(clients)} clients"]
    return {
        "name": name,
        "values": list(values),
        "clients": list(clients),
        "mean": mean,
        "low": low,
        "high": high,
        "control": control,
        "told": [f"mean: {mean:.2f}", *sure],
    }


def _framed(rows: Sequence[Figure], most: float | None) -> Figure:
    """``most``: where values end by nature, so that an interval beyond it is cut there."""
    ends = [value for row in rows for value in (*row["values"], row["mean"], row["low"], row["high"])]
    edges = [value for value in ends if value is not None] + ([] if most else [0.0])
    pad = (max(edges) - min(edges) or 1.0) * 0.04
    low, high = min(edges) - pad, max(edges) + pad
    x: dict[str, Any] = {
        "min": max(low, 0.0) if most else low,
        "max": min(high, most * 1.01) if most else high,
    }
    return {"kind": "dots", "each": "client", "rows": list(rows), "x": x}


def _points(found: Record) -> str:
    """A mean difference in percentage points with its interval."""
    if found["low"] is None:
        return f"{100 * found['mean']:+.2f} points"
    return f"{100 * found['mean']:+.2f} points [{100 * found['low']:+.2f}, {100 * found['high']:+.2f}]"
