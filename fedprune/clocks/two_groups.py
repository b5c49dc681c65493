"""Two groups of clients: fast ones, and slow ones that take several times as long for everything."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.clocks import Rates
from fedprune.clocks._typical import Typical
from fedprune.seeds import generator


@dataclass(frozen=True)
class TwoGroups(Typical):
    """The typical client is a fast one; who is slow is drawn once a client."""

    slow: float = 0.5
    """The probability that a client is slow, in [0, 1]."""
    slowdown: float = 10.0
    """How many times as long a slow client takes, at least 1, for computing and for each byte."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.slow <= 1:
            raise ValueError(f"slow: must lie in [0, 1], got {self.slow}")
        if not 1 <= self.slowdown <= 1e6:
            raise ValueError(f"slowdown: must lie in [1, 1000000], got {self.slowdown}")

    def rates(self, client: int, round: int, seed: int) -> Rates:
        is_slow = generator(seed, "clock", client=client).random() < self.slow
        return self._typical().slower(self.slowdown) if is_slow else self._typical()
