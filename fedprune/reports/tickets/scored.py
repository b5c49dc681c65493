"""Pictures of studies that train or test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from fedprune.estimate import Estimate, estimate
from fedprune.reports.figures import Figure, padded, slug, span
from fedprune.reports.tickets.masks import Known, Record, rounded, thinned
from fedprune.score import Score

INTERVALS = "Diamonds: means over clients, with their 95 % t-intervals."
LINES = {
    "clients": "two clients",
    "training": "before and after training",
    "fresh": "own and fresh start (control)",
}
"""The lines between models that connectivity measures, by the words that the picture has for them."""


def retrain(known: Known, result: Record) -> list[Figure]:
    """The score of each start, and the own ticket less each of the others."""
    conditions, differences, score = result["conditions"], result["differences"], known.score
    clients, measured = result["clients"], result.get("by_client") or {}
    (own,) = conditions.keys() - differences.keys()
    best = max(differences, key=lambda name: score.sign * conditions[name]["score"])
    means = {name: score.factor * condition["score"] for name, condition in conditions.items()}
    dots = _dots(
        {name: [score.factor * value for value in measured.get(name, ())] for name in conditions},
        means,
        clients,
        controls=[name for name in conditions if not name.startswith("own")],
        score=score,
    )
    apart = {
        name: [score.factor * (a - b) for a, b in zip(measured[own], measured[name], strict=True)]
        if measured
        else []
        for name in differences
    }
    return [
        {
            **dots,
            "id": slug(score.name),
            "title": "Is it a ticket?",
            "alt": f"Trained from scratch, {own}: {_told(means[own], score)}; best of the"
            f" others: {best}, {_told(means[best], score)}.",
            "note": f"A dot a client (mean of its seeds). {INTERVALS} Grey: controls.",
            "x": {**_axis(f"{score.name} after training from scratch", score), **dots["x"]},
        },
        {
            **_differences(differences, apart, clients, score),
            "id": "differences",
            "title": "Own mask with its original weights, less the others",
            "alt": f"Own mask with its original weights, less {best}: {_apart(differences[best], score)}.",
            "note": f"Differences of the same client. {INTERVALS} {_side(score)} of zero: the own mask with"
            " its original weights is better.",
        },
    ]


def transfer(known: Known, result: Record) -> list[Figure]:
    """Whose mask serves whose data, and the own one less the others."""
    return [_matrix(known, result), _exchanged(known, result)]


def mask_swap(known: Known, result: Record) -> list[Figure]:
    """The score of the server's weights under whose mask."""
    score = known.score
    means = {name: score.factor * value for name, value in result["score"].items()}
    dots = _dots(_by_client(result, score), means, result["clients"], list(means)[1:], score)
    told = ", ".join(f"{name} {_told(value, score)}" for name, value in means.items())
    return [
        {
            **dots,
            "id": slug(score.name),
            "title": "What does a mask do on its own?",
            "alt": f"The server's weights, not trained further: {told}.",
            "note": f"A dot a client. {INTERVALS} Grey: controls.",
            "x": {**_axis(f"{score.name} under the mask", score), **dots["x"]},
        }
    ]


def connectivity(known: Known, result: Record) -> list[Figure]:
    """The error along all kinds of lines."""
    lines, score = result["lines"], known.score.error
    points = [
        place / (len(line["error"]) - 1) for line in lines.values() for place in range(len(line["error"]))
    ]
    series = []
    for name, line in lines.items():
        kind, _, way = name.partition(", ")
        count = len(line["error"])
        error = [score.factor * value for value in line["error"]]
        series.append({"name": f"{LINES.get(kind, kind)}, {way}", "x": points[:count], "y": error})
    told = "; ".join(
        f"{one['name']}: {_apart(line, score)}" for one, line in zip(series, lines.values(), strict=True)
    )
    return [
        {
            "id": "error",
            "kind": "lines",
            "title": "Does the error rise between two models?",
            "alt": f"Barriers: {told}.",
            "note": f"Mean over {len(result['clients'])} lines each; 0 and 1 are the models at their ends.",
            "x": {"label": "way from one model to the other", "unit": "", "digits": 1},
            "y": {**_axis(score.name, score), "zero": True},
            "series": series,
        }
    ]


def _matrix(known: Known, result: Record) -> Figure:
    clients, score = result["clients"], known.score
    table = score.factor * np.array(result["matrix"])
    chosen = thinned(known.arranged(clients))
    controls = {name: np.array(values) for name, values in (result.get("by_client") or {}).items()}
    values = rounded(table[np.ix_(chosen, chosen)]) + rounded(
        score.factor * np.array([measured[chosen] for measured in controls.values()])
    )
    shown = [value for row in values for value in row]
    # A range that began at the least value would make little differences look like large ones.
    guess = score.factor * known.chance if score.percent and known.chance is not None else 0.0
    low = min(guess, *shown)
    guessed = ", which guessing gives," if guess and low == guess else ""
    names = [str(clients[place]) for place in chosen]
    own, others = (
        _told(score.factor * result["score"][name], score) for name in ("own mask", "others' masks")
    )
    return {
        "id": "matrix",
        "kind": "matrix",
        "title": "Whose ticket serves whose data?",
        "alt": f"Trained from scratch under one's own mask {own}, under others' masks {others}.",
        "note": f"The {score.name} on the test data of the client below; on the diagonal: one's own mask."
        + (" Last rows: controls." if controls else "")
        + f" Colours run from {_told(low, score)}{guessed} to the largest value.",
        "x": {"label": "data of client", "names": names},
        "y": {"label": "mask of client", "names": [*names, *controls]},
        "values": values,
        "unit": score.shown_unit,
        "range": [low, max(shown)],
        "strip": None,
    }


def _exchanged(known: Known, result: Record) -> Figure:
    score = known.score
    own, *others = _by_client(result, score).items()
    apart = {name: [a - b for a, b in zip(own[1], values, strict=True)] for name, values in others if values}
    differences = result["differences"]
    told = "; ".join(f"less {name}: {_apart(found, score)}" for name, found in differences.items())
    return {
        **_differences(differences, apart, result["clients"], score),
        "id": "differences",
        "title": "Own mask, less the others",
        "alt": f"The own mask {told}.",
        "note": f"Differences of the same client. {INTERVALS} {_side(score)} of zero: the own mask is"
        " better.",
    }


def _by_client(result: Record, score: Score) -> dict[str, list[float]]:
    """The score, as shown, of each client under its own mask, others' (mean) and controls; of these maybe
    none."""
    table = score.factor * np.array(result["matrix"])
    own, stored = np.diag(table), result.get("by_client") or {}
    others = (table.sum(0) - own) / (len(table) - 1)
    controls = [name for name in result["score"] if name not in ("own mask", "others' masks")]
    return {
        "own mask": own.tolist(),
        "others' masks": others.tolist(),
        **{name: [score.factor * value for value in stored.get(name, ())] for name in controls},
    }


def _dots(
    values: Mapping[str, Sequence[float]],
    means: Mapping[str, float],
    clients: Sequence[int],
    controls: Sequence[str],
    score: Score,
) -> Figure:
    """A row a condition; without ``values`` its mean alone."""
    rows: list[Figure] = []
    for name, mean in means.items():
        found = estimate(values[name]) or Estimate(mean, None, None, 0)
        rows.append(_row(name, values[name], clients, replace(found, mean=mean), score, name in controls))
    return {"kind": "dots", "each": "client", "rows": rows, "x": span(_drawn(rows), score)}


def _differences(
    found: Mapping[str, Record],
    values: Mapping[str, Sequence[float]],
    clients: Sequence[int],
    score: Score,
) -> Figure:
    rows = []
    for name, record in found.items():
        low, high = (None if record[end] is None else score.factor * record[end] for end in ("low", "high"))
        apart = Estimate(score.factor * record["mean"], low, high, len(clients))
        rows.append(_row(f"less {name}", values.get(name, ()), clients, apart, score, False))
    axis = {"label": f"difference of {score.name}", "unit": score.difference_unit, "digits": score.digits}
    low, high = padded([*_drawn(rows), 0.0])
    return {
        "kind": "dots",
        "each": "client",
        "rows": rows,
        "x": {**axis, "min": low, "max": high},
        "marks": [{"x": 0, "label": "no difference"}],
    }


def _row(
    name: str,
    values: Sequence[float],
    clients: Sequence[int],
    found: Estimate,
    score: Score,
    control: bool,
) -> Figure:
    told = [f"mean: {found.mean:.{score.digits}f}"]
    if found.low is not None:
        ends = f"{found.low:.{score.digits}f} to {found.high:.{score.digits}f}"
        told.append(f"95 % interval {ends}, n = {len(clients)} clients")
    return {
        "name": name,
        "values": list(values),
        "clients": list(clients),
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "control": control,
        "told": told,
    }


def _drawn(rows: Sequence[Figure]) -> list[float]:
    """All that is drawn of these rows: values, means and intervals."""
    ends = [value for row in rows for value in (*row["values"], row["mean"], row["low"], row["high"])]
    return [value for value in ends if value is not None]


def _axis(label: str, score: Score) -> Figure:
    return {"label": label, "unit": score.shown_unit, "digits": score.digits}


def _told(shown: float, score: Score) -> str:
    """A score, as it is shown, in words."""
    return score.with_unit(f"{shown:.{score.digits}f}")


def _apart(found: Record, score: Score) -> str:
    """A mean difference with its interval, in words."""
    mean, low, high = (
        None if found[key] is None else f"{score.factor * found[key]:+.{score.digits}f}"
        for key in ("mean", "low", "high")
    )
    text = f"{mean} {score.difference_unit}".rstrip()
    return text if low is None else f"{text} [{low}, {high}]"


def _side(score: Score) -> str:
    """On which side of zero a difference of scores is one for the better."""
    return "Right" if score.higher_is_better else "Left"
