"""Whether a mask tells which labels its client has: a nearest-centroid probe, cross-validated over clients.

The probe knows the labels of some clients and guesses those of others from their masks, as a server could
that knows a few clients. A client counts as having a label when its share of it is above an even one.
Centroids (of clients with and without the label) are compared by distances whose noise from the centroids'
own sizes is taken out, so that a rare label does not lose by being rare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun, NothingToStudyError, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.statistics import Floats, p_value
from fedprune.tickets.study_table import StudyTable, number
from fedprune.tickets.verdicts import told
from fedprune.types import Bools

ALL = "all layers"
FOLDS = 5
PERMUTATIONS = 999
"""At most: all labels, layers and folds take part in each."""


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    return [*run.layers, ALL]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    chosen = list(run.layers.values()) if unit == ALL else [run.layers[unit]]
    rng = generator(run.seed, f"tickets leak {unit}")
    has, names = targets(run.labels)
    folds = generator(run.seed, "tickets leak folds").permutation(len(has)) % FOLDS
    return {"labels": names, **probe(chosen, has, folds, rng, min(plan.permutations, PERMUTATIONS))}


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    return {"clients": len(run.clients), "layers": dict(measured)}


def tables(result: Record, score: Score) -> list[StudyTable]:
    lines = [
        [
            name,
            number(found["auc"]),
            number(found["auc_by_chance"]),
            number(found["balanced_accuracy"]),
            number(found["p"], 4),
            f"{sum(p < 0.05 for p in found['label_p'])} of {len(found['labels'])}",
        ]
        for name, found in result["layers"].items()
    ]
    header = ["mask of", "AUC", "95 % of shuffles below", "balanced accuracy", "p", "labels told at 5 %"]
    notes = [
        f"means over labels, {FOLDS} folds of {result['clients']} clients; chance is 0.5 for both measures"
    ]
    notes += ["p: the same with labels shuffled among clients; labels told: p corrected for their number"]
    return [StudyTable("do masks leak labels?", header, lines, notes)]


def verdict(result: Record, score: Score) -> str:
    """Whether masks tell labels better than shuffled ones do."""
    found = result["layers"][ALL]
    auc, chance = number(found["auc"]), number(found["auc_by_chance"])
    return told(found["p"], f"masks tell labels with an AUC of {auc}, 95 % of shuffles stay below {chance}")


def targets(labels: NDArray[np.int64]) -> tuple[Bools, list[int]]:
    """Who has which label, bools (clients, labels), for labels that enough clients have and have not.

    Raises NothingToStudyError when there is no such label.
    """
    has = labels / labels.sum(1, keepdims=True) > 1 / labels.shape[1]
    told = [label for label, column in enumerate(has.T) if FOLDS <= column.sum() <= len(has) - FOLDS]
    if not told:
        raise NothingToStudyError(f"no label that at least {FOLDS} clients have and {FOLDS} have not")
    return has[:, told], told


def probe(
    layers: Sequence[Bools], has: Bools, folds: NDArray[Any], rng: np.random.Generator, permutations: int
) -> dict[str, Any]:
    """How well masks, bools (clients, entries) by layer, tell ``has``, bools (clients, labels).

    Rows of ``has`` are shuffled as wholes, so labels that go together still do. ``label_p`` compares each
    label with the best label of each shuffle, which corrects for their number.
    """
    gram = sum((centred := layer - layer.mean(0, dtype=np.float32)) @ centred.T for layer in layers)
    gram = np.asarray(gram, np.float64)
    auc, accuracy = _scored(gram, has, folds)
    drawn = np.stack([_scored(gram, has[rng.permutation(len(has))], folds)[0] for _ in range(permutations)])
    return {
        "auc": float(auc.mean()),
        "auc_by_chance": float(np.quantile(drawn.mean(1), 0.95)),
        "auc_shuffled": [float(at) for at in np.quantile(drawn.mean(1), (0.05, 0.95))],
        "p": p_value(float(auc.mean()), drawn.mean(1)),
        "balanced_accuracy": float(accuracy.mean()),
        "label_auc": auc.tolist(),
        "label_balanced_accuracy": accuracy.tolist(),
        "label_p": [p_value(float(value), drawn.max(1)) for value in auc],
        "permutations": permutations,
    }


def _scored(gram: Floats, has: Bools, folds: NDArray[Any]) -> tuple[Floats, Floats]:
    """AUC and balanced accuracy of each label, from the guesses on clients that were left out."""
    scores = np.zeros(has.shape)
    for fold in np.unique(folds):
        known, asked = folds != fold, folds == fold
        scores[asked] = _nearer(gram[np.ix_(asked, known)], gram[np.ix_(known, known)], has[known])
    with_it, without = has.sum(0), (~has).sum(0)
    above = (rankdata(scores, axis=0) * has).sum(0) - with_it * (with_it + 1) / 2
    right = ((scores > 0) & has).sum(0) / with_it + ((scores <= 0) & ~has).sum(0) / without
    return above / (with_it * without), right / 2


def _nearer(across: Floats, within: Floats, has: Bools) -> Floats:
    """(asked, labels): how much nearer the centroid with the label is than the one without, squared."""
    return _closeness(across, within, has) - _closeness(across, within, ~has)


def _closeness(across: Floats, within: Floats, members: Bools) -> Floats:
    """Minus the squared distance to the members' centroid, up to what all centroids share."""
    weights = members.astype(np.float64)
    count = np.maximum(weights.sum(0), 1)
    # The product of two different members estimates the centroid's squared length without its noise.
    products = (weights * (within @ weights)).sum(0) - np.diag(within) @ weights
    return np.asarray(2 * (across @ weights) / count - products / np.maximum(count * (count - 1), 1))
