"""Tests and intervals of the studies, on plain arrays.

P-values of random permutations are (1 + draws at least as extreme) / (1 + draws): never 0, and valid for any
number of draws (Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 2010). Where
there are no more permutations or sign patterns than draws asked for, each is taken once and p is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from fedprune.estimate import estimate

Floats = NDArray[np.float64]


def p_value(seen: float, drawn: Floats) -> float:
    """One-sided: how often a draw is at least ``seen``; ties up to rounding count."""
    return float((1 + np.count_nonzero(drawn >= seen - 1e-12)) / (1 + len(drawn)))


def mantel(first: Floats, second: Floats, rng: np.random.Generator, permutations: int) -> dict[str, Any]:
    """Spearman's correlation of two (n, n) matrices off their diagonals, against shuffled clients.

    Clients of ``second`` are permuted, rows and columns alike (Mantel, Cancer Research 1967), so pairs that
    share a client stay together. ``p`` is one-sided (positive correlation); both are None when either matrix
    is constant.
    """
    count = len(first)
    off = ~np.eye(count, dtype=np.bool_)
    if count < 3 or np.ptp(first[off]) == 0 or np.ptp(second[off]) == 0:
        return {"rho": None, "p": None, "permutations": 0}
    left = _standard(stats.rankdata(first[off]))
    ranks = np.zeros((count, count))
    ranks[off] = _standard(stats.rankdata(second[off]))

    def correlation(order: NDArray[np.int64]) -> float:
        return float(left @ ranks[np.ix_(order, order)][off])

    found = stats.permutation_test(
        (np.arange(count),),
        correlation,
        permutation_type="pairings",
        vectorized=False,
        n_resamples=permutations,
        alternative="greater",
        rng=rng,
    )
    drawn = len(found.null_distribution)
    return {"rho": float(found.statistic), "p": float(found.pvalue), "permutations": drawn}


def paired(differences: Sequence[float], rng: np.random.Generator, permutations: int) -> dict[str, Any]:
    """Mean of paired differences, one for each client, with what says how sure it is.

    ``low`` and ``high``: 95 % interval by Student's t over clients; ``effect``: mean / standard deviation
    (Cohen's d_z), None without spread; ``p``: two-sided, signs flipped at random.
    """
    values = np.asarray(differences, np.float64)
    found, count = estimate(differences), len(values)
    assert found is not None, "nothing to compare"
    deviation = float(values.std(ddof=1)) if count > 1 else 0.0
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "effect": found.mean / deviation if deviation else None,
        # One value is as far from 0 under either sign.
        "p": _sign_flips(values, rng, permutations) if count > 1 else 1.0,
        "clients": count,
    }


def _sign_flips(values: Floats, rng: np.random.Generator, permutations: int) -> float:
    """How often the mean is as far from 0 when each value's sign is as good as its opposite."""
    found = stats.permutation_test(
        (values,),
        lambda flipped, axis: np.abs(flipped.mean(axis=axis)),
        permutation_type="samples",
        vectorized=True,
        n_resamples=permutations,
        alternative="greater",
        rng=rng,
    )
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted for their number (Holm, Scandinavian Journal of Statistics 1979), in the given order."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(raised, 1.0)
    return [float(value) for value in adjusted]


def shared_labels(labels: NDArray[np.int64]) -> Floats:
    """(clients, clients): how much of two clients' label distributions coincides, in [0, 1].

    The sum over labels of the smaller share: 1 minus their total variation distance. With two classes each
    of equal size it is 0, 0.5 or 1.
    """
    shares = labels / labels.sum(1, keepdims=True)
    return np.stack([np.minimum(shares, row).sum(1) for row in shares])


def _standard(values: Floats) -> Floats:
    centred = values - values.mean()
    return np.asarray(centred / np.linalg.norm(centred))
