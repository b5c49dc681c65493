"""Krum: of all clients' whole models, the one that is nearest to its nearest peers.

Blanchard, El Mhamdi, Guerraoui, Stainer: Machine Learning with Adversaries: Byzantine Tolerant Gradient
Descent, NeurIPS 2017, https://arxiv.org/abs/1703.02757. A client's score is the sum of squared distances to
the n - f - 2 clients nearest to it, where f of n may not be honest; the model of the least score is taken as
it is. The paper's promise needs more than 2 f + 2 clients in the round, and honest ones that differ little.

Under masks a distance is the mean square over the coordinates that both clients hold, so that sparse models
are no nearer for being sparse. Clients that are not chosen count nowhere: what the chosen one does not hold
keeps its old value, whoever else holds it. Where all hold everything this is the paper's rule, with one
departure: of several models with the least score the mean is taken, there the first. So of two clients,
whose scores are equal, it is their mean, and of a single one its model: there this rule resists nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fedprune.aggregators import Aggregator, Ballot, only
from fedprune.aggregators._krum import check_share, scores
from fedprune.aggregators.mean import Mean
from fedprune.types import Arrays


@dataclass(frozen=True)
class Krum(Aggregator):
    """The mean over the clients of the least score, who are mostly one."""

    attackers: float = 0.2
    """Share of a round's clients that may not be honest, in [0, 0.5); f is rounded up."""

    def __post_init__(self) -> None:
        check_share(self.attackers)

    def heard(self, ballots: Mapping[str, Ballot]) -> Mapping[str, Ballot]:
        found = scores(ballots, self.attackers)
        least = min(found.values())
        return only(ballots, {client for client, score in found.items() if score == least})

    def combine(self, ballots: Mapping[str, Ballot]) -> Arrays:
        return Mean().combine(ballots)
