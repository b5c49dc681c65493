"""What clocks share that draw each client's speed around a typical one."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.clocks import Clock, Rates


@dataclass(frozen=True)
class Typical(Clock):
    """A typical client's rates.

    The defaults are round figures of a telephone's order of magnitude, nobody's measurement: 10^9
    multiply-adds a second, and a mobile connection of 20 Mbit/s down and 5 Mbit/s up.
    """

    seconds_per_multiply_add: float = 1e-9
    """Seconds that the typical client computes on one multiply-add, above 0."""
    bytes_per_second_down: float = 2.5e6
    """What its connection carries to it in a second, above 0."""
    bytes_per_second_up: float = 6.25e5
    """What its connection carries from it in a second, above 0."""

    def __post_init__(self) -> None:
        self._typical()

    def _typical(self) -> Rates:
        """The typical client's rates. Raises ValueError, naming the field, for a rate that none can have."""
        return Rates(self.seconds_per_multiply_add, self.bytes_per_second_down, self.bytes_per_second_up)
