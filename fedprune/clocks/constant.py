"""All clients are equally fast, in every round."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.clocks import Rates
from fedprune.clocks._typical import Typical


@dataclass(frozen=True)
class Constant(Typical):
    """Every client is the typical one: seconds tell methods apart, not clients."""

    def rates(self, client: int, round: int, seed: int) -> Rates:
        return self._typical()
