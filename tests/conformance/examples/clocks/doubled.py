"""Each client is twice as slow as the one before it, until the eighth."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.clocks import Clock, Rates


@dataclass(frozen=True)
class Doubled(Clock):
    """Client 0 computes a multiply-add in ``fastest`` seconds; all connections are alike."""

    fastest: float = 1e-9
    """Seconds per multiply-add of client 0, above 0."""

    def rates(self, client: int, round: int, seed: int) -> Rates:
        """See ``Clock.rates``."""
        return Rates(self.fastest * 2 ** min(client, 7), 1e6, 1e6)
