"""Tests and intervals of the studies, on plain arrays.

All p-values of permutation tests are (1 + draws at least as extreme) / (1 + draws): never 0, and valid for
any number of draws (Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

CONFIDENCE = 0.95


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
    rho = float(left @ ranks[off])
    orders = (rng.permutation(count) for _ in range(permutations))
    drawn = np.array([left @ ranks[np.ix_(order, order)][off] for order in orders])
    return {"rho": rho, "p": p_value(rho, drawn), "permutations": permutations}


def paired(differences: Sequence[float], rng: np.random.Generator, permutations: int) -> dict[str, Any]:
    """Mean of paired differences, one for each client, with what says how sure it is.

    ``low`` and ``high``: 95 % interval by Student's t over clients; ``effect``: mean / standard deviation
    (Cohen's d_z), None without spread; ``p``: two-sided, signs flipped at random.
    """
    values = np.asarray(differences, np.float64)
    count, mean = len(values), float(values.mean())
    deviation = float(values.std(ddof=1)) if count > 1 else 0.0
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * deviation / count**0.5 if count > 1 else None
    signs = rng.integers(0, 2, (permutations, count)) * 2 - 1
    return {
        "mean": mean,
        "low": None if half is None else mean - half,
        "high": None if half is None else mean + half,
        "effect": mean / deviation if deviation else None,
        "p": p_value(abs(mean), np.abs(signs @ values / count)),
        "clients": count,
    }


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
