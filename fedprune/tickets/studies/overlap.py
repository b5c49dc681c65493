"""How much clients' masks overlap, against chance at the same densities, and with their labels.

For two independent random masks of a layer of n weights that keep a and b, the number X that both keep is
hypergeometric: mean ab/n, variance ab(n-a)(n-b) / (n^2 (n-1)). Layers add up. ``agreement`` is Pearson's
correlation of the two masks' bits: 0 by chance at any density, 1 for equal masks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun, Record
from fedprune.tickets.lab import Plan
from fedprune.tickets.statistics import Floats, mantel, shared_labels
from fedprune.tickets.study_table import StudyTable, number
from fedprune.tickets.verdicts import ALPHA, p_text, told
from fedprune.types import Bools

ALL = "all layers"


def units(run: FinishedRun, plan: Plan) -> Sequence[str]:
    return [*run.layers, ALL]


def measure(run: FinishedRun, plan: Plan, unit: str) -> Record:
    chosen = list(run.layers.values()) if unit == ALL else [run.layers[unit]]
    return {
        **compare(chosen),
        "labels": _with_labels(run, chosen, plan.permutations, unit),
        **_origins(run, list(run.layers) if unit == ALL else [unit]),
    }


def conclude(run: FinishedRun, plan: Plan, measured: Mapping[str, Record]) -> Record:
    matrix = agreement(list(run.layers.values()))
    return {"clients": run.clients, "layers": dict(measured), "agreement": matrix.round(4).tolist()}


def tables(result: Record, score: Score) -> list[StudyTable]:
    header = [
        "layer",
        "density",
        "Jaccard",
        "by chance",
        "Hamming",
        "by chance",
        "agreement",
        "mean z",
        "z of mean",
    ]
    header += ["rho labels", "p", "with initial", "with server's"]
    lines = []
    for name, found in result["layers"].items():
        labels = found["labels"]
        shown = [found[key] for key in ("density", "jaccard", "jaccard_chance", "hamming", "hamming_chance")]
        shown += [found["agreement"]]
        lines.append(
            [
                name,
                *map(number, shown),
                number(found["z_mean"], 1),
                number(found["z"], 1),
                number(labels["rho"]),
                number(labels["p"], 4),
                number(found["agreement_initial"]),
                number(found["agreement_server"]),
            ]
        )
    notes = [
        f"means over pairs of {len(result['clients'])} clients; agreement: correlation of bits",
        "rho: Spearman with shared labels, p by permuting clients",
        "with initial, server's: agreement with masks of the largest initial and last server's weights",
    ]
    return [StudyTable("overlap of masks", header, lines, notes)]


def verdict(result: Record, score: Score) -> str:
    """Whether masks agree beyond chance, and the more so the more labels are shared."""
    found = result["layers"][ALL]
    text = f"masks agree by {number(found['agreement'])}, by chance they would by 0"
    if (z := found["z"]) is not None:
        # One-sided: how often independent masks agree as much, by the normal distribution.
        text = told(math.erfc(z / math.sqrt(2)) / 2, f"{text} (z = {number(z, 1)})")
    rho, p = found["labels"]["rho"], found["labels"]["p"]
    if rho is None:
        return text
    how = "the more so the more labels are shared" if p < ALPHA else "not shown to follow shared labels"
    return f"{text}; {how} (rho = {number(rho)}, {p_text(p)})"


def _with_labels(run: FinishedRun, layers: Sequence[Bools], permutations: int, unit: str) -> Record:
    """Whether masks agree the more, the more labels their clients share; None where there are no labels."""
    if not run.has_classes:
        return {"rho": None, "p": None, "permutations": 0}
    rng = generator(run.seed, f"tickets overlap {unit}")
    return mantel(agreement(layers), shared_labels(run.labels), rng, permutations)


def compare(layers: Sequence[Bools]) -> dict[str, Any]:
    """Means over pairs of masks, bools (clients, entries) by layer, and the test against chance.

    ``z`` tests all pairs at once: the mean of standardised overlaps, whose variance for independent masks is
    1 / pairs, since given their counts any two pairs are uncorrelated.
    """
    both, sizes, _, mean, variance = _counts(layers)
    pairs = np.triu_indices(len(both), 1)
    together = (sizes[:, None] + sizes[None, :])[pairs]
    both, mean, variance = both[pairs], mean[pairs], variance[pairs]
    entries = sum(layer.shape[1] for layer in layers)
    varied = variance > 0
    z = (both[varied] - mean[varied]) / np.sqrt(variance[varied])
    found = agreement(layers)[pairs]
    return {
        "entries": entries,
        "density": float(sizes.mean() / entries),
        "jaccard": float(np.mean(_ratio(both, together - both))),
        # To second order: exact but for terms of the third moment.
        "jaccard_chance": float(
            np.mean(
                _ratio(mean, together - mean)
                + _ratio(variance * together, np.maximum(together - mean, 1) ** 3)
            )
        ),
        "hamming": float(np.mean(together - 2 * both) / entries),
        "hamming_chance": float(np.mean(together - 2 * mean) / entries),
        "agreement": float(found.mean()),
        "agreement_std": float(found.std()),
        "z_mean": float(z.mean()) if len(z) else None,
        "z": float(z.sum() / np.sqrt(len(z))) if len(z) else None,
        "pairs": len(both),
        "pairs_beyond_chance": float(np.mean(np.abs(z) > 1.96)) if len(z) else None,
    }


def agreement(layers: Sequence[Bools]) -> Floats:
    """(clients, clients): correlation of bits within layers; 0 where a mask is constant in all of them."""
    both, _, spreads, mean, _ = _counts(layers)
    scale = np.sqrt(spreads[:, None, :] * spreads[None, :, :]).sum(-1)
    return np.asarray(np.divide(both - mean, scale, out=np.zeros_like(both), where=scale > 0))


def _counts(
    layers: Sequence[Bools],
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Kept by both (clients, clients), kept by each (clients,), n * variance of bits (clients, layers), and
    chance's mean and variance of the first."""
    count = len(layers[0])
    both, mean, variance = np.zeros((3, count, count))
    sizes, spreads = np.zeros(count), np.zeros((count, len(layers)))
    for at, layer in enumerate(layers):
        bits, entries = layer.astype(np.float32), layer.shape[1]
        kept = layer.sum(1).astype(np.float64)
        spreads[:, at] = kept * (entries - kept) / entries
        both += (bits @ bits.T).astype(np.float64)
        mean += np.outer(kept, kept) / entries
        variance += np.outer(spreads[:, at], spreads[:, at]) / max(entries - 1, 1)
        sizes += kept
    return both, sizes, spreads, mean, variance


def _ratio(above: Floats, below: Floats) -> Floats:
    """0 where there is nothing to share."""
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))


def _origins(run: FinishedRun, names: Sequence[str]) -> Record:
    """Mean agreement of clients' masks with masks that only look at where all clients begin."""
    from fedprune.pruning.controls import largest_of

    made = run.experiment.architecture
    found: Record = {}
    for key, weights in (("agreement_initial", run.experiment.initial), ("agreement_server", run.origin)):
        if weights is None:
            found[key] = None
            continue
        rivals = [
            largest_of(weights, Mask({name: mask[name] for name in names}), made)
            for mask in run.masks.values()
        ]
        found[key] = float(
            np.mean(
                [_pair(mask, rival, names) for mask, rival in zip(run.masks.values(), rivals, strict=True)]
            )
        )
    return found


def _pair(first: Mask, second: Mask, names: Sequence[str]) -> float:
    layers = [np.stack([first[name].reshape(-1), second[name].reshape(-1)]) for name in names]
    return float(agreement(layers)[0, 1])
