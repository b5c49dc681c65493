"""Whether clients that cluster by their masks are those that cluster by their labels.

Average linkage on 1 - agreement of masks (see ``overlap``) and on 1 - shared labels, with optimal leaf
ordering (Bar-Joseph, Gifford, Jaakkola, Bioinformatics 2001). Both trees are cut into the same number of
clusters and compared by the adjusted Rand index (Hubert and Arabie 1985), 0 by chance and 1 when equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.statistics import Floats, p_value, shared_labels
from fedprune.tickets.studies.overlap import agreement
from fedprune.tickets.study_table import StudyTable, number
from fedprune.tickets.verdicts import told

MOST = 10
"""Numbers of clusters tried: from 2 to this."""
PERMUTATIONS = 999
"""At most; a score takes far longer than a correlation."""


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    return ["all"]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    rng = generator(run.seed, "tickets clusters")
    permutations = min(plan.permutations, PERMUTATIONS)
    by_masks = 1 - agreement(list(run.layers.values()))
    return {"clients": run.clients, **compare(by_masks, 1 - shared_labels(run.labels), rng, permutations)}


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    return dict(measured["all"])


def tables(result: Record, score: Score) -> list[StudyTable]:
    lines = [[str(cut["clusters"]), number(cut["ari"])] for cut in result["cuts"]]
    lines.append(["best", number(result["best"])])
    notes = [
        f"best against the best of {result['permutations']} shuffles of clients: p = "
        f"{number(result['p'], 4)}, 95 % of them below {number(result['best_by_chance'])}"
    ]
    return [
        StudyTable(
            "clusters by masks against clusters by labels", ["clusters", "adjusted Rand"], lines, notes
        )
    ]


def verdict(result: Record, score: Score) -> str:
    """Whether masks cluster as labels do."""
    best, chance = number(result["best"]), number(result["best_by_chance"])
    return told(result["p"], f"the best cut agrees by {best}, 95 % of shuffles by less than {chance}")


def compare(
    by_masks: Floats, by_labels: Floats, rng: np.random.Generator, permutations: int
) -> dict[str, Any]:
    """Two distance matrices (clients, clients) as trees, and how far their clusters agree.

    The best of all cuts is tested against the best of all cuts with clients shuffled, which pays for having
    looked at several.
    """
    trees = [_tree(by_masks), _tree(by_labels)]
    cuts = range(2, min(MOST, len(by_masks) - 1) + 1)
    ours, theirs = ([_members(hierarchy.fcluster(tree, cut, "maxclust")) for cut in cuts] for tree in trees)
    scores = [adjusted_rand(own, other) for own, other in zip(ours, theirs, strict=True)]
    shuffles = (rng.permutation(len(by_masks)) for _ in range(permutations))
    drawn = np.array(
        [
            max(adjusted_rand(own, other[order]) for own, other in zip(ours, theirs, strict=True))
            for order in shuffles
        ]
    )
    return {
        "cuts": [{"clusters": cut, "ari": score} for cut, score in zip(cuts, scores, strict=True)],
        "best": max(scores),
        "p": p_value(max(scores), drawn),
        "best_by_chance": float(np.quantile(drawn, 0.95)),
        "permutations": permutations,
        "order": hierarchy.leaves_list(trees[0]).tolist(),
        "tree": trees[0].tolist(),
        "order_by_labels": hierarchy.leaves_list(trees[1]).tolist(),
    }


def _tree(distances: Floats) -> Floats:
    symmetric = np.maximum((distances + distances.T) / 2, 0)
    np.fill_diagonal(symmetric, 0)
    return np.asarray(hierarchy.linkage(squareform(symmetric), "average", optimal_ordering=True))


def adjusted_rand(first: Floats, second: Floats) -> float:
    """The adjusted Rand index of two clusterings.

    Each is given as memberships of shape (clients, clusters), zeros and ones.
    """

    def pairs(counts: Floats) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    together, every = pairs(first.T @ second), len(first) * (len(first) - 1) / 2
    ours, theirs = pairs(first.sum(0)), pairs(second.sum(0))
    expected, most = ours * theirs / every, (ours + theirs) / 2
    return (together - expected) / (most - expected) if most > expected else 1.0


def _members(clusters: NDArray[Any]) -> Floats:
    return np.asarray(clusters[:, None] == np.unique(clusters), np.float64)
