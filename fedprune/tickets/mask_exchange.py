"""What studies share that give each client's data every client's mask: a matrix of scores, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.statistics import Floats, holm, mantel, paired, shared_labels
from fedprune.tickets.study_table import StudyTable, difference, interval, lower_is_better, number
from fedprune.tickets.verdicts import beats, sentence


def matrix(clients: Sequence[int], scores: Mapping[str, float]) -> Floats:
    """The scores, named ``data/mask``, as a matrix of shape (masks, data)."""
    return np.array([[scores[f"{data}/{mask}"] for data in clients] for mask in clients])


def compared(
    run: FinishedRun,
    clients: Sequence[int],
    table: Floats,
    controls: Mapping[str, Sequence[float]],
    draws: int,
) -> Record:
    """Own masks (the diagonal of ``table``) less others' and less ``controls``, paired by client.

    ``controls``: name -> score of each client. Also whether a mask serves better the more labels its
    client shares, where data have classes.
    """
    rng = generator(run.seed, "tickets exchange")
    own, count = np.diag(table), len(clients)
    others = (table.sum(0) - own) / (count - 1)
    rivals: dict[str, Any] = {"others' masks": others, **controls}
    found = {name: paired(list(own - np.asarray(values)), rng, draws) for name, values in rivals.items()}
    corrected = holm([record["p"] for record in found.values()])
    return {
        "clients": list(clients),
        "score": {
            "own mask": float(own.mean()),
            **{name: float(np.mean(at)) for name, at in rivals.items()},
        },
        "differences": {
            name: {**record, "p_holm": p} for (name, record), p in zip(found.items(), corrected, strict=True)
        },
        "matrix": table.round(6).tolist(),
        "by_client": {name: np.round(values, 6).tolist() for name, values in controls.items()},
        **_with_labels(run, clients, table - own, rng, draws),
    }


def shown(title: str, result: Record, notes: Sequence[str], score: Score) -> list[StudyTable]:
    """The result of ``compared`` as tables: first the differences, then others' masks by shared labels."""

    def mean(name: str) -> str:
        return number(result["score"][name], score.digits, score.factor)

    lines = [["own mask", mean("own mask"), "", "", "", "", ""]]
    lines += [
        [
            name,
            mean(name),
            difference(found["mean"], score),
            interval(found["low"], found["high"], score),
            number(found["effect"], 2),
            number(found["p"], 4),
            number(found["p_holm"], 4),
        ]
        for name, found in result["differences"].items()
    ]
    header = ["under", score.title, "own less it", "95 % interval", "effect", "p", "p (Holm)"]
    told = [*notes, *lower_is_better(score, "the own mask")]
    if (labels := result["labels"]) is None:
        return [StudyTable(title, header, lines, told)]
    what = "less own" if score.higher_is_better else "own less it"
    told.append(
        f"{what} against shared labels: rho = {number(labels['rho'])}, p = {number(labels['p'], 4)} "
        "(Spearman, clients permuted)"
    )
    return [StudyTable(title, header, lines, told), _by_shared_labels(result["by_shared_labels"], score)]


def verdict(result: Record, score: Score) -> str:
    """Whether one's own mask serves better than others', and how it stands to random ones."""
    found = result["differences"]
    text = beats("own mask", found, ["others' masks"], score)
    return f"{text}; {sentence('it', 'random masks', found['random masks'], score)}"


def _by_shared_labels(rows: Sequence[Record], score: Score) -> StudyTable:
    lines = [
        [f"{row['from']:.1f}-{row['to']:.1f}", str(row["pairs"]), difference(row["less_own"], score)]
        for row in rows
    ]
    head = ", ".join(filter(None, ("less own", score.difference_unit)))
    return StudyTable("others' masks by shared labels", ["shared", "pairs", head], lines)


def _with_labels(
    run: FinishedRun, clients: Sequence[int], less_own: Floats, rng: np.random.Generator, draws: int
) -> Record:
    """Whether others' masks, whose scores ``less_own`` compares with the own one's, serve the better the more
    labels are shared."""
    if not run.has_classes:
        return {"labels": None, "by_shared_labels": []}
    rows = run.rows(list(clients))
    labels = shared_labels(run.labels)[np.ix_(rows, rows)]
    return {
        "labels": mantel(run.score.sign * less_own, labels, rng, draws),
        "by_shared_labels": _binned(less_own, labels),
    }


def _binned(less_own: Floats, labels: Floats) -> list[Record]:
    """Mean of off-diagonal entries by tenths of shared labels."""
    off = ~np.eye(len(less_own), dtype=np.bool_)
    tenth = np.minimum((labels[off] * 10 + 1e-9).astype(int), 9)
    return [
        {
            "from": at / 10,
            "to": (at + 1) / 10,
            "pairs": int((tenth == at).sum()),
            "less_own": float(less_own[off][tenth == at].mean()),
        }
        for at in range(10)
        if (tenth == at).any()
    ]
