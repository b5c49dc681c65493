"""Multi-Krum: the mean of the clients' whole models without those that lie farthest from their peers.

Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine Tolerant Gradient
Descent, NeurIPS 2017, https://arxiv.org/abs/1703.02757 (in its experiments). Scores are Krum's
(``krum.py``); the m = n - f clients of the least scores are averaged, by their number of samples
where the method says so. With more than 2 f + 2 clients in a round no f of them can move it arbitrarily far.

Under masks distances are taken as in ``krum.py``, and clients that are turned away count nowhere: what none
of the others holds keeps its old value. A client whose score equals that of the last one chosen is heard as
well, so that no number of a client decides. So two clients are both heard, and of three whose models lie on
a line, with ``attackers`` above 0, one at the end is turned away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fedprune.aggregators import Aggregator, Ballot, only
from fedprune.aggregators._krum import check_share, dishonest, scores
from fedprune.aggregators.mean import Mean
from fedprune.types import Arrays


@dataclass(frozen=True)
class MultiKrum(Aggregator):
    """The mean over all but f clients, those of the largest scores."""

    attackers: float = 0.2
    """Share of a round's clients that may not be honest, in [0, 0.5); f is rounded up."""

    def __post_init__(self) -> None:
        check_share(self.attackers)

    def heard(self, ballots: Mapping[str, Ballot]) -> Mapping[str, Ballot]:
        found = scores(ballots, self.attackers)
        last = sorted(found.values())[len(found) - dishonest(len(found), self.attackers) - 1]
        return only(ballots, {client for client, score in found.items() if score <= last})

    def combine(self, ballots: Mapping[str, Ballot]) -> Arrays:
        return Mean().combine(ballots)
