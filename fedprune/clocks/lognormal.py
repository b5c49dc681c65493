"""Log-normal speeds: many clients near the typical one, and a long tail of slow ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fedprune.clocks import Rates
from fedprune.clocks._typical import Typical
from fedprune.seeds import generator


@dataclass(frozen=True)
class LogNormal(Typical):
    """Each client's times are the typical ones times exp(sigma z), z standard normal and drawn once a client.

    The typical client is the median. Computing and connection are drawn apart, both of its directions
    together.
    """

    compute_sigma: float = 0.5
    """Spread of the seconds per multiply-add, at least 0; of 0.5 one client in twenty takes 2.3 times as long
    as the median or longer."""
    connection_sigma: float = 0.5
    """Spread of the seconds per byte, at least 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("compute_sigma", "connection_sigma"):
            if not 0 <= getattr(self, name) <= 10:
                raise ValueError(f"{name}: must lie in [0, 10], got {getattr(self, name)}")

    def rates(self, client: int, round: int, seed: int) -> Rates:
        compute, connection = generator(seed, "clock", client=client).standard_normal(2)
        slower = math.exp(self.connection_sigma * connection)
        return Rates(
            self.seconds_per_multiply_add * math.exp(self.compute_sigma * compute),
            self.bytes_per_second_down / slower,
            self.bytes_per_second_up / slower,
        )
