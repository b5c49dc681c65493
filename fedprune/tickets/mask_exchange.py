"""What studies share that give each client's data every client's mask: a matrix of accuracies, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.statistics import Floats, holm, mantel, paired, shared_labels
from fedprune.tickets.study_table import StudyTable, interval, number, points


def matrix(clients: Sequence[int], accuracy: Mapping[str, float]) -> Floats:
    """The accuracies, named ``data/mask``, as a matrix of shape (masks, data)."""
    return np.array([[accuracy[f"{data}/{mask}"] for data in clients] for mask in clients])


def compared(
    run: FinishedRun,
    clients: Sequence[int],
    table: Floats,
    controls: Mapping[str, Sequence[float]],
    draws: int,
) -> Record:
    """Own masks (the diagonal of ``table``) less others' and less ``controls``, paired by client.

    ``controls``: name -> accuracy of each client. Also whether a mask serves better the more labels its
    client shares.
    """
    rng = generator(run.seed, "tickets exchange")
    own, count = np.diag(table), len(clients)
    others = (table.sum(0) - own) / (count - 1)
    rivals: dict[str, Any] = {"others' masks": others, **controls}
    found = {name: paired(list(own - np.asarray(values)), rng, draws) for name, values in rivals.items()}
    corrected = holm([record["p"] for record in found.values()])
    labels = shared_labels(run.labels)[np.ix_(run.rows(list(clients)), run.rows(list(clients)))]
    worse = table - own
    return {
        "clients": list(clients),
        "accuracy": {
            "own mask": float(own.mean()),
            **{name: float(np.mean(at)) for name, at in rivals.items()},
        },
        "differences": {
            name: {**record, "p_holm": p} for (name, record), p in zip(found.items(), corrected, strict=True)
        },
        "matrix": table.round(6).tolist(),
        "by_client": {name: np.round(values, 6).tolist() for name, values in controls.items()},
        "labels": mantel(worse, labels, rng, draws),
        "by_shared_labels": _binned(worse, labels),
    }


def shown(title: str, result: Record, notes: Sequence[str]) -> list[StudyTable]:
    """The result of ``compared`` as tables: first the differences, then others' masks by shared labels."""
    lines = [["own mask", number(result["accuracy"]["own mask"], 2, 100), "", "", "", "", ""]]
    lines += [
        [
            name,
            number(result["accuracy"][name], 2, 100),
            points(found["mean"]),
            interval(found["low"], found["high"]),
            number(found["effect"], 2),
            number(found["p"], 4),
            number(found["p_holm"], 4),
        ]
        for name, found in result["differences"].items()
    ]
    header = ["under", "accuracy %", "own less it", "95 % interval", "effect", "p", "p (Holm)"]
    labels = result["labels"]
    told = [
        f"less own against shared labels: rho = {number(labels['rho'])}, p = {number(labels['p'], 4)} "
        "(Spearman, clients permuted)"
    ]
    bins = [
        [f"{row['from']:.1f}-{row['to']:.1f}", str(row["pairs"]), points(row["less_own"])]
        for row in result["by_shared_labels"]
    ]
    return [
        StudyTable(title, header, lines, [*notes, *told]),
        StudyTable("others' masks by shared labels", ["shared", "pairs", "less own, points"], bins),
    ]


def _binned(worse: Floats, labels: Floats) -> list[Record]:
    """Mean of off-diagonal entries by tenths of shared labels."""
    off = ~np.eye(len(worse), dtype=np.bool_)
    tenth = np.minimum((labels[off] * 10 + 1e-9).astype(int), 9)
    return [
        {
            "from": at / 10,
            "to": (at + 1) / 10,
            "pairs": int((tenth == at).sum()),
            "less_own": float(worse[off][tenth == at].mean()),
        }
        for at in range(10)
        if (tenth == at).any()
    ]
