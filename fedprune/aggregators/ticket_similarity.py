"""Ticket similarity: clients whose mask is far from the others' are turned away before the mean.

A rule of this project's own against clients that keep what nobody else keeps, so as to decide there alone.
Two masks are as similar as the share of coordinates that both keep among those that either keeps (Jaccard).
A client is turned away when the median of its similarities to the others is below ``least`` times the median
of that figure over all clients. So it resists while less than half of the clients lie about their masks, and
their masks differ much more from honest ones than honest ones do among each other.

It never looks at values: a liar with an ordinary mask passes, as does everybody where nothing is masked. One
client, or two whose similarity is mutual, are never turned away. A client with rare data, whose honest mask
is unlike all others, is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedprune.aggregators import Aggregator, Ballot, only
from fedprune.aggregators._whole import everyone
from fedprune.aggregators.mean import Mean
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class TicketSimilarity(Aggregator):
    """The mean over the clients whose masks are like the others'."""

    least: float = 0.8
    """Share of the median client's similarity below which a client is turned away, in [0, 1]."""

    def __post_init__(self) -> None:
        if not 0 <= self.least <= 1:
            raise ValueError(f"least: must lie in [0, 1], got {self.least}")

    def heard(self, ballots: Mapping[str, Ballot]) -> Mapping[str, Ballot]:
        clients = everyone(ballots)
        if len(clients) < 3:
            return ballots
        alike = similarities(ballots, clients)
        np.fill_diagonal(alike, np.nan)
        usual = np.nanmedian(alike, axis=1)
        enough = usual >= self.least * np.median(usual)
        return only(ballots, {client for client, kept in zip(clients, enough, strict=True) if kept})

    def combine(self, ballots: Mapping[str, Ballot]) -> Arrays:
        return Mean().combine(ballots)


def similarities(ballots: Mapping[str, Ballot], clients: list[int]) -> Array:
    """Between each two clients, how many masked coordinates both keep of those that either keeps.

    Returns:
        Shares in [0, 1], float64 of shape (clients, clients); 1 where neither keeps any, or nothing is
        masked.
    """
    both, kept = np.zeros((len(clients), len(clients))), np.zeros(len(clients))
    for ballot in ballots.values():
        if all(held is None for held in ballot.held):
            continue
        rows = np.searchsorted(clients, ballot.clients)
        masks = np.array(
            [
                np.ones(value.shape) if held is None else held
                for value, held in zip(ballot.values, ballot.held, strict=True)
            ],
            np.float64,
        ).reshape(len(rows), -1)
        both[np.ix_(rows, rows)] += masks @ masks.T
        kept[rows] += masks.sum(axis=1)
    either = kept[:, np.newaxis] + kept - both
    return np.divide(both, either, out=np.ones_like(both), where=either > 0)
