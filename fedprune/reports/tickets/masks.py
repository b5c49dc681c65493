"""Pictures of studies that only look at masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedprune.reports.figures import Figure
from fedprune.score import Score

Record = Mapping[str, Any]
Floats = NDArray[np.float64]

MOST_CLIENTS = 120
"""Rows of a matrix: more cannot be told apart on a screen."""
MOST_LABELS = 20
"""Most labels that are drawn beside a matrix."""
BINS = (8, 30)
"""Least and most bins of a distribution."""
SHARED = ("none", "less than 1/3", "1/3 to 2/3", "more than 2/3")
"""How much of their labels two clients share."""


@dataclass(frozen=True)
class Known:
    """What pictures are made of beside their own result: ``results`` by study, and how the run's clients'
    data and its scores are to be read."""

    results: Mapping[str, Record]
    partition: Mapping[str, Any]
    score: Score
    chance: float | None = None
    """The score of the best answer that ignores the input, if it is known."""

    @cached_property
    def order(self) -> dict[int, int]:
        """Client -> its place among the leaves of the tree by masks; empty without the study of clusters."""
        found = self.results.get("clusters")
        return {found["clients"][leaf]: place for place, leaf in enumerate(found["order"])} if found else {}

    def arranged(self, clients: Sequence[int]) -> list[int]:
        """Places of ``clients``, those alike side by side where that is known."""
        last = len(self.order)
        return sorted(range(len(clients)), key=lambda place: self.order.get(clients[place], last))

    def labels(self, clients: Sequence[int]) -> dict[str, list[int]]:
        """Label -> how many training samples each of ``clients`` has of it; none without classes, or where
        the run lists the labels of some clients only."""
        listed = self.partition["clients"]
        if self.partition["labels"] != "class" or max(clients, default=0) >= len(listed):
            return {}
        held = [listed[client]["labels"] for client in clients]
        names = sorted({name for labels in held for name in labels}, key=lambda name: (len(name), name))
        return {name: [labels.get(name, 0) for labels in held] for name in names}


def overlap(known: Known, result: Record) -> list[Figure]:
    """How far all pairs agree, by how much of their labels they share, beside chance and a common start."""
    clients, whole = result["clients"], result["layers"]["all layers"]
    groups = _by_shared_labels(known, clients, np.array(result["agreement"]))
    marks = [(0.0, "chance"), (whole["agreement_initial"], "largest initial weights"),
             (whole["agreement_server"], "largest of the server's")]  # fmt: skip
    told = ", ".join(f"{group.mean():.3f} where they share {name}" for name, group in groups.items() if name)
    how = ", by how much of their labels they share" if told else ""
    return [
        {
            "id": "agreement",
            "kind": "lines",
            "title": "How far do two clients' masks agree?",
            "alt": f"On average {whole['agreement']:.3f}, where chance gives 0"
            + (f"; by labels in common: {told}." if told else "."),
            "note": f"Distribution over pairs of clients{how}. Agreement is"
            " the correlation of two masks' bits. Dashed: chance, and agreement with masks of the largest"
            " weights where all clients begin.",
            "x": {"label": "agreement of two masks", "unit": "", "digits": 3},
            "y": {"label": "pairs", "unit": "%", "digits": 1, "zero": True},
            "series": [
                {"name": f"labels shared: {name} ({len(group):,} pairs)" if name else "all pairs", **curve}
                for (name, group), curve in zip(
                    groups.items(), _distributions(list(groups.values())), strict=True
                )
            ],
            "marks": [{"x": at, "label": name} for at, name in marks if at is not None],
        }
    ]


def _by_shared_labels(known: Known, clients: Sequence[int], agreement: Floats) -> dict[str, Floats]:
    """How much of their labels two clients share -> the agreement of all such pairs.

    Where data have no classes all pairs are together, under an empty name.
    """
    from fedprune.tickets.statistics import shared_labels

    pairs = np.triu_indices(len(clients), 1)
    found, labels = agreement[pairs], known.labels(clients)
    if not labels:
        return {"": found}
    shared = shared_labels(np.array(list(labels.values()), np.int64).T)[pairs]
    groups = np.digitize(shared, (1e-9, 1 / 3, 2 / 3 + 1e-9))
    return {SHARED[at]: found[groups == at] for at in sorted(set(groups.tolist()))}


def clusters(known: Known, result: Record) -> list[Figure]:
    """All masks against all in leaf order, with the clients' labels; and the agreement of both trees."""
    cuts = result["cuts"]
    scores = {
        "id": "rand",
        "kind": "lines",
        "title": "Do masks cluster as labels do?",
        "alt": f"The adjusted Rand index is at most {result['best']:.3f} (p = {result['p']:.2g}); with"
        f" clients shuffled, 95 % of the best cuts stay below {result['best_by_chance']:.3f}.",
        "note": "Both trees are cut into as many clusters: 1 when these are the same, 0 by chance. Dashed:"
        " below it is the best cut of 95 % of shuffles.",
        "x": {"label": "clusters", "unit": "", "digits": 0},
        "y": {"label": "adjusted Rand index", "unit": "", "digits": 3},
        "series": [
            {
                "name": "masks against labels",
                "x": [cut["clusters"] for cut in cuts],
                "y": [cut["ari"] for cut in cuts],
            }
        ],
        "marks": [{"y": result["best_by_chance"], "label": "95 % of shuffles"}],
    }
    other = known.results.get("overlap")
    drawn = [] if other is None or other["clients"] != result["clients"] else [_matrix(known, other)]
    return [*drawn, scores]


def early_bird(known: Known, result: Record) -> list[Figure]:
    """How masks become what they end as, beside another's; without a history, when they stood still."""
    rows, median = result["masks"], result["found_at_median"]
    mark = [{"x": median, "label": "median: stands still"}]
    base = {
        "kind": "lines",
        "x": {"label": "round", "unit": "", "digits": 0},
        "alt": f"Half of the clients' masks move by less than 1 % from round {median:g} on,"
        f" of {result['rounds']} rounds.",
        "marks": mark,
    }
    # Masks kept from later on say only that nothing moves any more.
    if rows and result["history_from"] <= median:
        whose = (("agreement_final", "the client's own"), ("agreement_other", "another client's (control)"))
        return [
            {
                **base,
                "id": "found",
                "title": "When is a mask found?",
                "note": "Agreement of masks on the way with final ones: 1 when they are equal, 0 by chance."
                " Mean over the masks kept in a span of rounds, drawn at its end.",
                "y": {"label": "agreement with a final mask", "unit": "", "digits": 3},
                "series": [
                    {"name": name, "x": [row["to"] for row in rows], "y": [row[key] for row in rows]}
                    for key, name in whose
                ],
            }
        ]
    found = sorted(result["found_at"])
    shares = {at: 100 * place / len(found) for place, at in enumerate(found, start=1)}
    return [
        {
            **base,
            "id": "found",
            "title": "When do masks stand still?",
            "note": "Clients whose mask never again moves by 1 % or more of all weights.",
            "y": {"label": "clients", "unit": "%", "digits": 1, "min": 0, "max": 100},
            "series": [{"name": "mask stands still", "x": list(shares), "y": list(shares.values())}],
        }
    ]


def leak(known: Known, result: Record) -> list[Figure]:
    """How well masks tell labels, layer by layer, beside the same with labels shuffled."""
    whole = result["layers"]["all layers"]
    rows = [
        {
            "name": name,
            "values": found["label_auc"],
            "clients": found["labels"],
            "mean": found["auc"],
            "band": found.get("auc_shuffled"),
            "told": [f"mean AUC: {found['auc']:.3f}", f"95 % of shuffles below {found['auc_by_chance']:.3f}"],
        }
        for name, found in result["layers"].items()
    ]
    edges = [value for row in rows for value in (*row["values"], *(row["band"] or ()), 0.5)]
    return [
        {
            "id": "auc",
            "kind": "dots",
            "title": "Do masks tell labels?",
            "alt": f"Whole masks tell labels with an AUC of {whole['auc']:.3f} (p = {whole['p']:.2g}); with"
            f" labels shuffled, 95 % stay below {whole['auc_by_chance']:.3f}.",
            "note": "A dot a label; diamond: mean over labels. Grey: where the mean falls in the middle 90 %"
            " of shuffles. Dashed: guessing.",
            "x": {
                "label": "AUC",
                "unit": "",
                "digits": 3,
                "min": min(edges) - 0.02,
                "max": max(edges) + 0.02,
            },
            "each": "label",
            "rows": rows,
            "marks": [{"x": 0.5, "label": "guessing"}],
        }
    ]


def thinned(places: Sequence[int]) -> list[int]:
    """At most MOST_CLIENTS of them, evenly spaced."""
    step = max(1, len(places) / MOST_CLIENTS)
    return [places[int(at * step)] for at in range(min(len(places), MOST_CLIENTS))]


def rounded(values: Floats) -> list[list[float]]:
    """Three significant digits are more than a shade shows."""
    return [[float(f"{value:.3g}") for value in row] for row in values.tolist()]


def _matrix(known: Known, result: Record) -> Figure:
    clients, agreement = result["clients"], np.array(result["agreement"])
    chosen = thinned(known.arranged(clients))
    off = agreement[~np.eye(len(clients), dtype=np.bool_)]
    values: list[list[float | None]] = [list(row) for row in rounded(agreement[np.ix_(chosen, chosen)])]
    for place, row in enumerate(values):
        row[place] = None
    names = [str(clients[place]) for place in chosen]
    labels = known.labels([clients[place] for place in chosen])
    fewer = "" if len(chosen) == len(clients) else f" Drawn: {len(chosen)} of {len(clients)} clients."
    strip = "" if not 0 < len(labels) <= MOST_LABELS else " Above: the labels that each client has."
    return {
        "id": "matrix",
        "kind": "matrix",
        "title": "All masks against all",
        "alt": f"Agreement of the masks of {len(clients)} clients, those alike side by side:"
        f" from {off.min():.3f} to {off.max():.3f}, on average {off.mean():.3f}.",
        "note": "Colours run from 0, which chance gives, to the largest agreement. Clients in optimal leaf"
        f" order.{strip}{fewer}",
        "x": {"label": "client", "names": names},
        "y": {"label": "client", "names": names},
        "values": values,
        "unit": "agreement",
        "range": [min(0.0, float(off.min())), float(off.max())],
        "strip": {"names": list(labels), "values": list(labels.values())} if strip else None,
    }


def _distributions(groups: Sequence[Floats]) -> list[dict[str, list[float]]]:
    """Shares of each group (%) in equal bins, drawn at their middles."""
    least = min(len(group) for group in groups)
    bins = min(max(2 * isqrt(least), BINS[0]), BINS[1])
    edges = np.histogram_bin_edges(np.concatenate(groups), bins)
    middles = [float(low + high) / 2 for low, high in pairwise(edges)]
    counts = [np.histogram(group, edges)[0] / len(group) for group in groups]
    return [{"x": middles, "y": (100 * count).tolist()} for count in counts]
