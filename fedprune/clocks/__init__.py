"""The simulated clock: how long a client's part of a round takes, whatever machine simulates it.

A clock is a frozen dataclass in one file of this folder; its fields are the keys of ``[clock]`` in a
scenario. It says how fast a client computes and what its connection carries; the seconds follow from what the
round asked of it: the length of its order, the multiply-adds that it computed, the length of its reply. All
three are counted, so the seconds are the same on every machine, and a method that prunes or compresses is
faster by as much as it computes and sends less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rates:
    """How fast one client is in one round."""

    seconds_per_multiply_add: float
    bytes_per_second_down: float
    bytes_per_second_up: float

    def __post_init__(self) -> None:
        for name, rate in vars(self).items():
            if not (math.isfinite(rate) and rate > 0):
                raise ValueError(f"{name}: must be a finite number above 0, got {rate}")

    def slower(self, factor: float) -> Rates:
        """The same client when all that it does takes ``factor`` times as long."""
        return Rates(
            self.seconds_per_multiply_add * factor,
            self.bytes_per_second_down / factor,
            self.bytes_per_second_up / factor,
        )

    def seconds(self, multiply_adds: int, bytes_down: int, bytes_up: int) -> float:
        """Simulated seconds from when the server sends an order until it has the reply.

        Args:
            multiply_adds: what the client computed in the round.
            bytes_down: length of the order.
            bytes_up: length of the reply.
        """
        down, up = bytes_down / self.bytes_per_second_down, bytes_up / self.bytes_per_second_up
        return down + multiply_adds * self.seconds_per_multiply_add + up


@dataclass(frozen=True)
class Clock:
    """The simulated speeds of a federation's clients."""

    def rates(self, client: int, round: int, seed: int) -> Rates:
        """How fast a client is in a round: a pure function, so that every part of a run finds the same.

        Args:
            client: which client, from 0.
            round: which round, from 1.
            seed: the run's, for what is drawn (see ``fedprune.seeds.generator``).
        """
        raise NotImplementedError
