"""Norm bounding: the mean of updates, each of which is scaled down to a largest norm first.

Sun, Kairouz, Suresh, McMahan: Can You Really Backdoor Federated Learning?, 2019,
https://arxiv.org/abs/1911.07963 (norm thresholding of updates). Without ``norm`` the bound is the median norm
of the round's updates, as in Nguyen et al.: FLAME: Taming Backdoors in Federated Learning, USENIX Security
2022, https://arxiv.org/abs/2101.02281.

No client moves the mean by more than its share of the bound, in the direction that it likes: an attack is
made small and not taken out. An update is what a client says minus the server's weights before, over all
that the client holds: under masks a client that holds less has a smaller norm and is bounded later. At a
coordinate with one or two holders it still decides alone or by half, within the bound. Of two clients none
is bounded by their median (the larger one is taken), nor is a single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fedprune.aggregators import Aggregator, Ballot
from fedprune.aggregators._whole import drawn_in
from fedprune.aggregators.mean import Mean
from fedprune.types import Arrays


@dataclass(frozen=True)
class NormBounding(Aggregator):
    """The mean of min(1, norm / ||update||) times each update, added to the weights before."""

    norm: float | None = None
    """The largest L2 norm of an update, above 0; the median of the round's norms unless given."""

    def __post_init__(self) -> None:
        if self.norm is not None and self.norm <= 0:
            raise ValueError(f"norm: must be greater than 0, got {self.norm}")

    def combine(self, ballots: Mapping[str, Ballot]) -> Arrays:
        before = {name: ballot.old for name, ballot in ballots.items()}
        return Mean().combine(drawn_in(ballots, before, self.norm))
