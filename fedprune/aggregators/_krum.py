"""Krum's score: how near a client's whole model is to those of its nearest peers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from fedprune.aggregators import Ballot
from fedprune.aggregators._whole import everyone, mean_squares


def scores(ballots: Mapping[str, Ballot], attackers: float) -> dict[int, float]:
    """Client -> the sum of its distances to the n - f - 2 clients nearest to it, at least one of them.

    n clients are there, of whom f, the share ``attackers`` rounded up, may not be honest. A distance is the
    mean squared difference over what both hold; it is infinite where that is nothing.
    """
    clients = everyone(ballots)
    nearest = np.sort(mean_squares(ballots, clients), axis=1)[:, 1:]  # Without the client itself.
    count = max(len(clients) - dishonest(len(clients), attackers) - 2, 1)
    sums = nearest[:, :count].sum(axis=1)
    return dict(zip(clients, sums.tolist(), strict=True))


def dishonest(clients: int, attackers: float) -> int:
    """How many of so many clients may not be honest: their share, rounded up."""
    # 0.07 of 100 is 7, although 0.07 * 100 is 7.000000000000001 in floating point.
    return math.ceil(attackers * clients - 1e-9)


def check_share(attackers: float) -> None:
    """Raises ValueError unless the share lies in [0, 0.5)."""
    if not 0 <= attackers < 0.5:
        raise ValueError(f"attackers: must lie in [0, 0.5), got {attackers}")
